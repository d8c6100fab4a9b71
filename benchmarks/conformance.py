"""``python benchmarks/conformance.py [FILE...]``: files decoded by every decoder that is here, and whether all agree.

The decoders are this package and `build/decoder/voxz-decode` (``make decoder``), or those that the variable VOXZ_DECODERS names:
commands, separated by colons, that are called as it is, such as one for another processor under an emulator. Golden files are
compared with their digests; a table of files and decoders, and one line, say what was found.
"""

import hashlib
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

import voxz
from voxz.container.reader import Reader

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "golden"
WEIGHTS = ROOT / "src" / "voxz" / "weights"

Decoder = Callable[[Path], str]
"""SHA-256 of the samples of a file in memory order and in the byte order of its files, or what went wrong."""


def by_package(file: Path) -> str:
    """Decoded by this package."""
    samples = voxz.decode(file)
    with Reader(file) as reader:
        fortran = reader.arrays[0].layout.first_axis_fastest
        channels = reader.arrays[0].layout.channels > 1
    if fortran:
        axes = samples.ndim - channels
        samples = samples.transpose(*range(axes)[::-1], *range(axes, samples.ndim))
    return hashlib.sha256(np.ascontiguousarray(samples).tobytes()).hexdigest()


def by_command(command: str) -> Decoder:
    """Decoded by a command like voxz-decode."""
    models = [word for model in sorted(WEIGHTS.glob("*.safetensors")) for word in ("-m", str(model))]

    def decode(file: Path) -> str:
        done = subprocess.run([*shlex.split(command), "-s", "0", *models, file], check=False, capture_output=True)
        if done.returncode:
            return done.stderr.decode(errors="replace").strip().rpartition(": ")[2] or f"exit {done.returncode}"
        return hashlib.sha256(done.stdout).hexdigest()

    return decode


def main(names: list[str]) -> int:
    """Print the table and the line; return how many files are not decoded alike."""
    files = [Path(name) for name in names] or [GOLDEN / name for name in json.loads((GOLDEN / "digests.json").read_text())]
    native = ROOT / "build" / "decoder" / "voxz-decode"
    commands = os.environ.get("VOXZ_DECODERS", str(native) if native.exists() else "")
    decoders = {"voxz": by_package} | {os.path.relpath(c.split()[-1]): by_command(c) for c in commands.split(":") if c}
    unlike = 0
    print("file", *decoders, sep="\t")
    for file in files:
        found = {name: decode(file) for name, decode in decoders.items()}
        with Reader(file) as reader:
            expected = reader.arrays[0].header.samples_sha256.hex()
        unlike += any(digest != expected for digest in found.values())
        print(file.name, *("same" if digest == expected else digest for digest in found.values()), sep="\t", flush=True)
    print(f"{len(files) - unlike} of {len(files)} files are decoded alike by {len(decoders)} decoders: {', '.join(decoders)}")
    return unlike


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)
