"""``python -m benchmarks decoders VOLUME.nii.gz``: how fast numba and the library in C decode the same file.

At each level without loss and by each codec, on one thread and on two: MB of samples a second, best of some rounds in which both
take turns. Levels 6 to 9 and the heavy profile are measured on fewer slices. The library is the one that VOXZ_DECODER=c finds.
"""

import argparse
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import voxz
from benchmarks.conformance_data import middle, read
from voxz.codecs import native

WAYS: dict[str, dict[str, Any]] = {
    **{f"level {level}": {"level": level} for level in range(1, 10)},
    "near-lossless, level 5": {"level": 5, "target": voxz.MaxError(2), "codec": "predictive"},
    "wavelet, level 1": {"level": 1, "target": voxz.Psnr(45), "codec": "wavelet"},
    "wavelet, level 5": {"level": 5, "target": voxz.Psnr(45), "codec": "wavelet"},
    "wavelet, heavy": {"level": 5, "target": voxz.Psnr(45), "codec": voxz.Wavelet(entropy="heavy")},
    "labels": {"codec": "labels"},
    "floats": {"codec": "floats"},
    "stored": {"codec": "stored"},
}
SLOW = ("level 6", "level 7", "level 8", "level 9", "wavelet, heavy")


def seconds(blob: bytes, threads: int, rounds: int) -> dict[str, float]:
    """Least time of both decoders."""
    found = {"numba": float("inf"), "c": float("inf")}
    for turn in range(rounds + 1):
        for name, least in found.items():
            os.environ[native.CHOICE] = name
            started = time.perf_counter()
            voxz.decode(blob, threads=threads)
            if turn:  # the first compiles
                found[name] = min(least, time.perf_counter() - started)
    return found


def measured(volume: NDArray[Any], most: int, most_slow: int, rounds: int, ways: list[str]) -> Iterator[str]:
    """Lines of the table."""
    for name in ways:
        array = middle(volume, most_slow if name in SLOW else most)
        if name == "labels":
            array = (array // max(1, int(np.ptp(array)) // 12)).astype(np.int16)
        array = (array * 0.37).astype(np.float32) if name == "floats" else array
        brick = (-(-array.shape[-3] // 2), *array.shape[-2:]) if array.ndim == 3 else None
        blob, line = voxz.encode(array, brick=brick, **WAYS[name]), f"| {name} |"
        for threads in (1, 2):
            numba, c = (array.nbytes / 1e6 / taken for taken in seconds(blob, threads, rounds).values())
            line += f" {numba:.1f} | {c:.1f} | {c / numba:.2f} |"
        yield line


def main(arguments: list[str]) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks decoders", description=__doc__)
    parser.add_argument("volume", type=Path, help="NIfTI file")
    parser.add_argument("--most", type=int, default=1 << 23, help="samples")
    parser.add_argument("--most-slow", type=int, default=1 << 20, help="samples at levels 6 to 9 and in the heavy profile")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    chosen = parser.parse_args(arguments)
    print("| | numba, MB/s | C | ratio | numba, 2 threads | C | ratio |\n|---|---|---|---|---|---|---|")
    for line in measured(read(chosen.volume), chosen.most, chosen.most_slow, chosen.rounds, chosen.ways):
        print(line, flush=True)
