"""``python -m benchmarks speed DIR...``: encoding, decoding and size without loss, as ratios to zlib, in one process and one run.

Every codec codes the middle slices of each volume in turn, several times over, and its fastest pass counts. Time is that of
the processor, of all threads: what else the machine does adds little to it, and that falls on all codecs alike. The table says
for each codec the median and the worst volume; the CSV has all. What is not installed is left out. The program gzip has its own
row, with starting up and reading and writing files.
"""

import argparse
import csv
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.bench.spec import parse
from voxz.bench.volumes import find, load, names
from voxz.errors import MissingDependencyError, UnsupportedError

REFERENCE = "gzip"
"""zlib at level 6, in memory."""

PROGRAM = "gzip -6, gzip -d"

CODECS = f"{REFERENCE},voxz:level=1/2/3/5,pcodec:level=8,blosc2,htj2k,jpegxl:effort=3,tomoz"

SLICES = 16
ROUNDS = 3


@dataclass(frozen=True)
class Row:
    """One codec on one volume: bits and nanoseconds per voxel, and ratios to `REFERENCE`; speeds above 1 are faster."""

    volume: str
    kind: str
    shape: str
    dtype: str
    codec: str
    bits: float
    encode_ns: float
    decode_ns: float
    size_ratio: float = 1.0
    encode_speed: float = 1.0
    decode_speed: float = 1.0


Pass = Callable[[], tuple[int, float, float]]
"""Codes a volume once: bytes, seconds of encoding and of decoding."""


def coder_of(spec: Any, samples: NDArray[Any]) -> Pass:
    """Passes of a codec of the bench; every one is checked."""
    rival = spec.rival()
    rival.warm()

    def run() -> tuple[int, float, float]:
        begin = time.process_time()
        blob = rival.encode(samples)
        middle = time.process_time()
        decoded = rival.decode(blob)
        end = time.process_time()
        assert np.array_equal(decoded, samples), f"{spec} is not lossless"
        return len(blob), middle - begin, end - middle

    return run


def program_of(samples: NDArray[Any], folder: Path) -> Pass:
    """Passes of the program gzip on files in `folder`."""
    import resource  # noqa: PLC0415 - where there are programs like this one

    plain, packed = folder / "samples", folder / "samples.gz"
    plain.write_bytes(samples.tobytes())

    def timed(*command: str | Path) -> float:
        begin = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True)
        end = resource.getrusage(resource.RUSAGE_CHILDREN)
        return end.ru_utime - begin.ru_utime + end.ru_stime - begin.ru_stime

    def run() -> tuple[int, float, float]:
        encoding = timed("gzip", "-6", "-k", "-f", plain)
        size = packed.stat().st_size
        return size, encoding, timed("gzip", "-d", "-k", "-f", packed)

    return run


def rows_of(name: str, kind: str, samples: NDArray[Any], passes: dict[str, Pass], rounds: int) -> list[Row]:
    """Rows of one volume: the fastest of `rounds` passes of each codec, the codecs taking turns."""
    found: dict[str, list[tuple[int, float, float]]] = {codec: [] for codec in passes}
    for _ in range(rounds):
        for codec, run in list(passes.items()):
            try:
                found[codec].append(run())
            except UnsupportedError as error:
                print(f"{name}, {codec}: {error}", file=sys.stderr)
                del passes[codec], found[codec]
    best = {codec: [min(figures) for figures in zip(*done, strict=True)] for codec, done in found.items()}
    size, encode, decode = best[REFERENCE]
    shape, voxels = "x".join(map(str, samples.shape[::-1])), samples.size
    return [
        Row(
            *(name, kind, shape, samples.dtype.name, codec),
            *(8 * own[0] / voxels, own[1] / voxels * 1e9, own[2] / voxels * 1e9),
            *(own[0] / size, encode / own[1], decode / own[2]),
        )
        for codec, own in best.items()
    ]


def measure(data: list[Path], codecs: str = CODECS, slices: int = SLICES, rounds: int = ROUNDS) -> list[Row]:
    """Rows of all volumes and of those codecs that are installed."""
    rows: list[Row] = []
    for name, path in names(find([str(folder) for folder in data])):
        volume = load(name, path, slices)
        passes: dict[str, Pass] = {}
        for spec in parse(codecs):
            try:
                passes[str(spec)] = coder_of(spec, volume.samples)
            except MissingDependencyError as error:
                print(f"{spec}: {error}", file=sys.stderr)
        with tempfile.TemporaryDirectory() as folder:
            if shutil.which("gzip"):
                passes[PROGRAM] = program_of(volume.samples, Path(folder))
            rows += rows_of(name, volume.kind, volume.samples, passes, rounds)
    return rows


def summary(rows: list[Row]) -> str:
    """Median and worst ratio of each codec, as a table in Markdown."""
    lines = [
        "| to zlib, median (worst) | volumes | size | encoding speed | decoding speed |",
        "|---|---|---|---|---|",
    ]
    for codec in dict.fromkeys(row.codec for row in rows):
        own = [row for row in rows if row.codec == codec]
        cells = []
        for values, worst in (
            ([row.size_ratio for row in own], max),
            ([row.encode_speed for row in own], min),
            ([row.decode_speed for row in own], min),
        ):
            cells.append(f"{statistics.median(values):.3g} ({worst(values):.3g})")
        lines.append(f"| {codec} | {len(own)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Measure, write the table, print the summary."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks speed", description=__doc__)
    parser.add_argument("data", nargs="+", type=Path, help="volumes, or folders of them")
    parser.add_argument("--codecs", default=CODECS, help=f"default: {CODECS}; {REFERENCE} must be among them")
    parser.add_argument("--slices", type=int, default=SLICES, help=f"middle slices of each volume (default: {SLICES})")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"passes of each codec (default: {ROUNDS})")
    parser.add_argument("--csv", type=Path, default=Path("speed.csv"), help="table to write")
    options = parser.parse_args(arguments)
    if REFERENCE not in map(str, parse(options.codecs)):
        parser.error(f"--codecs must have {REFERENCE}, which the others are compared with")
    rows = measure(options.data, options.codecs, options.slices, options.rounds)
    with options.csv.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)])
        writer.writeheader()
        writer.writerows({name: round(v, 4) if isinstance(v, float) else v for name, v in asdict(row).items()} for row in rows)
    print(summary(rows))
