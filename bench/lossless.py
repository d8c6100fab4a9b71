"""``python -m bench lossless DIR``: every level against the rivals that decide, the figures that this project promises.

Measured as by ``voxz bench``, one at a time. If DIR has an ``INDEX.tsv`` with bits/voxel of other codecs (columns id, jpegls,
jpegxl_e7, tomoz), it also says how far the rivals measured here are from it.
"""

import argparse
import csv
import statistics
import sys
from pathlib import Path

from voxz.bench.cells import Result
from voxz.bench.run import Settings, results_of
from voxz.bench.spec import parse
from voxz.bench.tables import best_orders, csv_text
from voxz.bench.volumes import find

RIVALS = {"gzip": "gzip6", "jpegls": "jpegls", "jpegxl": "jpegxl_e7", "tomoz:order=volume": "tomoz"}
"""Specs of the rivals, and their columns in INDEX.tsv."""

GROUPS = {
    "3-D": lambda kind: kind not in {"fMRI", "diffusion"},
    "fMRI and perfusion": lambda kind: kind == "fMRI",
    "diffusion": lambda kind: kind == "diffusion",
}
"""Groups of kinds of volumes that have targets of their own."""


def summary(results: list[Result], levels: list[str]) -> str:
    """Means of size ratios and medians of speed ratios, by group and level."""
    rivals = [spec.partition(":")[0] for spec in RIVALS]
    by_codec = {codec: {r.volume: r for r in results if r.codec == codec and r.ok} for codec in (*levels, *rivals)}
    lines = []
    for group, belongs in GROUPS.items():
        volumes = [volume for volume, r in by_codec["tomoz"].items() if belongs(r.kind)]
        for level in levels if volumes else []:
            own = by_codec[level]
            text = [f"{group} ({len(volumes)}), {level}:"]
            for rival in rivals:
                other = by_codec[rival]
                sizes = [own[v].bytes / other[v].bytes for v in volumes]
                encode = [(own[v].encode_mb_s or 0) / (other[v].encode_mb_s or 1) for v in volumes]
                decode = [(own[v].decode_mb_s or 0) / (other[v].decode_mb_s or 1) for v in volumes]
                text.append(
                    f"  to {rival}: size {statistics.mean(sizes):.4f} (at most {max(sizes):.3f}), "
                    f"encoding {statistics.median(encode):.2f} x, decoding {statistics.median(decode):.2f} x"
                )
            lines.append("\n".join(text))
    return "\n".join(lines)


def deviations(results: list[Result], index: Path) -> str:
    """Largest difference of each rival's bits/voxel from those of the index."""
    with index.open(newline="") as file:
        known = {row["id"]: row for row in csv.DictReader(file, delimiter="\t")}
    lines = []
    for spec, column in RIVALS.items():
        own = {r.volume: r.bits_per_voxel for r in results if r.codec == spec and r.bits_per_voxel and r.volume in known}
        apart = {volume: bits / float(known[volume][column]) - 1 for volume, bits in own.items()}
        if apart:
            worst = max(apart, key=lambda volume: abs(apart[volume]))
            lines.append(f"{spec}: at most {100 * abs(apart[worst]):.2f} % from {index.name} ({worst})")
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Measure, write the table, print the summary."""
    parser = argparse.ArgumentParser(prog="python -m bench lossless", description=__doc__)
    parser.add_argument("data", nargs="+", help="volumes, or folders of them")
    parser.add_argument("--levels", default="1/2/3/4/5")
    parser.add_argument("--out", type=Path, default=Path("voxz-bench"), help="folder that keeps the measurements")
    parser.add_argument("--csv", type=Path, default=Path(__file__).parent / "results" / "lossless.csv")
    options = parser.parse_args(arguments)
    levels = parse(f"voxz:level={options.levels}")
    specs = levels + parse(",".join(RIVALS))
    results: list[Result] = []

    def tell(result: Result, done: int, total: int) -> None:
        figure = f"{result.bits_per_voxel:.3f}" if result.bits_per_voxel else result.message
        print(f"{done}/{total} {result.volume} {result.codec}: {figure}", file=sys.stderr)

    for _, found in results_of(find(options.data), specs, options.out / "cells", Settings(), tell):
        results += found
    options.csv.parent.mkdir(parents=True, exist_ok=True)
    options.csv.write_text(csv_text(results))
    print(summary(best_orders(results), [str(level) for level in levels]))
    for index in (Path(data) / "INDEX.tsv" for data in options.data):
        if index.is_file():
            print(deviations(results, index))
