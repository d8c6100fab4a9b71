"""Results as aligned lines for people; programs take the JSON."""

from typing import Any

from voxz.compare.compare import Comparison, Histogram, VolumeComparison
from voxz.image.facts import Info
from voxz.image.series_facts import SeriesFacts

_WIDTH = 18
_FEW = 9
"""Errors that are listed one by one."""


def printable(text: str) -> str:
    """Text without characters that a terminal would obey: controls, changes of direction and broken letters are escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


def size_text(size: float) -> str:
    """Bytes in units of people: ``1.9 TB``."""
    power = 0
    while size >= 999.5 and power < len(_UNITS) - 1:
        size, power = size / 1000, power + 1
    return f"{size:.3g} {_UNITS[power]}"


def info_text(facts: Info, gzip: tuple[float, int] | None = None) -> str:
    """Lines for the result of `voxz.info`; without those that say nothing, such as the level of an archive.

    Also for that of `gzip_ratio`, if there is one.
    """
    loss = facts.loss
    lines = []
    for name, value in vars(facts).items():
        if name == "target" and loss:
            lines.append(_line(name, loss.promise))
        elif name == "loss" and loss:
            lines += ["measured when written, in stored units"]
            lines += [_line(f"  {key}", entry) for key, entry in vars(loss).items() if key not in ("promise", "asked", "unit")]
        elif name == "lossy_before":
            lines += [_line(name, mark) for mark in value]
        elif name == "gzip_files":
            lines += [_line(f"gzip {word}" if file else "gzip bytes", file or word) for file, word in value.items()]
        elif name == "voxel_mm" and value:
            lines.append(_line("voxel", f"{' x '.join(f'{size:.4g}' for size in value)} mm"))
        elif name.endswith("bytes") and name != "header_bytes" and value:
            lines.append(_line(name, f"{value:,} ({size_text(value)})"))
        elif name == "series":
            lines += [_line(f"series {number}", _series(entry)) for number, entry in enumerate(value)]
        elif name != "loss" and value not in ("", (), {}, None) and (value or facts.dtype):
            lines.append(_line(name, value))
    if gzip is not None:
        ratio, bricks = gzip
        lines.append(_line("to .nii.gz", f"{ratio:.2f} times smaller (gzip -6, from {bricks} brick{'s' if bricks > 1 else ''})"))
    return "\n".join(lines)


def _series(series: SeriesFacts) -> str:
    """A volume of an archive in one line."""
    spacing = f"{' x '.join(f'{n:.4g}' for n in series.spacing_mm)} mm" if series.spacing_mm else ""
    told = ", ".join(f"{name} {value}" for name, value in series.facts.items())
    samples = f"{'x'.join(map(str, series.shape))} {series.dtype}{f' x {series.channels}' if series.channels > 1 else ''}"
    return ", ".join(
        part
        for part in (f"{series.name}: {samples}", spacing, f"{series.files} file{'s' if series.files != 1 else ''}", told)
        if part
    )


def outcome_line(facts: Info, before: int) -> str:
    """One line about a file that was just written, from the result of `voxz.info` and the bytes of the input (0: unknown)."""
    size = f"{before or facts.content_bytes:,} => {facts.bytes:,} bytes"
    share = f" ({100 * facts.bytes / before:.1f} %)" if before else ""
    loss = facts.loss
    if not loss:
        return f"{size}{share}, lossless"
    quality = "nothing lost" if loss.psnr_db is None else f"PSNR {loss.psnr_db:.1f} dB"
    return f"{size}{share}, max error {loss.largest_error:.6g}, {quality}, {facts.ratio:.1f} : 1"


def comparison_text(result: Comparison) -> str:
    """Lines for the result of `voxz.compare`; with a row for each volume of a series."""
    sizes = [n for n in result.shape[:0:-1] if n != 1] + [n for n in result.shape[:1] if n != 1]
    samples = f"{'x'.join(map(str, sizes)) or 1} {result.dtype}"
    share = 100 * result.foreground_share
    lines = [
        _line("identical", result.identical),
        _line("samples", samples),
        _line("data range", result.data_range),
        _line("max error", result.max_error),
        _line("mean error", result.mean_error),
        _line("rmse", result.rmse),
        _line("psnr db", _decibels(result.psnr_db)),
        _line("foreground psnr db", f"{_decibels(result.foreground_psnr_db)} ({share:.1f} % of the voxels)"),
        _line("ssim", "-" if result.ssim is None else f"{result.ssim:.5f}"),
        _line("autocorrelation", _correlations(result.autocorrelation)),
        _line("errors", _errors(result.histogram)),
    ]
    if len(result.volumes) > 1:
        lines += ["", *_volumes(result.volumes)]
    return "\n".join(lines)


def _line(name: str, value: Any) -> str:
    return f"{name.replace('_', ' '):<{_WIDTH}} {_plain(value)}".rstrip()


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{printable(name)} {count}" for name, count in value.items())
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else printable(str(value))


def _decibels(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _correlations(values: dict[str, float | None]) -> str:
    return ", ".join(f"{name} {'-' if value is None else f'{value:.3f}'}" for name, value in values.items()) or "-"


def _errors(histogram: Histogram) -> str:
    """Shares of few whole errors, else the range that most lie in."""
    edges, counts = histogram.edges, histogram.counts
    total = sum(counts)
    if not total:
        return "-"
    if len(counts) <= _FEW:
        return ", ".join(f"{low + 0.5:g}: {100 * count / total:.1f} %" for low, count in zip(edges, counts, strict=False))
    inside, first, last = total, 0, len(counts) - 1
    while inside - min(counts[first], counts[last]) >= 0.99 * total:
        at_start = counts[first] <= counts[last]
        inside -= counts[first] if at_start else counts[last]
        first, last = (first + 1, last) if at_start else (first, last - 1)
    return f"{100 * inside / total:.1f} % in {edges[first]:.6g} .. {edges[last + 1]:.6g}"


def _volumes(volumes: tuple[VolumeComparison, ...]) -> list[str]:
    lines = ["volume   max error  mean error        rmse  psnr db  foreground     ssim"]
    for number, of in enumerate(volumes):
        quality = "-" if of.ssim is None else f"{of.ssim:.5f}"
        lines.append(
            f"{number:>6} {of.max_error:>11.6g} {of.mean_error:>11.4g} {of.rmse:>11.5g} {_decibels(of.psnr_db):>8} "
            f"{_decibels(of.foreground_psnr_db):>11} {quality:>8}"
        )
    return lines
