"""One page about a study that was compressed: a table of its files, how they compare with others of their kind, what failed.

All of it comes from the manifest and from the fronts of the files, which say what they promise and lost; nothing is decoded.
Files that stand out among those of their kind are named, so that somebody looks at them.
"""

import base64
import csv
import html
import io
import json
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path, PurePosixPath

from voxz import api
from voxz.bench.volumes import kind_of
from voxz.errors import UsageError, VoxzError
from voxz.report.charts import strips
from voxz.report.page import filled, script
from voxz.studies.manifest import DONE, FAILED, MANIFEST, Manifest, Record

_FEWEST = 5
"""Files of a kind from which on one can stand out."""

_FAR = 4.0
"""Deviations from the median, in median absolute deviations scaled to those of a normal distribution."""

_LEAST_SPREAD = 0.01
"""Share of the median that counts as spread at least: files that are all alike have no outliers."""

MOST_PAGES = 8
"""Outliers that get a page of their own at most."""


@dataclass(frozen=True)
class Row:
    """A file of the study; figures in stored units, None where there are none.

    Attributes
    ----------
    file, kind, outcome : path within the study, kind of scan, done or failed
    shape, dtype, codec : of its samples
    size, written : bytes before and after
    percent : of the bytes before
    bound, largest_error, rmse, noise, psnr_db : as the file says; of lossless files, None
    rmse_to_noise : RMSE in standard deviations of the noise
    kept : whether the largest error is within the bound
    seconds : that compressing took
    why : stands out, or failed
    """

    file: str
    kind: str
    outcome: str
    shape: str = ""
    dtype: str = ""
    codec: str = ""
    size: int = 0
    written: int = 0
    percent: float | None = None
    bound: float | None = None
    largest_error: float | None = None
    rmse: float | None = None
    noise: float | None = None
    rmse_to_noise: float | None = None
    psnr_db: float | None = None
    kept: bool | None = None
    seconds: float = 0.0
    why: str = ""


def rows_of(out: Path, say: Callable[[int, int], None] = lambda *_: None) -> list[Row]:
    """Files of a study that was compressed to `out`, with what stands out.

    Raises
    ------
    UsageError
        There is no manifest.
    """
    if not (out / MANIFEST).is_file():
        raise UsageError(f"{out} has no manifest ({MANIFEST}); give the folder that voxz compress -r wrote")
    records = [record for record in Manifest(out) if record.kind in ("image", "archive") and record.outcome in (DONE, FAILED)]
    found = []
    for number, record in enumerate(sorted(records, key=lambda record: record.destination)):
        found.append(_row(out, record))
        say(number + 1, len(records))
    return _with_outliers(found)


def study_page(name: str, rows: Sequence[Row], pages: dict[str, str]) -> str:
    """HTML of the report.

    Parameters
    ----------
    name : of the study
    pages : links to pages of single files, by `Row.file`
    """
    done = [row for row in rows if row.outcome == DONE]
    before, after = sum(row.size for row in done), sum(row.written for row in done)
    failed, strange = len(rows) - len(done), [row for row in done if row.why]
    lossy = [row for row in done if row.kept is not None]
    broken = [row for row in lossy if not row.kept]
    share = f" ({100 * after / before:.1f} %)" if before else ""
    points = [("fact", f"{before:,} => {after:,} bytes{share}.")]
    points.append(
        ("bad", f"{failed} files failed; they are listed first.") if failed else ("good", "No file failed, as the manifest says.")
    )
    if lossy:
        words = f"{len(lossy)} files lost something: in all of them the largest error is within what was promised."
        points.append(("bad", f"{len(broken)} files break their promise.") if broken else ("good", words))
        sizes = [row.rmse_to_noise for row in lossy if row.rmse_to_noise is not None]
        if sizes:
            points.append(
                (
                    "fact",
                    f"RMSE in standard deviations of the noise: median {statistics.median(sizes):.2f}, at most {max(sizes):.2f}.",
                )
            )
    else:
        points.append(("good", "Everything is lossless."))
    if strange:
        points.append(("note", f"{len(strange)} files stand out among those of their kind: look at them."))
    points.append(
        ("fact", "This page reads the manifest and what files say; voxz verify -r decodes and compares all of them again.")
    )
    sign = "bad" if failed or broken else "note" if strange else "good"
    listed = "".join(f'<li class="{kind}">{html.escape(words)}</li>' for kind, words in points)
    headline = f"{len(done):,} images and archives compressed" + (f", {failed} failed" if failed else "")
    body = (
        f'<h1>{html.escape(name)}: what became of the study</h1><div class="verdict {sign}"><b class="head">{headline}</b>'
        f"<ul>{listed}</ul></div>{_strips(done, pages)}{_table(rows, pages)}"
        f'<p class="small">voxz {metadata.version("voxz")}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, '
        f"command: voxz report -r {html.escape(name)}</p>"
    )
    return filled(f"{name}: report", body, "", script("study.js"))


def csv_of(rows: Iterable[Row]) -> str:
    """All figures, a line for each file."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(Row.__dataclass_fields__), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: "" if value is None else value for name, value in asdict(row).items()} for row in rows)
    return text.getvalue()


def _row(out: Path, record: Record) -> Row:
    kind = kind_of(Path(PurePosixPath(record.source).name), 1)
    row = Row(record.destination, kind, record.outcome, size=record.size, written=record.written, seconds=record.seconds)
    if record.outcome != DONE:
        return _changed(row, why=record.error)
    try:
        facts = api.info(out / record.destination)
    except (VoxzError, OSError) as error:
        return _changed(row, outcome=FAILED, why=f"it cannot be read any more: {getattr(error, 'strerror', None) or error}")
    if record.kind == "archive":
        kind = next((of.facts["modality"] for of in facts.series if of.facts.get("modality")), "archive")
    elif kind == "3-D" and len(facts.shape) > 3:
        kind = "series"
    loss = facts.loss
    row = _changed(
        row,
        kind=kind,
        shape=" x ".join(map(str, facts.shape)) or f"{facts.arrays} volumes",
        dtype=facts.dtype,
        codec="+".join(facts.codecs),
        percent=100 * record.written / record.size if record.size else None,
    )
    if loss is None or not loss.largest_error:
        return row
    return _changed(
        row,
        bound=loss.bound,
        largest_error=loss.largest_error,
        rmse=loss.rmse,
        noise=loss.noise,
        rmse_to_noise=loss.rmse / loss.noise if loss.noise else None,
        psnr_db=loss.psnr_db,
        kept=loss.bound is None or loss.largest_error <= loss.bound,
    )


def _changed(row: Row, **values: object) -> Row:
    return Row(**(asdict(row) | values))


def _with_outliers(rows: list[Row]) -> list[Row]:
    """Say of each file whether it is far from the others of its kind."""
    result = list(rows)
    for kind in dict.fromkeys(row.kind for row in rows):
        for name, words in (("percent", "size"), ("rmse_to_noise", "RMSE beside the noise")):
            places = [
                n for n, row in enumerate(result) if row.kind == kind and row.outcome == DONE and getattr(row, name) is not None
            ]
            values = [float(getattr(result[n], name)) for n in places]
            if len(values) < _FEWEST:
                continue
            middle = statistics.median(values)
            spread = max(1.4826 * statistics.median(abs(value - middle) for value in values), _LEAST_SPREAD * abs(middle), 1e-12)
            for n, value in zip(places, values, strict=True):
                if abs(value - middle) > _FAR * spread:
                    why = f"{words} {value:.3g}{' %' if name == 'percent' else ''}, usually {middle:.3g}"
                    result[n] = _changed(result[n], why="; ".join(filter(None, [result[n].why, why])))
    return result


def _strips(rows: Sequence[Row], pages: dict[str, str]) -> str:
    """Dots by kind: size, and RMSE beside the noise."""
    drawn = ""
    for name, title in (("percent", "size, % of the files before"), ("rmse_to_noise", "RMSE, standard deviations of the noise")):
        groups: dict[str, list[tuple[float, str, str]]] = {}
        for row in rows:
            value = getattr(row, name)
            if value is not None:
                groups.setdefault(row.kind, []).append((value, f"{row.file}: {value:.3g}", pages.get(row.file, "")))
        if groups:
            drawn += f'<div class="wide">{strips(dict(sorted(groups.items())), title)}</div>'
    return f"<section><h2>By kind of scan</h2>{drawn}</section>" if drawn else ""


_COLUMNS = {
    "file": "file",
    "why": "stands out",
    "kind": "kind",
    "percent": "size, %",
    "written": "bytes",
    "bound": "bound",
    "largest_error": "largest error",
    "rmse_to_noise": "RMSE / noise",
    "psnr_db": "PSNR, dB",
    "shape": "shape",
    "codec": "codec",
    "seconds": "s",
}
_NUMBERS = ("percent", "written", "bound", "largest_error", "rmse_to_noise", "psnr_db", "seconds")


def _table(rows: Sequence[Row], pages: dict[str, str]) -> str:
    """Sortable; what failed, then what stands out, first."""
    ordered = sorted(rows, key=lambda row: (row.outcome == DONE, not row.why, row.file))
    shown = [name for name in _COLUMNS if any(getattr(row, name) not in (None, "", 0.0) for row in rows)]
    head = "".join(
        f'<th{" class=n" if name in _NUMBERS else ""}><button data-column="{n}">{html.escape(_COLUMNS[name])}</button></th>'
        for n, name in enumerate(shown)
    )
    body = "".join(f"<tr>{''.join(_cell(row, name, pages) for name in shown)}</tr>" for row in ordered)
    data = base64.b64encode(csv_of(rows).encode()).decode()
    return (
        f'<section><h2>Files</h2><p><label>show <input id="filter" type="search" placeholder="part of a name or a kind"></label> '
        f'<a download="study.csv" href="data:text/csv;base64,{data}">all figures as CSV</a></p>'
        f'<div class="wide"><table id="files"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></section>'
    )


def _cell(row: Row, name: str, pages: dict[str, str]) -> str:
    value = getattr(row, name)
    if name == "file" and row.file in pages:
        return f'<td><a href="{html.escape(pages[row.file])}">{html.escape(row.file)}</a></td>'
    if name in _NUMBERS:
        text = "" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
        return f'<td class="n" data-value={json.dumps("" if value is None else str(value))}>{text}</td>'
    if name == "why" and row.outcome != DONE:
        value = f"failed: {value}"
    return f"<td{' class=why' if name == 'why' else ''}>{html.escape(str(value))}</td>"
