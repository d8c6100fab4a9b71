"""``python -m benchmarks gzips DIR...``: how many of the gzip files below DIR come back byte for byte, and what that takes.

A line for each file that does not; files with equal bytes count once.
"""

import argparse
import hashlib
import time
from pathlib import Path

from voxz.io.gzip_members import repacking_of
from voxz.io.gzip_stream import MAGIC


def gzip_files(folders: list[Path]) -> list[Path]:
    """Different gzip files, given as such or below folders."""
    found: dict[bytes, Path] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*")) if folder.is_dir() else [folder]:
            if path.is_file() and path.read_bytes()[: len(MAGIC)] == MAGIC:
                found.setdefault(hashlib.sha256(path.read_bytes()).digest(), path)
    return list(found.values())


def main(arguments: list[str]) -> None:
    """Look through all files and print the summary."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks gzips", description=__doc__)
    parser.add_argument("data", nargs="+", type=Path, help="files, or folders of them")
    files = gzip_files(parser.parse_args(arguments).data)
    exact, size, seconds = 0, 0, [0.0]
    for path in files:
        started = time.process_time()
        found = repacking_of(path)
        seconds.append(time.process_time() - started)
        size += path.stat().st_size
        exact += found is not None and found.gzip.exact
        if found is None or not found.gzip.exact:
            print(f"{path}: {'damaged' if found is None else 'content only'}")
    print(f"{exact} of {len(files)} come back byte for byte; {sum(seconds):.1f} s of CPU, {max(seconds):.2f} at most for a file")
    print(f"{size / max(1e-9, sum(seconds)) / 1e6:.1f} MB/s of gzip, decompressing and compressing included")
