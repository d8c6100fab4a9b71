"""Bit planes: what comes back, compiled or not."""

import os
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voxz.entropy.plane import STRETCH, decode_plane, encode_plane

SHAPES = [(1, 1, 1, 1), (2, 2, 1, STRETCH + 1), (1, 3, 5, 2 * STRETCH), (3, 1, 4, 3 * STRETCH - 1), (1, 2, 9, STRETCH - 1)]
PLAIN = "import sys; sys.path.insert(0, sys.argv[1]); from test_plane import digest; print(digest())"


def planes() -> Iterator[NDArray[np.bool_]]:
    """Nothing, everything, noise, and shapes with an outline that lie at a border, a stretch apart, and move."""
    rng = np.random.default_rng(1)
    for shape in SHAPES:
        _, z, y, x = np.indices(shape)
        yield from (np.zeros(shape, np.bool_), np.ones(shape, np.bool_), rng.integers(0, 2, shape).astype(np.bool_))
        yield from (x < STRETCH + y - z, (x > STRETCH) | (y == 2), x != STRETCH)


def digest() -> str:
    """Of all planes as they are coded."""
    return sha256(b"".join(map(encode_plane, planes()))).hexdigest()


def test_planes_come_back() -> None:
    for plane in planes():
        assert np.array_equal(decode_plane(encode_plane(plane), plane.shape), plane)


def test_planes_that_are_alike_take_next_to_nothing() -> None:
    assert len(encode_plane(np.ones((1, 8, 100, 10 * STRETCH), np.bool_))) < 100


def test_plain_python_writes_the_same_bytes() -> None:
    command = [sys.executable, "-c", PLAIN, str(Path(__file__).parent)]
    plain = subprocess.run(command, env=os.environ | {"VOXZ_JIT": "0"}, capture_output=True, check=True, text=True)
    assert plain.stdout.split() == [digest()]
