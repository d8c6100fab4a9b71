"""Where shipped tables come from: ``results/runs.csv`` says when, by which command and commit, on what each was measured.

`recorded` surrounds a run of ``python -m benchmarks``; it notes the tables of that suite (``trained.csv``, ``trained_relu.csv``)
which the run wrote, in place of what was known of them before.
"""

import contextlib
import csv
import os
import platform
import shlex
import subprocess
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from voxz.bench.machine import processor

RESULTS = Path(__file__).parent / "results"
RUNS = "runs.csv"
_PACKAGES = ("voxz", "numpy", "numba", "imagecodecs")


@dataclass(frozen=True)
class Run:
    """A row; what is not known is empty."""

    table: str
    figures: str
    date: str
    commit: str
    command: str
    machine: str
    versions: str


@contextlib.contextmanager
def recorded(suite: str, arguments: list[str], results: Path = RESULTS) -> Iterator[None]:
    """Note the tables that are written in the block."""
    began = time.time_ns()
    try:
        yield
    finally:
        own = [*results.glob(f"{suite}.csv"), *sorted(results.glob(f"{suite}_*.csv"))]
        written = [path.stem for path in own if path.stat().st_mtime_ns >= began]
        if written:
            _note(results / RUNS, [_run(table, suite, arguments) for table in written])


def _run(table: str, suite: str, arguments: list[str]) -> Run:
    told = [
        Path(word).name if Path(word).exists() else word for word in arguments
    ]  # folders of this machine say nothing elsewhere
    return Run(
        table,
        "all",
        f"{datetime.now(UTC):%Y-%m-%d}",
        _commit(),
        shlex.join(["python", "-m", "benchmarks", suite, *told]),
        f"{processor()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}",
        ", ".join(filter(None, map(_version, _PACKAGES))),
    )


def _version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return ""


def _commit() -> str:
    """The commit of the code, with a mark if it was changed since."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    told = subprocess.run(command, cwd=RESULTS, capture_output=True, text=True, check=False)
    return told.stdout.strip()


def _note(path: Path, runs: list[Run]) -> None:
    """Put rows in place of those of the same tables."""
    tables = {run.table for run in runs}
    rows = [asdict(run) for run in runs]
    if path.exists():
        with path.open(newline="", encoding="utf-8") as file:
            rows += [row for row in csv.DictReader(file) if row["table"] not in tables]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Run)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(rows, key=lambda row: (row["table"], row["date"])))
