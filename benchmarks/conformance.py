"""``python -m benchmarks.conformance [FILE...]``: files decoded by every decoder that is here, and whether all agree.

The decoders are this package and `build/decoder/voxz-decode` (``make decoder``), or those that the variable VOXZ_DECODERS names:
commands, separated by colons, that are called as it is, such as one for another processor under an emulator. Golden files are
compared with their digests, and damaged ones with the errors that they must give; a table of files and decoders, and one line,
say what was found.
"""

import hashlib
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

import voxz
from benchmarks.damaged_set import damaged, error_of
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


ERRORS = {1: "not voxz", 2: "truncated", 3: "damaged", 4: "unsupported"}
"""Of the exit codes of voxz-decode."""


def wrong_errors(commands: list[str]) -> tuple[int, int]:
    """How many damaged files of the set there are, and how many do not give their error by every decoder."""
    entries, wrong = json.loads((GOLDEN / "damaged.json").read_text()), 0
    models = [word for model in sorted(WEIGHTS.glob("*.safetensors")) for word in ("-m", str(model))]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "damaged.voxz"
        for entry in entries:
            file.write_bytes(damaged(entry))
            codes = [
                subprocess.run([*shlex.split(c), "-s", "0", *models, file], check=False, capture_output=True).returncode
                for c in commands
            ]
            wrong += {error_of(damaged(entry)), *(ERRORS.get(code) for code in codes)} != {entry["error"]}
    return len(entries), wrong


def main(names: list[str]) -> int:
    """Print the table and the line; return how many files are not decoded alike, or give another error."""
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
    entries, wrong = (0, 0) if names else wrong_errors([c for c in commands.split(":") if c])
    print(
        f"{len(files) - unlike} of {len(files)} files are decoded alike by {len(decoders)} decoders: {', '.join(decoders)}",
        end="",
    )
    print("" if names else f"; {entries - wrong} of {entries} damaged files give their error")
    return unlike + wrong


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)
