"""``python -m benchmarks downstream [DIR...]``: what loss does to results: diffusion maps and temporal SNR, at several targets.

Of DIR those volumes count that an analysis is known for: diffusion series with .bval and .bvec beside, and fMRI; without
DIR, the diffusion series that ships with dipy. Each is coded by voxz with every target and decoded again. For comparison,
the same analyses see samples rounded to multiples of 2 E + 1: the coarsest rounding that keeps a bound of E.

Writes the table of all figures, and puts the means in place of the table in docs/lossy.md.
"""

import argparse
import csv
import statistics
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import dipy
import numpy as np
from numpy.typing import NDArray

import voxz
from voxz.bench.tasks import TASKS, task_figures
from voxz.bench.volumes import Volume, find, load, names
from voxz.errors import UsageError
from voxz.target import Target

TARGETS: tuple[Target, ...] = (voxz.MaxError(2), voxz.Psnr(50), voxz.BitsPerVoxel(1))

BEGIN, END = "<!-- made by python -m benchmarks downstream -->", "<!-- end -->"

_FIGURES = {
    "fa_rmse": "FA, RMSE",
    "md_rmse_1e-3_mm2_s": "MD, RMSE, 10^-3 mm^2/s",
    "tsnr_change_percent": "tSNR, median change, %",
    "tsnr_rms_percent": "tSNR, RMS change, %",
}


@dataclass(frozen=True)
class Row:
    """Figures of one volume at one setting; those of an analysis that does not suit it are empty."""

    volume: str
    kind: str
    setting: str
    bits_per_voxel: float | None
    bound: float | None
    bound_to_noise: float | None
    max_error: float
    psnr_db: float | None
    figures: dict[str, float]


def rows_of(volume: Volume) -> Iterator[Row]:
    """All measurements, each as soon as it is measured; targets that this release cannot reach are left out."""
    noise = voxz.info(voxz.encode(volume.samples, target=voxz.MaxError(1, unit="noise"), level=1)).to_dict()["loss"]["noise"]
    for bound in (1, 2, 5):
        step = 2 * bound + 1
        rounded = (volume.samples.astype(np.int64) + bound) // step * step
        yield _row(
            volume, f"rounding, E = {bound}", rounded.clip(*_limits(volume.samples)).astype(volume.samples.dtype), bound, noise
        )
    for target in TARGETS:
        try:
            blob = voxz.encode(volume.samples, target=target)
        except UsageError as error:
            print(f"{volume.name}: {target}: {error}", file=sys.stderr)
            continue
        bits = 8 * len(blob) / volume.samples.size
        yield _row(volume, f"voxz, {_words(target)}", voxz.decode(blob), voxz.info(blob).to_dict()["loss"]["bound"], noise, bits)


def _row(
    volume: Volume, setting: str, decoded: NDArray[Any], bound: float | None, noise: float | None, bits: float | None = None
) -> Row:
    error = decoded.astype(np.float64) - volume.samples
    mean_square = float(np.mean(np.square(error)))
    peak = float(np.ptp(volume.samples.astype(np.float64)))
    quality = 10 * np.log10(peak**2 / mean_square) if mean_square else None
    relative = bound / noise if bound is not None and noise else None
    figures = task_figures(TASKS, volume, decoded)
    return Row(volume.name, volume.kind, setting, bits, bound, relative, float(np.abs(error).max()), quality, figures)


def _limits(samples: NDArray[Any]) -> tuple[int, int]:
    return int(samples.min()), int(samples.max())


def _words(target: Target) -> str:
    match target:
        case voxz.MaxError(error, "noise"):
            return f"max error {error:g} of the noise"
        case voxz.MaxError(error):
            return f"max error {error:g}"
        case voxz.Psnr(decibels):
            return f"{decibels:g} dB"
        case voxz.BitsPerVoxel(bits):
            return f"{bits:g} bits per voxel"
    return str(target)


def write_csv(rows: list[Row], path: Path) -> None:
    """One line a volume and setting."""
    plain = [field.name for field in fields(Row) if field.name != "figures"]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*plain, *_FIGURES], lineterminator="\n")
        writer.writeheader()
        for row in rows:
            values = asdict(row)
            values |= values.pop("figures")
            writer.writerow({name: f"{v:.6g}" if isinstance(v, float) else v for name, v in values.items()})


def table(path: Path) -> str:
    """Means over the volumes of a table as Markdown; voxz where it lost something, so that nothing is claimed for the rest."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["setting"].startswith("rounding") or float(row["max_error"]) > 0]
    lines = [f"| setting | volumes | bound / noise | bits per voxel | {' | '.join(_FIGURES.values())} |"]
    lines.append("|---" * (4 + len(_FIGURES)) + "|")
    for setting in dict.fromkeys(row["setting"] for row in rows):
        chosen = [row for row in rows if row["setting"] == setting]
        columns = ("bound_to_noise", "bits_per_voxel", *_FIGURES)
        means = [[float(row[name]) for row in chosen if row[name]] for name in columns]
        cells = [f"{statistics.mean(values):.3g}" if values else "" for values in means]
        lines.append(f"| {setting} | {len(chosen)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def put_table(text: str, document: Path) -> None:
    """Replace what stands between the marks in a document."""
    before, _, rest = document.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise UsageError(f"{document} has no place for the table; add the lines {BEGIN} and {END}")
    document.write_text(f"{before}{BEGIN}\n{text}\n{end}{after}", encoding="utf-8")


def main(arguments: list[str]) -> None:
    """Measure, write the table, put its means into the document."""
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(prog="python -m benchmarks downstream", description=__doc__)
    parser.add_argument("data", nargs="*", type=Path, help="volumes, or folders of them")
    parser.add_argument("--csv", type=Path, default=here / "results" / "downstream.csv", help="table to write")
    parser.add_argument(
        "--document", type=Path, default=here.parent / "docs" / "lossy.md", help="document with a place for the means"
    )
    options = parser.parse_args(arguments)
    data = options.data or [Path(dipy.__file__).parent / "data/files/small_64D.nii"]
    rows: list[Row] = []
    for name, path in names(find([str(part) for part in data])):
        volume = load(name, path)
        if (
            volume.samples.dtype.kind not in "iu"
            or volume.kind not in ("diffusion", "fMRI")
            or not task_figures(TASKS, volume, volume.samples)
        ):
            continue
        for row in rows_of(volume):
            rows.append(row)
            print(f"{row.volume}, {row.setting}: " + ", ".join(f"{key} {value:.4g}" for key, value in row.figures.items()))
        write_csv(rows, options.csv)
    write_csv(rows, options.csv)
    put_table(table(options.csv), options.document)
