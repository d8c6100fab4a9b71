"""Pictures of results: size against speed, quality against rate."""

from collections.abc import Iterable

from voxz.bench.bdrate import Point, mean_curve
from voxz.bench.cells import Result
from voxz.bench.tables import ALL, Mean, curves, kinds
from voxz.plotting import new_figure, png_bytes

_MARKS = "os^Dv<>Pph*Xd"


def scatter(rows: Iterable[Mean], reference: str | None) -> bytes:
    """PNG: size (to the reference, or bits/voxel) against encoding and decoding speed, codecs of all volumes."""
    chosen = [row for row in rows if row.kind == ALL]
    figure, axes = new_figure(1, 2, (12, 5.2))
    for axis, verb in zip(axes.flat, ("encode", "decode"), strict=True):
        for number, row in enumerate(chosen):
            speed = getattr(row, f"{verb}_mb_s")
            size = row.to_reference if row.to_reference is not None else row.bits_per_voxel
            looks = {"s": 70, "color": "crimson"} if row.codec.startswith("voxz") else {"s": 40, "color": f"C{number % 10}"}
            axis.scatter(speed, size, marker=_MARKS[number % len(_MARKS)], **looks)
            axis.annotate(row.codec, (speed, size), textcoords="offset points", xytext=(6, 3), fontsize=7)
        axis.set_xscale("log")
        axis.set_xlabel(f"{verb[:-1]}ing, MB/s per core")
        axis.set_ylabel(f"size / {reference}" if reference else "bits/voxel")
        axis.grid(alpha=0.3, which="both")
    return png_bytes(figure)


def rate_distortion(results: list[Result]) -> bytes:
    """PNG: PSNR against bits/voxel, one panel a volume."""
    return _panels(curves(results))


def rate_distortion_by_kind(results: list[Result]) -> bytes:
    """PNG: the mean of the curves of all volumes of a kind, over the rates that all of them cover."""
    by_volume = curves(results)
    kind_by_volume = {result.volume: result.kind for result in results}
    panels: dict[str, dict[str, list[Point]]] = {}
    for kind in kinds(result for result in results if result.volume in by_volume):
        members = [of for volume, of in by_volume.items() if kind in (ALL, kind_by_volume[volume])]
        families = dict.fromkeys(family for of in members for family in of)
        complete = [family for family in families if all(family in of for of in members)]
        panels[f"{kind} ({len(members)})"] = {family: mean_curve([of[family] for of in members]) for family in complete}
    return _panels(panels)


def _panels(panels: dict[str, dict[str, list[Point]]]) -> bytes:
    columns = min(3, max(1, len(panels)))
    rows = max(1, -(-len(panels) // columns))
    figure, axes = new_figure(rows, columns, (5.2 * columns, 4.2 * rows))
    families = list(dict.fromkeys(family for of in panels.values() for family in of))
    for axis, (title, of) in zip(axes.flat, panels.items(), strict=False):
        for family, points in of.items():
            number = families.index(family)
            rates, quality = zip(*points, strict=True) if points else ((), ())
            axis.plot(rates, quality, marker=_MARKS[number % len(_MARKS)], ms=3.5, lw=1.2, color=f"C{number % 10}", label=family)
        axis.set_title(title, fontsize=9)
        axis.set_xscale("log")
        axis.set_xlabel("bits/voxel")
        axis.set_ylabel("PSNR, dB (peak: max - min)")
        axis.grid(alpha=0.3, which="both")
        if of:
            axis.legend(fontsize=6)
    for axis in list(axes.flat)[len(panels) :]:
        axis.remove()
    return png_bytes(figure)
