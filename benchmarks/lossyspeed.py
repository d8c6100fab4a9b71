"""``python -m benchmarks lossyspeed DIR...``: lossy encoding, decoding and rate at equal PSNR, in one process and one run.

The middle slices of each volume are coded by the wavelet codec at some levels with steps a factor of two apart, and by SPERR,
JPEG 2000 with a wavelet along z (Part 2), zfp and x265 with errors that come near the same PSNRs. Times are those of the
processor, the fastest of some passes. Sizes of voxz are those of the brick. BD-rates are between 0.1 and 6 bits/voxel of the
rival. PSNR is for the range of the samples that are coded. What is not installed is left out.
"""

import argparse
import csv
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.bench.bdrate import Point, delta_rate
from voxz.bench.spec import parse
from voxz.bench.volumes import find, load, names
from voxz.codecs.fidelity import Fidelity
from voxz.codecs.wavelet import codec as wavelet
from voxz.errors import MissingDependencyError, UnsupportedError
from voxz.metrics import psnr

QUALITIES = (36, 42, 48, 54, 60, 66)
"""PSNRs, in dB, that the quantiser alone would give."""

STEP_OF_RMSE = 12**0.5
RATES = (0.1, 6.0)
RIVALS = {
    "sperr": "sperr:psnr={psnr:.1f}",
    "jpeg2000 z": "jpeg2000:z=wavelet,rmse={rmse:.4g}",
    "zfp": "zfp:tolerance={tolerance:.4g}",
    "x265": "x265:qp={qp:d}",
}
TOLERANCE_OF_RMSE = 8
"""Largest errors of zfp are some eight times its mean ones."""

ANCHORS = ("sperr", "jpeg2000 z")


@dataclass(frozen=True)
class Row:
    """One codec with one setting on one volume."""

    volume: str
    kind: str
    shape: str
    dtype: str
    codec: str
    setting: str
    bits: float
    psnr_db: float
    encode_ns: float
    decode_ns: float


Coder = tuple[Callable[[], bytes], Callable[[bytes], NDArray[Any]]]


def coders(samples: NDArray[Any], levels: list[int], rivals: list[str]) -> Iterator[tuple[str, str, Coder]]:
    """Codec, setting, and its encoder and decoder, for samples ``(1, z, y, x)``."""
    peak = float(samples.max()) - float(samples.min())
    brick = np.ascontiguousarray(samples[..., None])
    for number, quality in enumerate(QUALITIES):
        rmse = peak * 10 ** (-quality / 20)
        step = Fidelity.stepped(rmse * STEP_OF_RMSE)
        for level in levels:
            encode: Callable[[], Any] = partial(wavelet.encode_brick, brick, level, step)
            yield f"voxz -{level}", str(quality), (encode, partial(_decoded, brick))
        settings = {"psnr": quality, "rmse": rmse, "tolerance": TOLERANCE_OF_RMSE * rmse, "qp": 42 - 8 * number}
        for name in rivals:
            (spec,) = parse(RIVALS[name].format(**settings))
            try:
                rival = spec.rival()
                rival.warm()
            except MissingDependencyError as error:
                print(f"{spec}: {error}", file=sys.stderr)
                continue
            yield name, str(spec), (partial(rival.encode, samples), rival.decode)


def _decoded(brick: NDArray[Any], payload: bytes) -> NDArray[Any]:
    return wavelet.decode_brick(payload, brick.shape, brick.dtype)[..., 0]


def measured(samples: NDArray[Any], coder: Coder, rounds: int) -> tuple[float, float, float, float]:
    """Bits/voxel, PSNR, and nanoseconds a voxel of encoding and decoding."""
    encode, decode = coder
    spent = []
    for _ in range(rounds):
        begin = time.process_time()
        blob = encode()
        middle = time.process_time()
        decoded = decode(blob)
        spent.append((middle - begin, time.process_time() - middle))
    error = float(((samples.astype(np.float64) - decoded) ** 2).mean())
    quality = psnr(error, float(samples.max()) - float(samples.min()))
    encoding, decoding = (min(times) / samples.size * 1e9 for times in zip(*spent, strict=True))
    return 8 * len(blob) / samples.size, quality or 0.0, encoding, decoding


def measure(data: list[Path], levels: list[int], rivals: list[str], slices: int, rounds: int) -> Iterator[Row]:
    """Rows of all volumes of integers that are no series."""
    for name, path in names(find([str(folder) for folder in data])):
        volume = load(name, path, slices)
        if len(volume.samples) > 1 or volume.samples.dtype.kind not in "iu":
            continue
        for codec, setting, coder in coders(volume.samples, levels, rivals):
            try:
                figures = measured(volume.samples, coder, rounds)
            except UnsupportedError as error:
                print(f"{name}, {codec}: {error}", file=sys.stderr)
                continue
            yield Row(name, volume.kind, volume.shape, volume.samples.dtype.name, codec, setting, *figures)


def points(rows: list[Row], volume: str, codec: str) -> list[Point]:
    """Points of the curve of a codec."""
    return [(row.bits, row.psnr_db) for row in rows if (row.volume, row.codec) == (volume, codec) and row.psnr_db]


def summary(rows: list[Row]) -> str:
    """Speeds and mean BD-rates of each codec, as a table in Markdown."""
    heads = " | ".join(f"to {anchor}, mean (worst), %" for anchor in ANCHORS)
    lines = [f"| codec | encoding, ns/voxel, median (worst) | decoding | {heads} |", "|---" * (3 + len(ANCHORS)) + "|"]
    volumes = list(dict.fromkeys(row.volume for row in rows))
    for codec in dict.fromkeys(row.codec for row in rows):
        own = [row for row in rows if row.codec == codec]
        cells = [
            f"{statistics.median(times):.3g} ({max(times):.3g})"
            for times in ([row.encode_ns for row in own], [row.decode_ns for row in own])
        ]
        for anchor in ANCHORS:
            rates = [delta_rate(points(rows, volume, anchor), points(rows, volume, codec), RATES) for volume in volumes]
            known = [rate for rate in rates if rate is not None]
            cells.append(f"{statistics.mean(known):+.1f} ({max(known):+.1f})" if known and codec != anchor else "")
        lines.append(f"| {codec} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Measure, write the table, print the summary."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks lossyspeed", description=__doc__)
    parser.add_argument("data", nargs="+", type=Path, help="volumes, or folders of them")
    parser.add_argument("--levels", default="1,3,5", help="levels of voxz (default: 1,3,5)")
    parser.add_argument("--rivals", default=",".join(RIVALS), help=f"default: {','.join(RIVALS)}")
    parser.add_argument("--slices", type=int, default=16, help="middle slices of each volume (default: 16)")
    parser.add_argument("--rounds", type=int, default=2, help="passes of each codec (default: 2)")
    parser.add_argument("--csv", type=Path, default=Path("lossyspeed.csv"), help="table to write")
    options = parser.parse_args(arguments)
    levels, rivals = [int(level) for level in options.levels.split(",")], [name for name in options.rivals.split(",") if name]
    if not set(rivals) <= set(RIVALS):
        parser.error(f"--rivals must be among {', '.join(RIVALS)} (got {options.rivals})")
    rows: list[Row] = []
    with options.csv.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)])
        writer.writeheader()
        for row in measure(options.data, levels, rivals, options.slices, options.rounds):
            rows.append(row)
            writer.writerow({name: round(v, 4) if isinstance(v, float) else v for name, v in asdict(row).items()})
            file.flush()
    print(summary(rows))
