"""Long series of tiny volumes, as in CIFTI files, are coded as images: small, fast, and in little memory."""

import gzip
import time

import numpy as np
import pytest

import voxz
from voxz.codecs.predictive.references import choose_references


def walk(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """A random walk along the first axis, each column on its own."""
    steps = np.random.default_rng(1).normal(0, 3, shape).cumsum(axis=0)
    return (steps + np.arange(np.prod(shape[1:])).reshape(shape[1:]) * 100 + 500).astype(dtype)


@pytest.mark.parametrize("dtype", ["<i2", ">f4", "<c8", "<i8"])
@pytest.mark.parametrize("shape", [(700, 1, 1, 1), (301, 2, 1, 3), (256, 1, 5, 1)])
def test_long_series_of_tiny_volumes_come_back(shape: tuple[int, ...], dtype: str) -> None:
    array = walk(shape, dtype)
    blob = voxz.encode(array)
    assert voxz.info(blob).codecs == {"turned": 1}
    assert np.array_equal(voxz.decode(blob), array)
    assert np.array_equal(voxz.open(blob)[7:20], array[7:20])


def test_thirty_thousand_volumes_of_one_voxel_are_smaller_than_gzip_and_quick() -> None:
    array = walk((30_000, 1, 1, 1), "<i2")
    voxz.encode(array[:300])
    started = time.perf_counter()
    blob = voxz.encode(array)
    assert time.perf_counter() - started < 5
    assert len(blob) < 0.6 * len(gzip.compress(array.tobytes()))


def test_maps_that_alternate_are_told_apart() -> None:
    maps = np.stack([walk((20_000,), "<i2"), -walk((20_000,), "<i2")], axis=1).reshape(-1, 1, 1, 1)
    assert len(voxz.encode(maps)) < 0.9 * len(gzip.compress(maps.tobytes()))


def test_a_bound_holds_in_series_of_tiny_volumes() -> None:
    array = walk((2_000, 1, 1, 2), "<i2")
    decoded = voxz.decode(voxz.encode(array, target=voxz.MaxError(3)))
    assert np.abs(decoded.astype(int) - array).max() <= 3


def test_references_of_very_long_series_are_found_in_bounded_memory() -> None:
    volumes = np.random.default_rng(0).integers(0, 99, (3_000, 1, 4, 8)).astype(np.int32)
    volumes[2_900] = volumes[2_600]
    references = choose_references(volumes)
    assert references[2_900, 0] == 2_600
    assert (references[1:].max(axis=1) < np.arange(1, 3_000)).all()
