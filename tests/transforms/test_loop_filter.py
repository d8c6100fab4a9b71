"""Restoration filters: what they gain, that they decode the same everywhere, and that damage is noticed."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from samples import printed_by_plain_python
from voxz.codecs.fidelity import Fidelity
from voxz.codecs.wavelet import codec as wavelet
from voxz.errors import CorruptError, VoxzError
from voxz.transforms.loop_filter import CLASSES, TAPS, read_filters, restore
from voxz.transforms.loop_filter_fit import fit_filters
from voxz.transforms.wiener import Filters


def cartoon(shape: tuple[int, int, int] = (6, 80, 84), seed: int = 5) -> NDArray[np.float64]:
    """Sharp discs of different brightness with noise, as in a CT."""
    z, y, x = np.indices(shape)
    values = np.full(shape, -1000.0)
    for row, column, radius, level in ((40, 42, 34, 0.0), (30, 30, 9, 900.0), (55, 50, 12, -120.0), (34, 58, 7, 500.0)):
        values[(y - row) ** 2 + (x - column - z / 2) ** 2 < radius**2] = level
    return values + np.random.default_rng(seed).normal(size=shape) * 8


def some_filters(seed: int = 2) -> Filters:
    rng = np.random.default_rng(seed)
    return Filters(rng.integers(-9, 10, (5, TAPS)), rng.integers(-1, 5, CLASSES), 7)


def squared(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return float(((one - other) ** 2).mean())


def test_a_fitted_filter_brings_edges_and_noise_nearer() -> None:
    volume = cartoon()[None]
    samples = np.rint(volume).astype(np.int16)[..., None]
    payload = wavelet.encode_brick(samples, 3, Fidelity.stepped(120.0)) or b""
    decoded = wavelet.decode_brick(payload, samples.shape, samples.dtype)[..., 0].astype(np.float64)
    filters = fit_filters(volume, decoded, np.zeros(volume.shape, np.bool_), 120.0, 0.2)
    assert filters is not None
    assert read_filters(filters.to_bytes()).to_bytes() == filters.to_bytes()
    before = squared(volume, decoded)
    restore(decoded[0], 120.0, filters)
    assert squared(volume, decoded) < 0.9 * before


def test_sums_are_the_same_in_64_bits() -> None:
    rng = np.random.default_rng(3)
    filters = Filters(rng.integers(-300, 300, (5, TAPS)), rng.integers(-1, 5, CLASSES), 7)
    volume = cartoon((3, 24, 70))
    far = volume.copy()
    far[0, 0, 0] = 1e7  # with so wide a range, sums might not fit 32 bits
    for one in (volume, far):
        restore(one, 40.0, filters)
    np.testing.assert_array_equal(far[:, 8:, 8:], volume[:, 8:, 8:])


def test_levels_that_restore_err_less_at_the_same_step() -> None:
    samples = np.rint(cartoon((8, 120, 120))).astype(np.int16)[None, ..., None]
    errors, lengths = [], []
    for level in (3, 4):
        payload = wavelet.encode_brick(samples, level, Fidelity.stepped(150.0)) or b""
        decoded = wavelet.decode_brick(payload, samples.shape, samples.dtype)
        errors.append(squared(samples.astype(np.float64), decoded.astype(np.float64)))
        lengths.append(len(payload))
    assert errors[1] < 0.9 * errors[0]
    assert lengths[1] < 1.1 * lengths[0]


def test_nothing_is_sent_where_nothing_is_gained() -> None:
    volume = np.random.default_rng(1).normal(size=(1, 6, 40, 40)) * 100
    none = np.zeros(volume.shape, np.bool_)
    assert fit_filters(volume, volume, none, 10.0, 0.3) is None
    assert fit_filters(volume + np.random.default_rng(2).normal(size=volume.shape), volume, none, 10.0, 0.3) is None
    assert fit_filters(volume + 1, volume, ~none, 10.0, 0.3) is None


@given(st.tuples(*[st.integers(1, 7)] * 3), st.floats(0.01, 1e4), st.integers(0, 99))
@settings(max_examples=60)
def test_any_shape_and_step(shape: tuple[int, int, int], step: float, seed: int) -> None:
    volume = np.random.default_rng(seed).normal(size=shape) * 1000
    flat = np.full(shape, 7.0)
    restore(volume, step, some_filters(seed))
    assert np.isfinite(volume).all()
    still = Filters(np.zeros((1, TAPS), np.int64), np.zeros(CLASSES, np.int64), 7)
    restore(flat, step, still)
    assert (flat == 7.0).all()


@pytest.mark.parametrize("count", [0, CLASSES + 1])
def test_as_many_filters_as_there_can_be(count: int) -> None:
    wrong = Filters(np.zeros((count, TAPS), np.int64), np.zeros(CLASSES, np.int64), 7)
    with pytest.raises(CorruptError):
        read_filters(wrong.to_bytes())


def test_filters_of_damaged_files() -> None:
    good = some_filters()
    payload = good.to_bytes()
    for factor, more, precision in ((9000, 0, 7), (1, 5, 7), (1, 0, 8)):
        wrong = Filters(good.weights * factor, good.of_class + more, precision)
        with pytest.raises(CorruptError):
            read_filters(wrong.to_bytes())
    for place in range(len(payload)):
        damaged = bytearray(payload)
        damaged[place] ^= 1 << (place % 8)
        for blob in (bytes(damaged), payload[:place]):
            try:
                found = read_filters(blob)
            except VoxzError:
                continue
            assert found.of_class.max() < len(found.weights)


def parity_digests() -> list[str]:
    """Digests of filtered volumes and of fitted filters."""
    volume = cartoon((4, 40, 35))[:, 8:]
    coarse = np.floor(volume / 150 + 0.5) * 150
    fitted = fit_filters(volume[None], coarse[None].copy(), np.zeros((1, *volume.shape), np.bool_), 150.0, 0.01)
    assert fitted is not None
    found = [hashlib.sha256(fitted.to_bytes()).hexdigest()]
    for filters in (some_filters(), fitted):
        restored = coarse.copy()
        restore(restored, 37.5, filters)
        found.append(hashlib.sha256(restored.tobytes()).hexdigest())
    return found


def test_plain_python_gives_the_same() -> None:
    assert printed_by_plain_python(__file__) == str(parity_digests())
