"""Payloads of very many tiny volumes or slices: they end in samples or `CorruptError`, in little time and the stated memory.

Memory is what the system counts in a process of its own, after everything was compiled.
"""

import ctypes
import gc
import json
import os
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import voxz
from voxz.codecs.floats import codec as floats
from voxz.codecs.masked import Prepared
from voxz.codecs.payload import PartWriter
from voxz.codecs.predictive.part import put_integers
from voxz.codecs.siren import codec as siren
from voxz.codecs.siren.field import Field, Networks
from voxz.codecs.siren.latents import Latents
from voxz.codecs.siren.network import Shape
from voxz.codecs.siren.weights import encode_weights
from voxz.codecs.stored import encode_bytes
from voxz.limits import memory_of

Made = tuple[bytes, tuple[int, ...], str]
"""Payload, shape of the brick, type of its samples."""

MOST_SECONDS = 2.0


def of_field(field: Field) -> Made:
    shape = (field.series, *field.grid)
    samples = np.zeros(shape, "i2")
    prepared = Prepared(samples, (*shape, 1), [], None, np.zeros(shape, np.bool_), -100.0, 100.0, 0.0)
    return siren.encode_field(prepared, field), (*shape, 1), "i2"


def zero_networks(series: int, slices: int, axes: int) -> Made:
    """Networks of weights 0, as few bytes as there can be."""
    count = slices if axes == 2 else 1
    outputs = series if axes == 3 else 1
    shape = Shape((axes, outputs), (0,), (1.0,))
    payload = encode_weights(np.zeros((count, shape.weights), np.int64), np.ones(2, np.float32), shape)
    networks = Networks(shape, np.zeros((count, shape.weights)), payload, False)
    zeros = np.zeros((count, outputs))
    grid = (slices, 1, 1)
    return of_field(Field(series, grid, axes, networks, None, np.zeros(0, np.int64), zeros, zeros, None, 0.0))


def zero_latents(series: int) -> Made:
    latents = Latents.encode(np.zeros((series, 1, 1, 1)), (0, 0, 0), 1.0, 5)
    none = np.zeros((0, 0))
    return of_field(Field(series, (1, 1, 1), 3, None, latents, np.zeros(0, np.int64), none, none, None, 0.0))


def scaled(slices: int) -> Made:
    """A scale for each slice of one sample, with all ways of computing in turn."""
    writer, shape = PartWriter(struct.pack("<BBB", floats.SCALED, 4, 0)), (1, slices, 1, 1)
    writer.raw(bytes([1]) + bytes(n % 3 for n in range(slices)))
    writer.part(encode_bytes(np.ones((2, slices)).tobytes(), 8))
    assert put_integers(writer, np.zeros(slices, np.int32), shape, None, 5)
    writer.part(b"")
    return writer.to_bytes(), (*shape, 1), "f4"


CASES: dict[str, Callable[[int], Made]] = {
    "one network of 65536 volumes": lambda n: zero_networks(64 * n, 1, 4),
    "networks of 8192 slices": lambda n: zero_networks(1, 8 * n, 2),
    "one network of 1024 outputs": lambda n: zero_networks(n, 1, 3),
    "latents of 4096 volumes": lambda n: zero_latents(4 * n),
    "scales of 131072 slices": lambda n: scaled(128 * n),
}


def counted(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(field))


def outcome(name: str) -> str:
    """Seconds of the processor, bytes that this process takes more, bytes allowed, and how it ended."""
    for n in (4, 1024):
        payload, shape, dtype = CASES[name](n)
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
        before, started, end = counted("VmRSS"), time.process_time(), ""
        try:
            module = floats if dtype == "f4" else siren
            assert module.decode_brick(payload, shape, np.dtype(dtype)).shape == shape
        except voxz.VoxzError as error:
            end = type(error).__name__
        taken = time.process_time() - started, counted("VmHWM") - before
    return json.dumps([*taken, memory_of(int(np.prod(shape)), len(payload)), end])


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="only Linux counts the peak of a part of a run")
@pytest.mark.parametrize("name", CASES)
def test_very_many_tiny_volumes_cost_little(name: str) -> None:
    code = f"import sys; sys.path.insert(0, sys.argv[1]); from {Path(__file__).stem} import outcome; print(outcome({name!r}))"
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536"}
    command = [sys.executable, "-c", code, str(Path(__file__).parent)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    seconds, taken, allowed, end = json.loads(run.stdout)
    assert end in ("", "CorruptError")
    assert seconds < MOST_SECONDS
    assert taken < allowed


def test_a_network_gives_many_volumes_at_once_what_it_gives_one_by_one() -> None:
    shape = Shape((4, 8, 1), (0, 0), (30.0, 1.0))
    weights = np.random.default_rng(5).normal(0, 1, (1, shape.weights))
    networks, one = Networks(shape, weights, b"", False), np.ones((1, 1))
    field = Field(700, (2, 9, 11), 4, networks, None, np.zeros(0, np.int64), one, one, None, 0.0)
    (values,) = field.evaluate(field.own_positions())
    places = field.coordinates(field.own_positions())
    for volume in (0, 1, 330, 699):
        time_of = np.full((1, places.shape[1]), volume * (2.0 / 699) - 1.0)
        alone = shape.evaluate(weights[0], np.concatenate([places, time_of]))[0]
        np.testing.assert_array_equal(values[volume].ravel(), alone * 1.0 + 1.0)
