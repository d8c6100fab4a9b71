"""One self-contained HTML page about a file, for whoever asks whether it may be kept instead of its original.

The verdict comes first, then pictures, then figures. The page loads nothing, so that it can be mailed or put beside the data.
"""

import html
import platform
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from importlib import metadata, resources

import numpy as np

from voxz.compare.compare import Comparison, compared
from voxz.image.facts import Info
from voxz.report.charts import Line, Mark, chart
from voxz.report.evidence import Evidence
from voxz.report.maps import Before, maps_of
from voxz.report.pictures import map_pictures, pictures
from voxz.report.residual import Structure, structure_of
from voxz.report.verdict import Sign, Verdict, verdict_of
from voxz.report.what_if import Setting, settings_of

Say = Callable[[str], None]

_MOST_ROWS = 4096
"""Rows of a table of series."""


def page_of(evidence: Evidence, *, threads: int | None = None, say: Say = lambda _: None) -> str:
    """HTML of a report; the file was verified before.

    Parameters
    ----------
    say : called with what is done next
    """
    comparison = structure = None
    if evidence.original is not None:
        say("comparing")
        with np.errstate(invalid="ignore", over="ignore"):  # figures of NaN and infinity are NaN or infinity themselves
            comparison = compared(evidence.original, evidence.decoded)
    largest = 0.0 if comparison is None else comparison.max_error
    structure = structure_of(evidence) if largest else None
    verdict = verdict_of(evidence, comparison, structure)
    say("pictures")
    shown, data = pictures(evidence, largest)
    parts = [_head(evidence.name, verdict), shown]
    if structure is not None and comparison is not None:
        say("figures")
        parts += [_structure(evidence, comparison, structure), _places(evidence, comparison)]
        parts.append(_maps(maps_of(evidence), evidence))
    if evidence.facts.loss is not None and evidence.facts.loss.largest_error:
        say("other bounds")
        parts.append(_what_if(*settings_of(evidence, threads)))
    parts.append(_about(evidence.facts, evidence.name, evidence.original_name))
    return filled(f"{evidence.name}: report", "".join(parts), data, script("report.js"))


def archive_page(name: str, facts: Info) -> str:
    """HTML of a report about an archive of files, which is lossless and was verified: its volumes are listed without names."""
    points: list[tuple[Sign, str]] = [
        ("good", f"{facts.files:,} files come back byte for byte: each was decoded and compared with its checksums."),
        ("fact", f"{facts.bytes:,} bytes, {facts.ratio:.2f} times smaller than the files."),
    ]
    gzip = sum(word == "content only" for word in facts.gzip_files.values())
    if gzip:
        points.append(("note", f"Of {gzip} files in gzip the content comes back, in other gzip."))
    rows = [
        [
            str(n),
            "x".join(map(str, of.shape)),
            of.dtype,
            str(of.files),
            of.format,
            ", ".join(f"{k} {v}" for k, v in of.facts.items()),
        ]
        for n, of in enumerate(facts.series[:_MOST_ROWS])
    ]
    listed = table(["volume", "shape", "type", "files", "format", "told"], rows) if rows else "<p>It has no volumes.</p>"
    headline = "Identical: every file comes back exactly." if not gzip else "Every file comes back, some in other gzip."
    body = _head(name, Verdict("good", headline, tuple(points))) + f"<h2>Volumes</h2>{listed}" + _about(facts, name, "")
    return filled(f"{name}: report", body, "", "")


def filled(title: str, body: str, data: str, code: str) -> str:
    """A page with the look of all reports."""
    folder = resources.files("voxz.report")
    page, style = ((folder / name).read_text(encoding="utf-8") for name in ("page.html", "page.css"))
    result = ""
    parts = {"{{title}}": html.escape(title), "{{style}}": style, "{{body}}": body, "{{data}}": data, "{{script}}": code}
    for mark, text in parts.items():  # in their order, so that nothing is looked for in what was filled in
        before, page = page.split(mark, 1)
        result += before + text
    return result + page


def script(name: str) -> str:
    """JavaScript of the package."""
    return (resources.files("voxz.report") / name).read_text(encoding="utf-8")


def table(heads: Iterable[str], rows: Iterable[Iterable[str]], numbers: Sequence[int] = (), current: int = -1) -> str:
    """An HTML table; columns of `numbers` are set to the right, the row `current` stands out."""

    def cell(tag: str, n: int, text: str) -> str:
        return f"<{tag}{' class=n' if n in numbers else ''}>{html.escape(text)}</{tag}>"

    head = "".join(cell("th", n, text) for n, text in enumerate(heads))
    body = "".join(
        f"<tr{' class=current' if k == current else ''}>{''.join(cell('td', n, text) for n, text in enumerate(row))}</tr>"
        for k, row in enumerate(rows)
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _head(name: str, verdict: Verdict) -> str:
    points = "".join(f'<li class="{sign}">{html.escape(words)}</li>' for sign, words in verdict.points)
    return (
        f"<h1>{html.escape(name)}: may it be kept instead of the original?</h1>"
        f'<div class="verdict {verdict.sign}"><b class="head">{html.escape(verdict.headline)}</b><ul>{points}</ul></div>'
    )


def _figure(title: str, drawing: str, words: str = "") -> str:
    return f"<figure><figcaption>{html.escape(title)}</figcaption>{drawing}<p>{html.escape(words)}</p></figure>"


def _structure(evidence: Evidence, comparison: Comparison, structure: Structure) -> str:
    """Charts about what errors are like."""
    slope, unit = abs(evidence.slope), " (HU)" if evidence.hounsfield is not None else ""
    histogram, noise = comparison.histogram, evidence.noise * slope
    total = max(1, sum(histogram.counts))
    bound = evidence.facts.loss.bound if evidence.facts.loss else None
    marks = [Mark(side * bound * slope, "bound") for side in (-1, 1)] if bound else []
    drawn = Line([edge * slope for edge in histogram.edges], [100 * count / total for count in histogram.counts], steps=True)
    figures = [
        _figure(
            "How often each error occurs",
            chart([drawn], f"decoded − original{unit}", "voxels, %", marks=marks, log=len(histogram.counts) > 12, zero=True),
            f"RMSE {comparison.rmse * slope:.4g}, mean {comparison.mean_error * evidence.slope:+.3g}, largest "
            f"{comparison.max_error * slope:.6g}. All voxels, also those of the background.",
        )
    ]
    lines = [Line(range(1, len(values) + 1), values, axis, dots=True) for axis, values in structure.correlations.items()]
    figures.append(
        _figure(
            "Do neighbours share errors?",
            chart(lines, "voxels apart", "correlation", marks=[Mark(0.1, "", "y"), Mark(-0.1, "", "y")], zero=True),
            "White errors have none. Positive: blur and blocks. Negative: errors that alternate.",
        )
    )
    if structure.power:
        figures.append(
            _figure(
                "Spectrum of the errors, in slices",
                chart(
                    [Line(structure.frequencies, structure.power)],
                    "cycles per voxel",
                    "power",
                    marks=[Mark(1, "white", "y")],
                    zero=True,
                ),
                "Flat for white errors. A peak at 0: areas are off together. A rise to the right: fine detail was taken away.",
            )
        )
    if structure.intensities:
        x = [value * evidence.slope + evidence.intercept + (evidence.hounsfield or 0) for value in structure.intensities]
        lines = [
            Line(x, [value * slope for value in structure.sizes], "RMSE", dots=True),
            Line(x, [value * evidence.slope for value in structure.biases], "mean", dots=True),
        ]
        marks = [Mark(noise, "noise", "y")] if 0 < noise < 8 * max(structure.sizes) * slope else []
        figures.append(
            _figure(
                "Error against intensity",
                chart(lines, f"intensity of the original{unit}", f"error{unit}", marks=marks, zero=True),
                "Groups of equally many voxels. A mean that leaves 0 is a bias at that intensity.",
            )
        )
    if structure.seams:
        rows = [[axis, f"{step:.3f}"] for axis, step in structure.seams.items()]
        heads = ["across", "step of the error at borders of bricks, to that elsewhere"]
        figures.append(_figure("Borders of bricks", table(heads, rows), "1: nothing is seen of them."))
    some = f" {structure.volumes} of {len(evidence.decoded)} volumes were looked at."
    looked = some if structure.volumes < len(evidence.decoded) else ""
    foreground = f'<p class="small">Without constant background.{looked}</p>'
    return f'<section><h2>What the errors are like</h2>{foreground}<div class="charts">{"".join(figures)}</div></section>'


def _places(evidence: Evidence, comparison: Comparison) -> str:
    """Charts by slice and by volume."""
    slope, unit = abs(evidence.slope), " (HU)" if evidence.hounsfield is not None else ""
    t = evidence.worst[0]
    volume, bits = comparison.volumes[t], evidence.bits_of_slices
    samples = evidence.decoded[0, 0].size
    z = range(len(volume.slices_rmse))
    which = f" of volume {t}, which has the largest error" if len(comparison.volumes) > 1 else ""
    figures = []
    if len(z) > 1:
        lines = [
            Line(z, [value * slope for value in volume.slices_max_error], "largest", dots=len(z) < 60),
            Line(z, [value * slope for value in volume.slices_rmse], "RMSE", dots=len(z) < 60),
        ]
        figures.append(_figure(f"Errors by slice{which}", chart(lines, "slice z", f"error{unit}", zero=True)))
    if len(z) > 1 and np.ptp(bits[t]):
        line = Line(z, (bits[t] / samples).tolist())
        words = "A brick's bytes are spread evenly over its slices."
        figures.append(_figure(f"Size by slice{which}", chart([line], "slice z", "bits per sample", zero=True), words))
    series = range(len(comparison.volumes))
    if len(series) > 1:
        lines = [
            Line(series, [of.max_error * slope for of in comparison.volumes], "largest", dots=len(series) < 60),
            Line(series, [of.rmse * slope for of in comparison.volumes], "RMSE", dots=len(series) < 60),
        ]
        figures.append(_figure("Errors by volume", chart(lines, "volume", f"error{unit}", zero=True)))
    if len(series) > 1 and np.ptp(bits.sum(axis=1)):
        line = Line(series, (bits.sum(axis=1) / samples / len(z)).tolist())
        figures.append(_figure("Size by volume", chart([line], "volume", "bits per sample", zero=True)))
    return f'<section><h2>By place</h2><div class="charts">{"".join(figures)}</div></section>' if figures else ""


def _maps(maps: Sequence[Before], evidence: Evidence) -> str:
    shown = "".join(
        f"<h3>{html.escape(found.name)}</h3><p>{html.escape(found.words)}</p>"
        f"<div class=maps>{map_pictures(found, evidence.spacing_mm)}</div>"
        for found in maps
    )
    return f"<section><h2>What an analysis sees</h2>{shown}</section>" if shown else ""


def _what_if(settings: Sequence[Setting], part: str) -> str:
    if not settings:
        return ""
    rows = [
        ["lossless" if not of.bound else f"--max-error {of.bound:.6g}", f"{of.bits:.3f}", f"{100 * of.to_gzip:.1f} %"]
        for of in settings
    ]
    current = next((n for n, of in enumerate(settings) if of.current), -1)
    listed = table(["target", "bits per sample", "of .nii.gz"], rows, (1, 2), current)
    line = Line([of.bound for of in settings], [of.bits for of in settings], dots=True)
    marks = [Mark(of.bound, "this file") for of in settings if of.current and of.bound]
    drawing = chart([line], "largest error, stored units", "bits per sample", marks=marks, zero=True)
    words = "Compressed for this page." if part == "all of it" else f"Of {part}, compressed for this page; the whole may differ."
    return (
        f'<section><h2>What if?</h2><div class="charts"><div>{listed}<p>{html.escape(words)}</p></div>'
        f"{_figure('Size against the bound', drawing)}</div></section>"
    )


def _about(facts: Info, name: str, original: str) -> str:
    """What the file is, and how the page was made."""
    given = f" --original {original}" if original else ""
    codecs = ", ".join(f"{codec} {count}" for codec, count in facts.codecs.items())
    rows = [
        ["format", f"{facts.format}; original: {facts.original}"],
        ["image", f"{'x'.join(map(str, facts.shape))} {facts.dtype}" if facts.dtype else f"{facts.arrays} volumes"],
        ["target", facts.loss.promise if facts.loss else "lossless"],
        ["level, codecs", f"{facts.level}, bricks: {codecs}" if facts.dtype else ""],
        ["bytes", f"{facts.bytes:,}; uncompressed {facts.content_bytes:,}"],
        ["SHA-256 of the original", facts.original_sha256],
        ["SHA-256 of the samples", facts.samples_sha256],
        ["checked", "every checksum of the file, decoded in full"],
        ["made by", f"voxz {metadata.version('voxz')}, Python {platform.python_version()}, numpy {np.__version__}"],
        ["command", f"voxz report {name}{given}"],
        ["date", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"],
    ]
    if facts.loss is not None and facts.loss.largest_error:
        rows[5][0], rows[6][0] = "SHA-256 of what is restored", "SHA-256 of its samples"
    return f"<section><h2>About the file</h2>{table(['', ''], [row for row in rows if row[1]])}</section>"
