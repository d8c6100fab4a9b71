"""``python -m benchmarks targets DATA...``: what meeting a PSNR, a rate or a ratio costs, and how near it comes.

Every volume is coded to every target. The samples that any codec is given to code and to decode meanwhile, parts that are tried
included, are counted and divided by those of the volume: a file whose step is known takes one coding and, as loss is measured,
one decoding. Samples that are coded at a lower level, to scout, count by the time they take: as many as the file's own level
codes in it. The time of the whole is also divided by that of a file whose step is known to be the one that was found.
"""

import argparse
import csv
import io
import itertools
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import voxz
from voxz.bench.volumes import find, load, names
from voxz.codecs import registry
from voxz.codecs.codec import Codec
from voxz.codecs.fidelity import EXACT, Fidelity
from voxz.codecs.wavelet.fast.draft import Draft
from voxz.io.array import ArraySource
from voxz.pipeline.encode import encode_samples
from voxz.pipeline.plan import Plan

TARGETS: dict[str, Callable[[], voxz.Target]] = {
    "psnr 45": lambda: voxz.Psnr(45),
    "psnr 50": lambda: voxz.Psnr(50),
    "bits 1": lambda: voxz.BitsPerVoxel(1),
    "ratio 20": lambda: voxz.Ratio(20),
}
MEASURES = ("coded", "scouted", "decoded", "seconds", "times", "mb_s", "asked", "got", "met", "bits", "psnr_db")
COLUMNS = ("volume", "shape", "level", "target", "codec", "bricks", *MEASURES)

Row = dict[str, str]


@dataclass
class Count:
    """Samples that codecs were given: to code at a level, or a lower one; to decode. Seconds that it took. The last codec."""

    coded: int = 0
    scouted: int = 0
    decoded: int = 0
    coding: float = 0.0
    scouting: float = 0.0
    codec: Codec | None = None
    fidelity: Fidelity = EXACT

    @property
    def equivalent(self) -> float:
        """Samples that the level would have coded while lower ones did."""
        return self.scouting * self.coded / self.coding if self.coding else 0.0


@contextmanager
def counting(level: int = 1) -> Iterator[Count]:
    """Count what the codecs are given meanwhile, for a file of this level."""
    count, encode, decode = Count(), registry.encode_brick, registry.decode_brick

    def encode_brick(
        samples: NDArray[Any], own: int, codec: Codec | None = None, fidelity: Fidelity = EXACT, *more: Any
    ) -> tuple[int, bytes]:
        begin = time.thread_time()
        coded = encode(samples, own, codec, fidelity, *more)
        seconds = time.thread_time() - begin
        if own < level:
            count.scouted, count.scouting = count.scouted + samples.size, count.scouting + seconds
        else:
            count.coded, count.coding = count.coded + samples.size, count.coding + seconds
            count.codec, count.fidelity = codec, fidelity
        return coded

    def decode_brick(number: int, payload: bytes, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        count.decoded += int(np.prod(shape))
        return decode(number, payload, shape, dtype)

    def scouting(work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **options: Any) -> Any:
            begin = time.thread_time()
            found = work(*arguments, **options)
            count.scouting += time.thread_time() - begin
            return found

        return timed

    draft, forecast, guess = registry.draft_brick, Draft.forecast, Draft.guess
    registry.encode_brick, registry.decode_brick = encode_brick, decode_brick  # type: ignore[assignment]
    registry.draft_brick = scouting(draft)
    Draft.forecast, Draft.guess = scouting(forecast), scouting(guess)  # type: ignore[method-assign]
    try:
        yield count
    finally:
        registry.encode_brick, registry.decode_brick = encode, decode
        registry.draft_brick = draft
        Draft.forecast, Draft.guess = forecast, guess  # type: ignore[method-assign]


def once(samples: NDArray[Any], plan: Plan) -> float:
    """Seconds that coding a volume takes if its step is known."""
    started = time.process_time()
    encode_samples(ArraySource(samples), io.BytesIO(), plan, 1)
    return time.process_time() - started


def measured(name: str, shape: str, samples: NDArray[Any], level: int, asked: str) -> Row:
    """What coding a volume to a target costs and gives."""
    target = TARGETS[asked]()
    wanted = target.psnr_db or target.bits_per_sample(8 * samples.dtype.itemsize) or 0.0
    with counting(level) as count:
        started = time.process_time()
        blob = voxz.encode(samples, target=target, level=level, threads=1)
        seconds = time.process_time() - started
    info = voxz.info(blob).to_dict()
    loss, bits = info["loss"], 8 * len(blob) / samples.size
    got = loss["psnr_db"] if target.psnr_db else bits
    met = got is None or (wanted <= got <= wanted + 0.1 if target.psnr_db else abs(got / wanted - 1) <= 0.02)
    times = seconds / once(samples, Plan(level, count.codec, target, Fidelity.stepped(count.fidelity.step)))
    speed = samples.nbytes / 1e6 / seconds
    costs = (count.coded / samples.size, count.equivalent / samples.size, count.decoded / samples.size, seconds, times, speed)
    figures = (*costs, wanted, got or math.inf, int(met), bits, loss["psnr_db"] or math.inf)
    facts = (name, shape, str(level), asked, "+".join(info["codecs"]), str(info["bricks"]))
    return dict(zip(COLUMNS, (*facts, *(f"{figure:.5g}" for figure in figures)), strict=True))


def summary(rows: list[Row]) -> str:
    """Codings, decodings and times of one coding by level and target, mean and worst, and the median speed, as a table."""
    lines = ["| level | target | volumes | coded, mean (worst) | scouted | decoded | times | MB/s | missed |", "|---" * 9 + "|"]
    for level in dict.fromkeys(row["level"] for row in rows):
        for target in [*dict.fromkeys(row["target"] for row in rows), "all"]:
            own = [row for row in rows if row["level"] == level and target in (row["target"], "all")]
            columns = [[float(row[side]) for row in own] for side in ("coded", "scouted", "decoded", "times")]
            cells = " | ".join(f"{statistics.mean(column):.2f} ({max(column):.2f})" for column in columns)
            speed = statistics.median(float(row["mb_s"]) for row in own)
            missed = sum(row["met"] == "0" for row in own)
            lines.append(f"| {level} | {target} | {len(own)} | {cells} | {speed:.1f} | {missed} |")
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Measure, write the table, print the means; exit with 1 if a target was missed, or a level codes above `--limit` times."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks targets", description=__doc__)
    parser.add_argument("data", nargs="+", help="files or folders")
    parser.add_argument("--levels", default="1,3,5", help="separated by commas")
    parser.add_argument("--slices", type=int, help="take so many slices from the middle of each volume")
    parser.add_argument("--targets", default=",".join(TARGETS), help=f"some of {', '.join(TARGETS)}")
    parser.add_argument("--limit", type=float, default=1.25, help="largest mean of codings a volume, parts included, that passes")
    parser.add_argument("--csv", type=Path, help="where the table goes")
    options = parser.parse_args(arguments)
    rows: list[Row] = []
    levels, targets = options.levels.split(","), options.targets.split(",")
    for name, path in names(find(options.data)):
        volume = load(name, path, options.slices)
        for level, asked in itertools.product(levels, targets):
            rows.append(measured(name, volume.shape, volume.samples, int(level), asked))
            print(" ".join(rows[-1].values()), file=sys.stderr, flush=True)
            if options.csv:
                write(rows, options.csv)
    print(summary(rows))
    codings = [statistics.mean(float(row["coded"]) for row in rows if row["level"] == level) for level in levels]
    sys.exit(int(max(codings) > options.limit or any(row["met"] == "0" for row in rows)))


def write(rows: list[Row], path: Path) -> None:
    """Write the table."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
