"""``python -m benchmarks motion DIR...``: what following motion along z saves and costs, against the same encoder without it.

The middle 16 slices of every 3-D volume, or crops of them, are coded at one level with steps from coarse to fine until they take
a bit a voxel; from level 5 on motion may also be followed by blocks. BD-rates are between 0.1 and 1 bit/voxel; times are those of
the processor, of bricks where motion was followed and of those where it was looked for, refused, or not looked for.
"""

import argparse
import csv
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from voxz.bench.bdrate import delta_rate
from voxz.bench.volumes import find, load, names
from voxz.codecs.fidelity import Fidelity
from voxz.codecs.wavelet import chosen, codec, doubles
from voxz.codecs.wavelet.head import BLOCKS, Head
from voxz.metrics import psnr
from voxz.transforms.choice import MOVED
from voxz.volume.bricks import middle_of

SLICES = 16
RATES = (0.1, 1.0)
COARSEST, FINER = 1 / 2, 1.5
"""First step, as a share of the range of the samples, and what each next one is finer by."""

CODED_FROM = 0.05
"""Bits/voxel below which points are not kept."""


@dataclass(frozen=True)
class Row:
    """A volume coded with one step, with and without motion."""

    volume: str
    shape: str
    step: float
    moved: bool
    bits: float
    psnr_db: float
    bits_without: float
    psnr_db_without: float
    time_to_without: float


def main(arguments: list[str]) -> None:
    """Measure, write the table, print the summary."""
    parser = argparse.ArgumentParser("python -m benchmarks motion", description=__doc__)
    parser.add_argument("data", nargs="+", help="files or folders")
    parser.add_argument("--crop", type=int, default=0, help="rows and columns of the middle that are coded; default: all")
    parser.add_argument("--level", type=int, default=4)
    parser.add_argument("--csv", type=Path, default=Path(__file__).parent / "results" / "motion.csv")
    options = parser.parse_args(arguments)
    rows = []
    with options.csv.open("w", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)], lineterminator="\n")
        writer.writeheader()
        for row in measure(options.data, options.crop, options.level):
            rows.append(row)
            writer.writerow({key: f"{value:.5g}" if isinstance(value, float) else value for key, value in asdict(row).items()})
            file.flush()
            print(row, file=sys.stderr)
    print(summary(rows))


def measure(data: list[str], crop: int, level: int) -> Iterator[Row]:
    """Rows of all volumes of integers that are no series, from coarse to fine."""
    for name, path in names(find(data)):
        volume = load(name, path, SLICES)
        if len(volume.samples) > 1 or volume.samples.dtype.kind not in "iu":
            continue
        shape = volume.samples.shape[1:]
        box = middle_of(shape, (SLICES, crop or shape[1], crop or shape[2]))
        samples = np.ascontiguousarray(volume.samples[0][box])
        step, bits = COARSEST * (float(samples.max()) - float(samples.min())), 0.0
        while bits < RATES[1]:
            (blob, quality, spent), without = coded(samples, step, level), coded_without(samples, step, level)
            head = Head.unpack(blob[: Head.LAYOUT.size])
            bits, moved = 8 * len(without[0]) / samples.size, head.transform == MOVED or bool(head.flags & BLOCKS)
            if bits >= CODED_FROM:
                figures = 8 * len(blob) / samples.size, quality, bits, without[1], spent / without[2]
                yield Row(name, "x".join(map(str, samples.shape[::-1])), step, moved, *figures)
            step /= FINER


def coded(samples: NDArray[Any], step: float, level: int) -> tuple[bytes, float, float]:
    """Payload of samples ``(z, y, x)``, its PSNR in dB, and the seconds that it took."""
    brick, begin = np.ascontiguousarray(samples[None, ..., None]), time.process_time()
    payload = codec.encode_brick(brick, level, Fidelity.stepped(step))
    spent = time.process_time() - begin
    assert payload is not None
    decoded = codec.decode_brick(payload, brick.shape, brick.dtype).astype(np.float64)
    error = float(((brick - decoded) ** 2).mean())
    return payload, psnr(error, float(samples.max()) - float(samples.min())) or 0.0, spent


def coded_without(samples: NDArray[Any], step: float, level: int) -> tuple[bytes, float, float]:
    """The same where motion is not looked for, and blocks are not tried."""
    with patch.object(chosen, "motion_choice", return_value=None), patch.object(doubles, "suits", return_value=False):
        return coded(samples, step, level)


def summary(rows: list[Row]) -> str:
    """BD-rates and times, as a table in Markdown."""
    lines = ["| volume | shape | BD-rate, % | time where followed (of) | time elsewhere (of) |", "|---" * 5 + "|"]
    for volume in dict.fromkeys(row.volume for row in rows):
        own = [row for row in rows if row.volume == volume]
        rate = delta_rate([(r.bits_without, r.psnr_db_without) for r in own], [(r.bits, r.psnr_db) for r in own], RATES)
        lines.append(f"| {volume} | {own[0].shape} | {'' if rate is None else f'{rate:+.1f}'} | {times(own)} |")
    return "\n".join([*lines, f"| median | | | {times(rows)} |"])


def times(rows: list[Row]) -> str:
    """Median times to those without motion, where it is followed and elsewhere."""
    kinds = ([row.time_to_without for row in rows if row.moved == moved] for moved in (True, False))
    return " | ".join(f"{statistics.median(found):.2f} ({len(found)})" if found else "" for found in kinds)
