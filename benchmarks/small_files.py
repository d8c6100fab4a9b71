"""``python -m benchmarks small DATA...``: what many small files take, one after the other in one process, beside gzip.

Boxes of the volumes become NIfTI files. Each is packed by gzip (level 6), then by voxz: plain, and as the .nii.gz that gzip made,
or nibabel at its level 1. Only time on the processor counts; the first files, for which kernels are loaded, do not.
"""

import argparse
import gzip
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import nibabel
import numpy as np

import voxz
from voxz.bench.volumes import find, load, names

BOX = (12, 128, 110)
"""Slices, rows and columns of a file at most."""

WARMED = 3
"""Files that do not count."""

FORMS = {".nii": 0, ".nii.gz, level 6": 6, ".nii.gz, level 1": 1}
"""What voxz is given, and the level of gzip."""


def boxes(data: list[str], count: int) -> Iterator[bytes]:
    """So many NIfTI files of boxes at random places."""
    volumes = [load(name, path).samples[0] for name, path in names(find(data))]
    rng = np.random.default_rng(0)
    for number in range(count):
        volume = volumes[number % len(volumes)]
        starts = [rng.integers(0, max(1, n - most + 1)) for n, most in zip(volume.shape, BOX, strict=True)]
        box = volume[tuple(slice(start, start + most) for start, most in zip(starts, BOX, strict=True))]
        yield nibabel.Nifti1Image(np.ascontiguousarray(box.T), np.eye(4)).to_bytes()


def main(arguments: list[str]) -> None:
    """Print a table; exit with 1 if voxz takes more than `--limit` times as long as gzip."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks small", description=__doc__)
    parser.add_argument("data", nargs="+", help="files or folders")
    parser.add_argument("--count", type=int, default=100, help="files")
    parser.add_argument("--level", type=int, default=5)
    parser.add_argument("--limit", type=float, default=2.5, help="largest ratio of times that passes")
    options = parser.parse_args(arguments)
    spent = dict.fromkeys(("gzip", *FORMS), 0.0)
    sizes = dict.fromkeys(spent, 0)

    def timed(name: str, number: int, work: float, size: int) -> None:
        spent[name] += work if number >= WARMED else 0.0
        sizes[name] += size if number >= WARMED else 0

    with tempfile.TemporaryDirectory() as place:
        for number, content in enumerate(boxes(options.data, options.count + WARMED)):
            packed, source = Path(place) / "a.nii.gz", Path(place) / "a.nii"
            begin = time.process_time()
            packed.write_bytes(gzip.compress(content, 6))
            timed("gzip", number, time.process_time() - begin, packed.stat().st_size)
            source.write_bytes(content)
            for name, level in FORMS.items():
                if level:
                    packed.write_bytes(gzip.compress(content, level))
                begin = time.process_time()
                voxz.compress(
                    packed if level else source, source.with_suffix(".voxz"), level=options.level, threads=1, force=True
                )
                timed(name, number, time.process_time() - begin, source.with_suffix(".voxz").stat().st_size)
    print("| | ms a file | to gzip | size to gzip |\n|---|---|---|---|")
    for name, seconds in spent.items():
        ratios = f"{seconds / spent['gzip']:.2f} | {sizes[name] / sizes['gzip']:.3f}"
        print(f"| {name} | {1000 * seconds / options.count:.1f} | {ratios} |")
    sys.exit(int(max(spent.values()) > options.limit * spent["gzip"]))
