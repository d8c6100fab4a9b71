"""The decoder in C gives the samples of the wavelet codec bit for bit."""

import ctypes
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import voxz
from native_decoder import MODEL, OK, decode, library, payload_start, with_right_sums
from phantoms import head, moving, series
from voxz.codecs.wavelet.head import transform_name
from voxz.entropy.logistic import LOG_ODDS, LOGISTIC
from voxz.target import LOSSLESS
from voxz.weights.store import FOLDER

MODELS = [path.read_bytes() for path in sorted(FOLDER.glob("*.safetensors"))]
PSNR = voxz.Psnr(45)


def assert_same(samples: NDArray[Any], **asked: Any) -> bytes:
    blob = voxz.encode(samples, codec=asked.pop("codec", voxz.Wavelet()), **asked)
    expected = voxz.decode(blob)
    status, message, found = decode(blob, MODELS)
    assert (status, message) == (OK, "")
    assert found.tobytes() == np.ascontiguousarray(expected).tobytes()
    return blob


def test_tables_of_odds_are_computed_to_the_last_bit() -> None:
    room, found = np.zeros(1 << 18, np.uint8), ctypes.c_void_p()
    task = (ctypes.c_size_t * 512)(room.ctypes.data, room.size)
    assert library().vx_new_odds(task, ctypes.byref(found)) == OK
    assert found.value is not None
    tables = np.ctypeslib.as_array((ctypes.c_double * (LOG_ODDS.size + LOGISTIC.size)).from_address(found.value))
    assert (tables == np.concatenate([LOG_ODDS, LOGISTIC])).all()


@pytest.mark.parametrize("level", [1, 3, 5, 7, 9])
def test_levels_with_loss_and_within_bounds(level: int) -> None:
    samples = head((9, 30, 34))
    assert_same(samples, level=level, target=PSNR)
    assert_same(samples, level=level, target=voxz.MaxError(3))


@pytest.mark.parametrize("kind", ["i1", "u1", "u2", "i4", "u4", "f2", "f4", "f8"])
def test_types(kind: str) -> None:
    samples = (head((6, 20, 24)) % 100).astype(kind)
    assert_same(samples, target=PSNR)
    assert_same(samples, target=voxz.MaxError(2))


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 300), (300, 1, 1), (1, 300, 1), (2, 3, 1), (5, 1, 64)])
def test_shapes(shape: tuple[int, ...]) -> None:
    walk = np.random.default_rng(1).normal(size=shape).cumsum().reshape(shape)
    assert_same((10 * walk).astype("i2"), target=voxz.MaxError(2), codec=voxz.Wavelet("97"))


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 31), (40, 1, 1), (5, 33, 47), (2, 24, 130)])
def test_the_fast_profile(shape: tuple[int, int, int]) -> None:
    samples = np.add(series(3, shape), head(shape)).astype("i2")
    assert_same(samples, level=1, target=voxz.MaxError(2))
    assert_same(samples.astype("f4") / 7, level=1, target=voxz.MaxError(0.3))


def test_blocks() -> None:
    blob = assert_same(moving((8, 96, 96)), level=5, target=voxz.MaxError(60))
    assert transform_name(blob[payload_start(blob) :]) == "blocks"
    assert decode(blob, sanitized=True)[0] == OK


def test_without_loss() -> None:
    assert_same(head((9, 30, 34)), codec=voxz.Wavelet("53"))


@pytest.mark.parametrize("level", [1, 5])
def test_series_and_channels(level: int) -> None:
    assert_same(series(6, (5, 20, 22)), level=level, target=PSNR, codec=voxz.Wavelet("97"))
    colour = np.random.default_rng(1).integers(0, 5, (6, 20, 24, 3)).cumsum(2).astype("u1")
    assert_same(colour, level=level, target=PSNR, codec=voxz.Wavelet("97"))


def test_background_and_special_values() -> None:
    samples = head((6, 30, 34))
    samples[:, :10] = 0
    samples[:, -5:] = -1
    assert_same(samples, target=PSNR)
    floats = samples.astype("f4") / 3
    floats[0, 12:15, 3] = np.nan, np.inf, -0.0
    assert_same(floats, target=PSNR)
    assert_same(floats, target=voxz.MaxError(0.25))
    assert_same(np.zeros((4, 9, 9), "i2"), target=PSNR)


def test_a_model_that_is_not_given_is_asked_for() -> None:
    blob = voxz.encode(head((6, 20, 24)), target=PSNR, codec=voxz.Wavelet("trained:general"))
    assert decode(blob)[0] == MODEL


@pytest.mark.parametrize(("target", "level"), [(PSNR, 5), (voxz.MaxError(2), 5), (LOSSLESS, 5), (voxz.MaxError(2), 1)])
def test_damaged_payloads_are_errors_or_samples(target: Any, level: int) -> None:
    samples = series(2, (4, 14, 15)).astype("f4") if target is not LOSSLESS else series(2, (4, 14, 15))
    samples[0, 0, :2, :2] = 0
    blob = voxz.encode(samples, level=level, target=target, codec=voxz.Wavelet("53" if target is LOSSLESS else "97"))
    start, rng, refused = payload_start(blob), np.random.default_rng(1), 0
    assert decode(with_right_sums(bytearray(blob)), sanitized=True)[0] == OK
    for _ in range(150):
        damaged = bytearray(blob)
        for at in rng.integers(start, len(blob), rng.integers(1, 4)):
            damaged[at] ^= 1 << int(rng.integers(8))
        refused += decode(with_right_sums(damaged), memory=1 << 25, sanitized=True)[0] != OK
    assert refused > 100
