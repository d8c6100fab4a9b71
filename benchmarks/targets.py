"""``python -m benchmarks targets DATA...``: what meeting a PSNR, a rate or a ratio costs, and how near it comes.

Every volume is coded to every target. The samples that any codec is given to code and to decode meanwhile, parts that are tried
included, are counted and divided by those of the volume: a file whose step is known takes one coding and, as loss is measured,
one decoding. Samples that are coded at a lower level, to scout, count by the time they take: as many as the file's own level
codes in it.
"""

import argparse
import csv
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
from voxz.codecs.wavelet.fast.draft import Draft

TARGETS: dict[str, Callable[[], voxz.Target]] = {
    "psnr 45": lambda: voxz.Psnr(45),
    "psnr 50": lambda: voxz.Psnr(50),
    "bits 1": lambda: voxz.BitsPerVoxel(1),
    "ratio 20": lambda: voxz.Ratio(20),
}
MEASURES = ("coded", "scouted", "decoded", "seconds", "asked", "got", "met", "bits", "psnr_db")
COLUMNS = ("volume", "shape", "level", "target", "codec", "bricks", *MEASURES)

Row = dict[str, str]


@dataclass
class Count:
    """Samples that codecs were given: to code at a level, or a lower one; to decode. Seconds that coding them took."""

    coded: int = 0
    scouted: int = 0
    decoded: int = 0
    coding: float = 0.0
    scouting: float = 0.0

    @property
    def equivalent(self) -> float:
        """Samples that the level would have coded while lower ones did."""
        return self.scouting * self.coded / self.coding if self.coding else 0.0


@contextmanager
def counting(level: int = 1) -> Iterator[Count]:
    """Count what the codecs are given meanwhile, for a file of this level."""
    count, encode, decode = Count(), registry.encode_brick, registry.decode_brick

    def encode_brick(samples: NDArray[Any], own: int, *arguments: Any, **options: Any) -> tuple[int, bytes]:
        begin = time.thread_time()
        coded = encode(samples, own, *arguments, **options)
        seconds = time.thread_time() - begin
        if own < level:
            count.scouted, count.scouting = count.scouted + samples.size, count.scouting + seconds
        else:
            count.coded, count.coding = count.coded + samples.size, count.coding + seconds
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

    draft, forecast = registry.draft_brick, Draft.forecast
    registry.encode_brick, registry.decode_brick = encode_brick, decode_brick  # type: ignore[assignment]
    registry.draft_brick, Draft.forecast = scouting(draft), scouting(forecast)  # type: ignore[method-assign]
    try:
        yield count
    finally:
        registry.encode_brick, registry.decode_brick = encode, decode
        registry.draft_brick, Draft.forecast = draft, forecast  # type: ignore[method-assign]


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
    costs = (count.coded / samples.size, count.equivalent / samples.size, count.decoded / samples.size, seconds)
    figures = (*costs, wanted, got or math.inf, int(met), bits, loss["psnr_db"] or math.inf)
    facts = (name, shape, str(level), asked, "+".join(info["codecs"]), str(info["bricks"]))
    return dict(zip(COLUMNS, (*facts, *(f"{figure:.5g}" for figure in figures)), strict=True))


def summary(rows: list[Row]) -> str:
    """Codings and decodings a volume by target, mean and worst, as a table."""
    lines = ["| target | volumes | coded, mean (worst) | scouted | decoded | missed |", "|---|---|---|---|---|---|"]
    for target in [*dict.fromkeys(row["target"] for row in rows), "all"]:
        own = [row for row in rows if target in (row["target"], "all")]
        columns = [[float(row[side]) for row in own] for side in ("coded", "scouted", "decoded")]
        cells = " | ".join(f"{statistics.mean(column):.2f} ({max(column):.2f})" for column in columns)
        lines.append(f"| {target} | {len(own)} | {cells} | {sum(row['met'] == '0' for row in own)} |")
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Measure, write the table, print the means; exit with 1 if a target was missed or codings exceed `--limit`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks targets", description=__doc__)
    parser.add_argument("data", nargs="+", help="files or folders")
    parser.add_argument("--level", type=int, default=5)
    parser.add_argument("--slices", type=int, help="take so many slices from the middle of each volume")
    parser.add_argument("--targets", default=",".join(TARGETS), help=f"some of {', '.join(TARGETS)}")
    parser.add_argument("--limit", type=float, default=1.25, help="largest mean of codings a volume that passes")
    parser.add_argument("--csv", type=Path, help="where the table goes")
    options = parser.parse_args(arguments)
    rows = []
    for name, path in names(find(options.data)):
        volume = load(name, path, options.slices)
        for asked in options.targets.split(","):
            rows.append(measured(name, volume.shape, volume.samples, options.level, asked))
            print(" ".join(rows[-1].values()), file=sys.stderr, flush=True)
            if options.csv:
                with options.csv.open("w", newline="") as file:
                    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
                    writer.writeheader()
                    writer.writerows(rows)
    print(summary(rows))
    codings = statistics.mean(float(row["coded"]) + float(row["scouted"]) for row in rows)
    sys.exit(int(codings > options.limit or any(row["met"] == "0" for row in rows)))
