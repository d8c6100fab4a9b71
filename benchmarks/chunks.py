"""``python -m benchmarks chunks OTHER_TREE DATA...`` tells how fast this tree codes single small chunks, beside another tree.

Chunks are cubes of 32 and 64 voxels, taken from the middle of each volume and from places around it, as programs for Zarr write
and read them: one call for each, without loss. Where a volume has fewer slices, so has the chunk. The tables give medians, for
each volume, of the ratios of this tree's time to the other's, measured as in `pairs`, and the ratio of all bytes; their last
lines are medians over the volumes, the worst of them, and the geometric mean of the sizes.
"""

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.pairs import Case, Tree, given, measured

EDGES = (32, 64)

PLACES = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.25), (0.25, 0.35, 0.6), (0.75, 0.6, 0.4))
"""Where a chunk lies, as parts of the way along z, y, x."""

TIMES = {32: 16, 64: 6}
"""Calls in a turn, by the edge of a chunk."""


def chunks_of(samples: NDArray[Any], edge: int, count: int) -> Iterator[NDArray[Any]]:
    """At most `count` chunks ``(z, y, x)`` of a volume, or of the middle one of a series, but for those that are constant."""
    volume = samples if samples.ndim == 3 else samples[len(samples) // 2]
    shape = tuple(min(edge, n) for n in volume.shape)
    seen = set()
    for place in PLACES[:count]:
        first = tuple(int(part * (n - m)) for part, n, m in zip(place, volume.shape, shape, strict=True))
        chunk = np.ascontiguousarray(volume[tuple(slice(a, a + n) for a, n in zip(first, shape, strict=True))])
        if first not in seen and chunk.min() < chunk.max():
            seen.add(first)
            yield chunk


def main(arguments: list[str]) -> None:
    """Print a table for each edge; exit with 1 if the median of any time is above `--limit`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks chunks", description=__doc__)
    parser.add_argument("other", type=Path, help="root of the tree to compare with")
    parser.add_argument("data", nargs="+", help="files and folders of volumes")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each tree for a chunk")
    parser.add_argument("--count", type=int, default=len(PLACES), help="chunks of a volume")
    parser.add_argument("--level", type=int, default=5)
    parser.add_argument("--limit", type=float, default=0.5, help="largest ratio of times that passes")
    options = parser.parse_args(arguments)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    mine, other = Tree(Path(__file__).resolve().parents[1]), Tree(options.other.resolve())
    print(f"{options.rounds} rounds; ratios of this tree to {options.other.name}, at level {options.level}")
    slower = False
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "samples.npy"
        for edge in EDGES:
            case, rows = Case(f"{edge}^3", options.level, times=TIMES[edge]), []
            print(f"\n| {edge}^3 | encode | decode | bytes |\n|---|---|---|---|")
            for name, samples in given(options.data, None):
                ratios = []
                for chunk in chunks_of(samples, edge, options.count):
                    np.save(path, chunk)
                    ratios += measured(mine, other, case, path, options.rounds)
                if ratios:
                    encoding, decoding, _ = (statistics.median(part) for part in zip(*ratios, strict=True))
                    rows.append((encoding, decoding, statistics.geometric_mean(size for _, _, size in ratios)))
                    print("| {} | {:.3f} | {:.3f} | {:.4f} |".format(name, *rows[-1]), flush=True)
            encodings, decodings, sizes = zip(*rows, strict=True)
            middle = statistics.median(encodings), statistics.median(decodings)
            slower |= max(middle) > options.limit
            print(f"| median | {middle[0]:.3f} | {middle[1]:.3f} | {statistics.geometric_mean(sizes):.4f} |")
            print(f"| worst | {max(encodings):.3f} | {max(decodings):.3f} | {max(sizes):.4f} |", flush=True)
    mine.close()
    other.close()
    sys.exit(int(slower))
