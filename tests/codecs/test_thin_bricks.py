"""Bricks that are a row, a column or a few of them: their bytes, and no more memory than other shapes take.

Memory is what the system counts: most arrays are made inside compiled code, where Python does not see them. So it is measured in
a process of its own, after everything was compiled and decoded once.
"""

import ctypes
import gc
import hashlib
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from voxz.codecs.fidelity import EXACT, Fidelity
from voxz.codecs.floats import codec as floats
from voxz.codecs.labels import codec as labels
from voxz.codecs.predictive import codec as predictive
from voxz.codecs.wavelet import codec as wavelet
from voxz.entropy.plane import decode_plane, encode_plane
from voxz.limits import memory_of
from voxz.transforms import margins

Brick = NDArray[Any]
Encode = Callable[[Brick], bytes | None]

SHAPES = [(1, 1, 1, 700), (1, 1, 700, 1), (1, 700, 1, 1), (3, 1, 1, 200), (1, 2, 1, 350), (1, 350, 1, 2), (1, 1, 350, 2)]
SHAPES += [(1, 350, 2, 1), (2, 2, 2, 2), (1, 1, 1, 1), (1, 2, 300, 1), (1, 6, 12, 14)]


def wavy(shape: tuple[int, ...]) -> Brick:
    """Whole numbers that rise and fall, with noise."""
    steps = np.random.default_rng(7).integers(-9, 10, math.prod(shape))
    return np.cumsum(np.cumsum(steps) // 4 - np.cumsum(steps) // 5).reshape(*shape, 1) % 2000


def integers(shape: tuple[int, ...]) -> Brick:
    return wavy(shape).astype("i2")


def some_nan(shape: tuple[int, ...]) -> Brick:
    found = wavy(shape).astype("f4") / np.float32(3)
    found[wavy(shape) % 7 == 0] = np.nan
    return found


CODECS: dict[str, tuple[Any, Callable[[tuple[int, ...]], Brick], Encode]] = {
    "wavelet": (wavelet, integers, lambda brick: wavelet.encode_brick(brick, 5, Fidelity.stepped(11.0))),
    "bound": (wavelet, some_nan, lambda brick: wavelet.encode_brick(brick, 3, Fidelity.within(2.0))),
    "reversible": (wavelet, integers, lambda brick: wavelet.encode_brick(brick, 5, EXACT)),
    "heavy": (wavelet, integers, lambda brick: wavelet.encode_brick(brick, 5, Fidelity.stepped(11.0), entropy="heavy")),
    "predictive 1": (predictive, integers, lambda brick: predictive.encode_brick(brick, 1)),
    "predictive 5": (predictive, integers, lambda brick: predictive.encode_brick(brick, 5)),
    "predictive 9": (predictive, integers, lambda brick: predictive.encode_brick(brick, 9)),
    "labels": (labels, lambda shape: (wavy(shape) // 500).astype("u1"), lambda brick: labels.encode_brick(brick, 5)),
    "floats": (floats, some_nan, lambda brick: floats.encode_brick(brick, 5)),
}
"""Module, samples, encoder."""

DIGESTS = {
    "wavelet": "ba812d9caca8aba8",
    "bound": "6d6a5ac92a000e31",
    "reversible": "765fa9b3f9fad56f",
    "heavy": "a40131f229236dfe",
    "predictive 1": "c3d90306f1d853b1",
    "predictive 5": "629e3381afde2934",
    "predictive 9": "4ce4751063f1e1ea",
    "labels": "94bf9c6be94a75d3",
    "floats": "8a9b551aed4f7d40",
}
"""Of all payloads of SHAPES: they change only on purpose, not with the margins of an axis."""


def digest_of(name: str) -> str:
    module, samples, encode = CODECS[name]
    found = hashlib.sha256()
    for shape in SHAPES:
        brick = samples(shape)
        payload = encode(brick)
        found.update(payload or b"none")
        if payload is not None and name not in ("wavelet", "bound", "heavy"):
            np.testing.assert_array_equal(module.decode_brick(payload, brick.shape, brick.dtype), brick)
    return found.hexdigest()[:16]


@pytest.mark.parametrize("name", CODECS)
def test_the_bytes_of_thin_bricks_change_only_on_purpose(name: str) -> None:
    assert digest_of(name) == DIGESTS[name]


@pytest.mark.parametrize("shape", SHAPES)
def test_bit_planes_of_any_shape_come_back(shape: tuple[int, ...]) -> None:
    plane = wavy(shape)[..., 0] % 5 > 1
    np.testing.assert_array_equal(decode_plane(encode_plane(plane), shape), plane)


def test_filters_find_the_same_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    brick = integers((1, 8, 30, 40))
    payload = wavelet.encode_brick(brick, 5, Fidelity.stepped(60.0))
    assert payload is not None
    whole = wavelet.decode_brick(payload, brick.shape, brick.dtype)
    monkeypatch.setattr(margins, "MOST", 4000)
    assert wavelet.encode_brick(brick, 5, Fidelity.stepped(60.0)) == payload
    np.testing.assert_array_equal(wavelet.decode_brick(payload, brick.shape, brick.dtype), whole)


THIN = [(1, 1, 1, 1 << 17), (1, 1, 1 << 17, 1), (1, 1 << 17, 1, 1), (1, 2, 1 << 16, 1), (1, 2, 1, 1 << 16)]
SAMPLES = 1 << 17
ROOM = 4 << 20

MEASURED = {"wavelet": 144, "bound": 64, "reversible": 64, "predictive 1": 128, "predictive 5": 128}
MEASURED |= {"predictive 9": 608, "labels": 224, "floats": 128}
"""Bytes a sample that no shape takes, beside ROOM; at levels 6 to 9, a row of a slice has up to 2048 tiles that learn."""


def peak(name: str, shape: tuple[int, ...]) -> tuple[int, int]:
    """Bytes that this process takes more while it decodes a brick, and bytes of its payload."""
    module, samples, encode = CODECS[name]
    brick = samples(shape)
    payload = encode(brick)
    if payload is None:
        return 0, 0
    dtype, shape = brick.dtype, brick.shape
    del brick
    module.decode_brick(payload, shape, dtype)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before = counted("VmRSS")
    module.decode_brick(payload, shape, dtype)
    return counted("VmHWM") - before, len(payload)


def counted(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(field))


def peaks(name: str) -> str:
    """Of the shapes of THIN."""
    return json.dumps([peak(name, shape) for shape in THIN])


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="only Linux counts the peak of a part of a run")
@pytest.mark.parametrize("name", MEASURED)
def test_thin_bricks_take_little_memory(name: str) -> None:
    code = f"import sys; sys.path.insert(0, sys.argv[1]); from {Path(__file__).stem} import peaks; print(peaks({name!r}))"
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536"}
    command = [sys.executable, "-c", code, str(Path(__file__).parent)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    for shape, (taken, length) in zip(THIN, json.loads(run.stdout), strict=True):
        assert taken <= MEASURED[name] * SAMPLES + ROOM, shape
        assert taken <= memory_of(SAMPLES, length)
