"""Pictures of results: size against speed, quality against rate."""

from collections.abc import Iterable
from typing import Any

from voxz.bench.bdrate import Point, mean_curve
from voxz.bench.cells import Result
from voxz.bench.tables import ALL, Mean, curves, kinds
from voxz.plotting import COLOURS, new_figure, png_bytes

_MARKS = "os^Dv<>Pph*Xd"
_OWN = ("crimson", "#ff7f0e", "#8b0000", "#ff69b4")
"""Those of voxz."""

Looks = dict[str, dict[str, str]]
"""Colour and mark by the name of a codec or family."""


def looks_of(names: Iterable[str]) -> Looks:
    """One look for each name, the same in all pictures of a page."""
    found: Looks = {}
    counts = [0, 0]
    for name in sorted(set(names)):
        own = name.startswith("voxz")
        number = counts[own]
        counts[own] += 1
        colours = _OWN if own else COLOURS
        found[name] = {"color": colours[number % len(colours)], "marker": _MARKS[number % len(_MARKS)]}
    return found


def _logarithmic(axis: Any) -> None:
    """Make the horizontal axis logarithmic, with numbers for labels, few enough not to run into each other."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter  # noqa: PLC0415 - in the extra `bench`

    axis.set_xscale("log")
    axis.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())


def scatter(rows: Iterable[Mean], reference: str | None, looks: Looks) -> bytes:
    """PNG: size (to the reference, or bits/voxel) against encoding and decoding speed, codecs of all volumes."""
    chosen = [row for row in rows if row.kind == ALL]
    figure, axes = new_figure(1, 2, (12, 5.2))
    for axis, verb in zip(axes.flat, ("encode", "decode"), strict=True):
        for row in chosen:
            speed = getattr(row, f"{verb}_mb_s")
            size = row.to_reference if row.to_reference is not None else row.bits_per_voxel
            axis.scatter(speed, size, s=70 if row.codec.startswith("voxz") else 40, **looks[row.codec])
            axis.annotate(row.codec, (speed, size), textcoords="offset points", xytext=(6, 3), fontsize=7)
        _logarithmic(axis)
        axis.set_xlabel(f"{verb[:-1]}ing, MB/s per core")
        axis.set_ylabel(f"size / {reference}" if reference else "bits/voxel")
        axis.grid(alpha=0.3, which="both")
    return png_bytes(figure)


def rate_distortion(results: list[Result], looks: Looks) -> bytes:
    """PNG: PSNR against bits/voxel, one panel a volume."""
    return _panels(curves(results), looks)


def rate_distortion_by_kind(results: list[Result], looks: Looks) -> bytes:
    """PNG: the mean of the curves of all volumes of a kind, over the rates that all of them cover."""
    by_volume = curves(results)
    kind_by_volume = {result.volume: result.kind for result in results}
    panels: dict[str, dict[str, list[Point]]] = {}
    for kind in kinds(result for result in results if result.volume in by_volume):
        members = [of for volume, of in by_volume.items() if kind in (ALL, kind_by_volume[volume])]
        families = dict.fromkeys(family for of in members for family in of)
        complete = [family for family in families if all(family in of for of in members)]
        panels[f"{kind} ({len(members)})"] = {family: mean_curve([of[family] for of in members]) for family in complete}
    return _panels(panels, looks)


def _panels(panels: dict[str, dict[str, list[Point]]], looks: Looks) -> bytes:
    columns = min(3, max(1, len(panels)))
    rows = max(1, -(-len(panels) // columns))
    figure, axes = new_figure(rows, columns, (5.2 * columns, 4.2 * rows))
    for axis, (title, of) in zip(axes.flat, panels.items(), strict=False):
        for family, points in of.items():
            rates, quality = zip(*points, strict=True) if points else ((), ())
            axis.plot(rates, quality, ms=3.5, lw=1.2, label=family, **looks[family])
        axis.set_title(title, fontsize=9)
        _logarithmic(axis)
        axis.set_xlabel("bits/voxel")
        axis.set_ylabel("PSNR, dB (peak: max - min)")
        axis.grid(alpha=0.3, which="both")
        if of:
            axis.legend(fontsize=6)
    for axis in list(axes.flat)[len(panels) :]:
        axis.remove()
    return png_bytes(figure)
