"""``python benchmarks/golden.py [NAME...]``: decode golden files here and compare them with their digests.

It needs numpy and voxz alone, so it runs where numba or nibabel cannot be had: ``make golden-aarch64`` runs it in plain Python
on an emulated processor, ``make golden-generic`` with code that is compiled for any x86-64. Smallest files come first.
"""

import hashlib
import json
import math
import platform
import sys
import time
from pathlib import Path

import numpy as np

import voxz

FOLDER = Path(__file__).parents[1] / "tests" / "golden"


def main(names: list[str]) -> int:
    """Decode the golden files of these names, or all; print a line for each, return how many differ."""
    digests = json.loads((FOLDER / "digests.json").read_text())
    different, started = 0, time.monotonic()
    chosen = sorted(names or digests, key=lambda name: (math.prod(digests[name]["shape"]), name))
    for name in chosen:
        begun = time.monotonic()
        samples = voxz.decode((FOLDER / name).read_bytes(), threads=1)
        found = {
            "shape": list(samples.shape),
            "dtype": samples.dtype.str,
            "sha256": hashlib.sha256(np.ascontiguousarray(samples).tobytes()).hexdigest(),
        }
        same = all(digests[name][key] == value for key, value in found.items())
        different += not same
        print(f"{'same' if same else 'DIFFERENT'} {name} {time.monotonic() - begun:.1f} s", flush=True)
    print(f"{len(chosen) - different} of {len(chosen)} the same on {platform.machine()} in {time.monotonic() - started:.0f} s")
    return different


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)
