"""``python -m benchmarks bounds DIR...``: every volume within a largest error of 1, 2, 5, 20 stored units, sample by sample.

Of floats the range of the finite samples is taken to be 4096 units, so that the bounds mean something. Each row of the table is
written when it is measured; rows that are there already are kept (delete the table to start afresh).
"""

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import voxz
from voxz.bench.volumes import find, load, names
from voxz.metrics import data_range_of, errors

BOUNDS = (1, 2, 5, 20)
FLOAT_UNITS = 4096
COLUMNS = (
    "volume",
    "dtype",
    "level",
    "units",
    "bound",
    "largest_error",
    "exceeded",
    "rmse",
    "mean_error",
    "bytes",
    "bits_per_sample",
    "codecs",
)


def measure(samples: NDArray[Any], units: float, level: int) -> dict[str, Any]:
    """Code `samples` within a bound, decode the file, compare."""
    bound = units * (data_range_of(samples) / FLOAT_UNITS if samples.dtype.kind == "f" else 1)
    blob = voxz.encode(samples, target=voxz.MaxError(bound), level=level)
    facts, decoded = voxz.info(blob).to_dict(), voxz.decode(blob)
    error = errors(samples, decoded)
    largest = float(np.abs(error).max())
    return {
        "dtype": samples.dtype.name,
        "level": level,
        "units": units,
        "bound": bound,
        "largest_error": largest,
        "exceeded": int(not largest <= bound),
        "rmse": f"{np.sqrt(np.square(error.astype(float)).mean()):.6g}",
        "mean_error": f"{-error.astype(float).mean():.3g}",
        "bytes": len(blob),
        "bits_per_sample": facts["bits_per_sample"],
        "codecs": " ".join(f"{name}:{count}" for name, count in facts["codecs"].items()),
    }


def rows(folders: list[str], level: int, done: set[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    """One for each volume and bound that is not `done`."""
    for name, path in names(find(folders)):
        left = [units for units in BOUNDS if (name, str(units)) not in done]
        if left:
            samples = load(name, path).samples
            for units in left:
                yield {"volume": name, **measure(samples, units, level)}


def main(arguments: list[str]) -> None:
    """Measure, write the table, print the summary."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks bounds", description=__doc__)
    parser.add_argument("data", nargs="+", help="files, or folders of files")
    parser.add_argument("--level", type=int, default=5)
    parser.add_argument("--csv", type=Path, default=Path("benchmarks/results/bounds.csv"))
    options = parser.parse_args(arguments)
    known: list[dict[str, Any]] = []
    if options.csv.exists():
        with options.csv.open() as file:
            known = list(csv.DictReader(file))
    options.csv.parent.mkdir(parents=True, exist_ok=True)
    with options.csv.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if not known:
            writer.writeheader()
        for row in rows(options.data, options.level, {(row["volume"], row["units"]) for row in known}):
            writer.writerow(row)
            file.flush()
            known.append(row)
            print(row["volume"], row["units"], row["bits_per_sample"], "EXCEEDED" if row["exceeded"] else "", flush=True)
    exceeded = sum(int(row["exceeded"]) for row in known)
    print(f"{len(known)} volumes and bounds, {exceeded} exceeded")
    for units in BOUNDS:
        bits = [float(row["bits_per_sample"]) for row in known if str(row["units"]) == str(units)]
        print(f"bound {units}: {np.mean(bits) if bits else 0:.3f} bits per sample in the mean of {len(bits)} volumes")
