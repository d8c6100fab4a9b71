"""``python -m benchmarks studies``: how busy `voxz compress -r` keeps the cores, and what becomes of a whole study.

``python -m benchmarks studies busy`` compresses 100 small volumes and three large ones, made of noise on phantoms, each on all
threads of this machine, and tells processor time / (time x cores). ``python -m benchmarks studies trip FOLDER...`` takes trees
there and back: a run is killed and goes on, on threads and on a Dask cluster one of whose workers is killed.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nibabel
import numpy as np

SMALL, LARGE = (100, (64, 64, 32)), (3, (320, 320, 400))
"""How many volumes, and their voxels."""


def volumes(folder: Path, count: int, shape: tuple[int, int, int]) -> int:
    """Write gzip volumes of 16 bits: soft spheres with noise; the bytes of their samples."""
    folder.mkdir(parents=True)
    axes = np.meshgrid(*(np.linspace(-1, 1, n, dtype=np.float32) for n in shape), indexing="ij")
    for number in range(count):
        rng = np.random.default_rng(number)
        centre = rng.uniform(-0.3, 0.3, 3)
        distance = np.sqrt(sum((axis - at) ** 2 for axis, at in zip(axes, centre, strict=True)))
        samples = 900 / (1 + np.exp(12 * (distance - 0.6))) * (1 + 0.2 * np.sin(9 * axes[0] + number))
        samples += rng.normal(0, 12, shape) * (distance < 0.9)
        nibabel.Nifti1Image(samples.astype(np.int16), np.eye(4)).to_filename(folder / f"{number:03}.nii.gz")
    return count * 2 * int(np.prod(shape))


def run(*arguments: object) -> tuple[float, float]:
    """Run the command; seconds, and seconds of processor."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-m", "voxz", *map(str, arguments)], check=True, stderr=subprocess.DEVNULL)
    after, seconds = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - began
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def busy(level: int, threads: int) -> None:
    """Print how busy the cores are on many small and on few large files."""
    with tempfile.TemporaryDirectory() as place:
        print(f"level {level}, {threads} threads\n\n| files | MB of samples | s | MB/s | cores busy, % |\n|---|---|---|---|---|")
        for count, shape in (SMALL, LARGE):
            tree = Path(place) / str(count)
            size = volumes(tree, count, shape)
            seconds, processor = run("compress", "-r", tree, "-o", f"{tree}-packed", f"-{level}", "-T", threads)
            share = 100 * processor / seconds / threads
            print(f"| {count} | {size / 1e6:.0f} | {seconds:.1f} | {size / seconds / 1e6:.1f} | {share:.0f} |", flush=True)


def main(arguments: list[str]) -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks studies", description=__doc__)
    parser.add_argument("what", choices=("busy", "trip"))
    parser.add_argument("trees", nargs="*", type=Path)
    parser.add_argument("--level", type=int, default=1)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    given = parser.parse_args(arguments)
    if given.what == "busy":
        busy(given.level, given.threads)
