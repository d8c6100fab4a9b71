"""The decoder in C, built for this machine once for all tests of a run, and its command."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from voxz.container.reader import Reader, only_array
from voxz.weights.store import FOLDER

ROOT = Path(__file__).parents[1]
DECODER = ROOT / "decoder"
GOLDEN = ROOT / "tests" / "golden"
STATUS = {"not voxz": 1, "truncated": 2, "damaged": 3, "unsupported": 4, "argument": 6}

needs_compiler = pytest.mark.skipif(not (shutil.which("cc") and shutil.which("make")), reason="needs a C compiler and make")


def built(target: str, folder: Path, *options: str) -> Path:
    """A file that the Makefile of the decoder makes, in `folder`; processes that want it at once wait for each other."""
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = subprocess.run(
            ["make", "-s", "-C", str(DECODER), f"OUT={folder}", *options, f"{folder}/{target}"],
            check=False,
            capture_output=True,
            text=True,
        )
        assert made.returncode == 0, made.stderr
    return folder / target


def shared(factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of a test run share."""
    base = factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "decoder"


def run(command: Path, *words: str | Path) -> subprocess.CompletedProcess[bytes]:
    """Run the command."""
    return subprocess.run([command, *map(str, words)], check=False, capture_output=True, timeout=60)


def decoded(command: Path, file: Path, number: int = 0) -> NDArray[np.generic]:
    """Samples of an array of a file, as `voxz.decode` would return them."""
    models = [word for model in sorted(FOLDER.glob("*.safetensors")) for word in ("-m", model)]
    done = run(command, "-s", str(number), *models, file)
    assert done.returncode == 0, done.stderr.decode()
    with Reader(file) as reader:
        layout = (only_array(reader) if len(reader.arrays) == 1 else reader.arrays[number]).layout
    channels = (layout.channels,) if layout.channels > 1 else ()
    array: NDArray[np.generic] = np.frombuffer(done.stdout, layout.dtype).reshape((*layout.memory_shape, *channels))
    axes = len(layout.shape)
    return array.transpose(*range(axes)[::-1], *range(axes, array.ndim)) if layout.first_axis_fastest else array
