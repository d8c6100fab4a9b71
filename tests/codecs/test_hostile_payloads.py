"""Counts in payloads that nothing could hold are refused before they are used: little memory, little time, `CorruptError`."""

import struct
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

import voxz
from voxz.codecs.payload import PartWriter
from voxz.codecs.predictive import codec as predictive
from voxz.codecs.predictive.padding import Geometry
from voxz.codecs.predictive.value_map import Values
from voxz.codecs.siren.network import Shape
from voxz.codecs.siren.weights import decode_weights
from voxz.codecs.wavelet import codec as wavelet
from voxz.codecs.wavelet.head import Head
from voxz.entropy.integers import IntegerReader, IntegerWriter
from voxz.limits import BASE, BYTES_PER_SAMPLE, affordable, at_least_a_bit, memory_of
from voxz.transforms import trained_model as transforms
from voxz.weights.safetensors_file import pack

BASIS = 2
"""Flag of a wavelet payload with a basis."""


def predictors(series: int) -> Callable[[], object]:
    """A predictive payload that announces 16 x 16 tiles for each volume and ends there."""
    side = IntegerWriter()
    Values(0, 1, 9).write(side)
    side.put([16, 16, 10])
    side.put(np.ones(2 * (series - 1), np.int64))
    side.put(np.zeros(12, np.int64))
    information = side.to_bytes()
    payload = struct.pack("<BII", 5, len(information), 8) + information + bytes(8)
    return lambda: predictive.decode_brick(payload, (series, 1, 1, 1, 1), np.dtype("u1"))


def wavelet_brick(series: int, *, basis: bool) -> Callable[[], object]:
    """A wavelet payload of a long series, with a basis or without, and nothing behind the announcement."""
    head = Head(0, 4, (0, 0, 0), 0, BASIS if basis else 0, 0, 1.0, 0.0, 0.0, 9.0)
    writer = PartWriter(head.pack())
    if basis:
        side = IntegerWriter()
        side.put(np.full(series, 10))
        writer.part(side.to_bytes())
    writer.part(struct.pack("<I", 0))
    return lambda: wavelet.decode_brick(writer.to_bytes(), (series, 1, 1, 1, 1), np.dtype("u1"))


def networks() -> object:
    """A payload of 100 kB for networks whose weights would be 2.4 GB."""
    shape = Shape((3, 500, 500, 1), (0, 0, 0), (1.0, 1.0, 1.0))
    return decode_weights(bytes(100_000), 200, shape, 1000)


CASES = {
    "units of 20000 volumes": predictors(20000),
    "basis of 20000 volumes": wavelet_brick(20000, basis=True),
    "bands of a million components": wavelet_brick(1 << 20, basis=False),
    "networks": networks,
}


@pytest.mark.parametrize("name", CASES)
def test_a_count_that_nothing_could_hold_is_damage(name: str) -> None:
    with pytest.raises(voxz.CorruptError):
        CASES[name]()
    tracemalloc.start()
    with pytest.raises(voxz.CorruptError, match=r"too few for|would take"):
        CASES[name]()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < BASE


THIN = [(1, 1, 1, 4096), (1, 1, 4096, 1), (1, 4096, 1, 1), (4096, 1, 1, 1), (1, 2, 1, 2048), (1, 1024, 2, 2), (512, 2, 2, 2)]
"""Series, z, y, x with axes of one and two."""


@pytest.mark.parametrize("shape", THIN)
def test_borders_of_thin_bricks_stay_within_the_stated_memory(shape: tuple[int, int, int, int]) -> None:
    geometry = Geometry(*shape)
    most = 16
    assert geometry.size <= most * geometry.samples + 64
    assert predictive.BYTES_A_PLACE * most < BYTES_PER_SAMPLE


@pytest.mark.parametrize("level", [1, 5, 9])
@pytest.mark.parametrize("shape", THIN)
def test_thin_bricks_come_back_within_the_stated_memory(shape: tuple[int, int, int, int], level: int) -> None:
    walk = np.random.default_rng(1).normal(0, 3, 4096).cumsum().round() + 300
    samples = walk.astype("i2").reshape(*shape, 1)
    payload = predictive.encode_brick(samples, level)
    assert payload is not None
    np.testing.assert_array_equal(predictive.decode_brick(payload, samples.shape, samples.dtype), samples)
    tracemalloc.start()
    predictive.decode_brick(payload, samples.shape, samples.dtype)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < memory_of(samples.size, len(payload))


def test_sizes_are_bounded_by_the_payload() -> None:
    at_least_a_bit(80, 10, "things")
    with pytest.raises(voxz.CorruptError, match="10 bytes are too few for 81 things"):
        at_least_a_bit(81, 10, "things")
    affordable(memory_of(5, 7), 5, 7, "it")
    with pytest.raises(voxz.CorruptError, match="it would take"):
        affordable(memory_of(5, 7) + 1, 5, 7, "it")
    assert memory_of(0, 0) == BASE


@pytest.mark.parametrize("step", [0.0, 5e-324, 1e-301, float("nan"), 9.0])
def test_a_step_that_arithmetic_cannot_use_is_damage(step: float) -> None:
    payload = Head(0, 4, (0, 0, 0), 0, 0, 0, step, 0.0, 0.0, 1.0).pack() + bytes(64)
    with pytest.raises(voxz.CorruptError, match="head of a wavelet brick is out of bounds"):
        wavelet.decode_brick(payload, (1, 2, 2, 2, 1), np.dtype("i2"))


def test_side_information_has_a_bit_for_each_integer() -> None:
    reader = IntegerReader(b"\2\0\0")
    with pytest.raises(voxz.CorruptError, match="too few"):
        reader.repeated(np.full(1000, 7), 1000)
    with pytest.raises(voxz.CorruptError, match="too few"):
        reader.take(17)


@pytest.mark.parametrize("count", [50, 200_000])
def test_a_map_of_many_values_costs_few_samples_little(count: int) -> None:
    """The same samples come back through a table and without one."""
    values = Values(-7, 3, 150_000, (10, 140_000), (5, 4000))
    dense = np.linspace(0, 150_000, count).astype(np.int32)
    tracemalloc.start()
    stored = values.to_stored(dense, np.dtype("i4"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < (1 << 20) + 64 * count
    np.testing.assert_array_equal(values.to_dense(stored), dense)
    assert stored.max() == -7 + 3 * (150_000 + 4005)


def test_a_model_whose_family_is_a_hundred_thousand_brackets_is_damage() -> None:
    facts = {"kind": transforms.KIND, "version": transforms.VERSION, "family": "[" * 100_000}
    with pytest.raises(voxz.CorruptError, match="family of a model cannot be read"):
        transforms.Model.from_bytes(pack({"norms": np.ones(3)}, facts))


@pytest.mark.parametrize("dtype", ["u1", "i2", "i4"])
def test_a_constant_takes_no_more_than_its_samples(dtype: str) -> None:
    samples = np.full((1, 1, 1, 1 << 22, 1), 7, dtype)
    payload = predictive.encode_brick(samples, 5)
    assert payload is not None
    tracemalloc.start()
    decoded = predictive.decode_brick(payload, samples.shape, samples.dtype)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(decoded, samples)
    assert peak < samples.nbytes + (1 << 20)
