"""What this project promises of its lossless codecs, measured by the harness of ``voxz bench``, one measurement at a time.

``python -m benchmarks lossless DIR`` measures every level against the rivals that decide. If DIR has an ``INDEX.tsv`` with
bits/voxel of other codecs (columns id, jpegls, jpegxl_e7, tomoz), it also says how far the rivals measured here are from it.
`benchmarks.labels` and `benchmarks.floats` do the same with maps.
"""

import argparse
import csv
import statistics
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.bench.cells import Result
from voxz.bench.run import RunOptions, results_of
from voxz.bench.spec import parse
from voxz.bench.tables import best_orders, csv_text
from voxz.bench.volumes import find

RIVALS = {"gzip": "gzip6", "jpegls": "jpegls", "jpegxl": "jpegxl_e7", "tomoz:order=volume": "tomoz"}
"""Specs of the rivals, and their columns in INDEX.tsv."""

GROUPS: dict[str, Callable[[str], bool]] = {
    "3-D": lambda kind: kind not in {"fMRI", "diffusion"},
    "fMRI and perfusion": lambda kind: kind == "fMRI",
    "diffusion": lambda kind: kind == "diffusion",
}
"""Groups of kinds of volumes that have targets of their own."""


def measure(paths: list[Path], codecs: str, folder: Path, table: Path) -> list[Result]:
    """Results of all codecs on all volumes, written to `table`; `folder` keeps the measurements."""
    results: list[Result] = []

    def tell(result: Result, done: int, total: int) -> None:
        figure = f"{result.bits_per_voxel:.3f}" if result.bits_per_voxel else result.message
        print(f"{done}/{total} {result.volume} {result.codec}: {figure}", file=sys.stderr)

    for _, found in results_of(paths, parse(codecs), folder / "cells", RunOptions(), tell):
        results += found
    table.parent.mkdir(parents=True, exist_ok=True)
    table.write_text(csv_text(results), encoding="utf-8")
    return best_orders(results)


def measure_made(made: Iterable[tuple[str, NDArray[Any]]], codecs: str, folder: Path, table: Path) -> list[Result]:
    """The same for arrays that are made on the fly."""
    (folder / "made").mkdir(parents=True, exist_ok=True)
    paths = []
    for name, array in made:
        paths.append(folder / "made" / f"{name.replace(' ', '_')}.npy")
        np.save(paths[-1], array)
    return measure(paths, codecs, folder, table)


def ratios(results: list[Result], codec: str, rivals: Iterable[str]) -> dict[str, float]:
    """Size of `codec` to that of the best of `rivals`, by volume."""
    sizes = {(r.volume, r.codec): r.bytes for r in results if r.lossless}
    best = {
        volume: min((sizes[volume, rival] for rival in rivals if (volume, rival) in sizes), default=0)
        for volume, name in sizes
        if name == codec
    }
    return {volume: sizes[volume, codec] / size for volume, size in best.items() if size}


def compared(results: list[Result], codec: str, rivals: Iterable[str]) -> str:
    """A line: sizes to those of the best of `rivals`, and speeds."""
    found = ratios(results, codec, rivals)
    own = [r for r in results if r.codec == codec and r.volume in found]
    encode, decode = ([getattr(r, f"{verb}_mb_s") for r in own] for verb in ("encode", "decode"))
    return (
        f"{codec}, {len(found)} volumes: size to the best of {', '.join(rivals)}: mean {statistics.mean(found.values()):.4f}, "
        f"at most {max(found.values()):.3f}; encoding {statistics.median(encode):.1f} MB/s (at least {min(encode):.1f}), "
        f"decoding {statistics.median(decode):.1f} (at least {min(decode):.1f})"
    )


def summary(results: list[Result], levels: list[str]) -> str:
    """Means of size ratios and medians of speed ratios, by group and level."""
    rivals = [spec.partition(":")[0] for spec in RIVALS]
    by_codec = {codec: {r.volume: r for r in results if r.codec == codec and r.ok} for codec in (*levels, *rivals)}
    lines = []
    for group, belongs in GROUPS.items():
        volumes = [volume for volume, r in by_codec["tomoz"].items() if belongs(r.kind)]
        for level in levels if volumes else []:
            lines.append(f"{group} ({len(volumes)}), {level}:")
            for rival in rivals:
                pairs = [(by_codec[level][v], by_codec[rival][v]) for v in volumes]
                sizes = [own.bytes / other.bytes for own, other in pairs]
                encode = [(own.encode_mb_s or 0) / (other.encode_mb_s or 1) for own, other in pairs]
                decode = [(own.decode_mb_s or 0) / (other.decode_mb_s or 1) for own, other in pairs]
                both = (("encoding", encode), ("decoding", decode))
                speeds = ", ".join(f"{verb} {statistics.median(of):.2f} x ({min(of):.2f})" for verb, of in both)
                lines.append(f"  to {rival}: size {statistics.mean(sizes):.4f} (at most {max(sizes):.3f}), {speeds}")
    return "\n".join(lines)


def deviations(results: list[Result], index: Path) -> str:
    """Largest difference of each rival's bits/voxel from those of the index."""
    with index.open(newline="", encoding="utf-8") as file:
        known = {row["id"]: row for row in csv.DictReader(file, delimiter="\t")}
    lines = []
    for spec, column in RIVALS.items():
        name = spec.partition(":")[0]
        own = {r.volume: r.bits_per_voxel for r in results if r.codec == name and r.bits_per_voxel and r.volume in known}
        apart = {volume: bits / float(known[volume][column]) - 1 for volume, bits in own.items()}
        if apart:
            worst = max(apart, key=lambda volume: abs(apart[volume]))
            lines.append(f"{name}: at most {100 * abs(apart[worst]):.2f} % from {index.name} ({worst})")
    return "\n".join(lines)


def options_of(suite: str, description: str | None, levels: str, arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """Options that all suites have, and the specs of the levels to measure."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks {suite}", description=description)
    parser.add_argument("data", nargs="*", type=Path, help="volumes, or folders of them")
    parser.add_argument("--levels", default=levels, help=f"default: {levels}")
    parser.add_argument("--out", type=Path, default=Path("voxz-bench"), help="folder that keeps the measurements")
    parser.add_argument("--csv", type=Path, default=Path(__file__).parent / "results" / f"{suite}.csv", help="table to write")
    options = parser.parse_args(arguments)
    return options, [str(spec) for spec in parse(f"voxz:level={options.levels}")]


def main(arguments: list[str]) -> None:
    """Measure, write the table, print the summary."""
    options, levels = options_of("lossless", __doc__, "1/2/3/4/5/6/7/8/9", arguments)
    paths = find([str(data) for data in options.data])
    results = measure(paths, ",".join([*levels, *RIVALS]), options.out, options.csv)
    print(summary(results, levels))
    for index in (data / "INDEX.tsv" for data in options.data):
        if index.is_file():
            print(deviations(results, index))
