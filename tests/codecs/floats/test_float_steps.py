"""Floats within a bound by prediction: never beyond it, special values exact, smaller than wavelets with corrections."""

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import phantoms
import voxz
from voxz.codecs.fidelity import Fidelity
from voxz.codecs.floats import codec as floats
from voxz.codecs.wavelet import codec as wavelet
from voxz.errors import VoxzError
from voxz.pipeline.distortion import within

SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 1, 3]))
RATIO = phantoms.ratio_map((6, 40, 40))[None, ..., None]


def awkward(shape: tuple[int, ...], dtype: str, scale: int, seed: int) -> NDArray[Any]:
    """Noise of some size with NaN, infinities, negative zero, denormal numbers and, now and then, a huge one."""
    rng = np.random.default_rng(seed)
    samples = (rng.normal(size=shape) * 10.0**scale).astype(dtype)
    odd = rng.random(shape)
    samples[odd < 0.05] = np.nan
    samples[odd > 0.97] = np.inf
    samples[(odd > 0.5) & (odd < 0.52)] = np.finfo(dtype).smallest_subnormal
    samples[(odd > 0.6) & (odd < 0.63)] = -0.0
    if seed % 5 == 0:
        samples[(odd > 0.7) & (odd < 0.71)] = np.finfo(dtype).max
    return samples


@given(
    SHAPES,
    st.sampled_from(["f2", "f4", "f8"]),
    st.integers(-6, 4),
    st.integers(-7, 3),
    st.integers(0, 999),
    st.sampled_from([1, 5, 7]),
)
@example((3, 2, 2, 5, 1), "f4", 0, -3, 2, 7)
@settings(max_examples=120, deadline=None)
def test_no_float_leaves_its_bound(shape: tuple[int, ...], dtype: str, scale: int, size: int, seed: int, level: int) -> None:
    samples, bound = awkward(shape, dtype, scale, seed), 10.0**size
    payload = floats.encode_brick(samples, level, Fidelity.within(bound))
    if payload is not None:
        decoded = floats.decode_brick(payload, samples.shape, samples.dtype)
        assert within(samples, decoded, bound)
        odd = ~np.isfinite(samples)
        assert decoded[odd].tobytes() == samples[odd].tobytes()


@pytest.mark.parametrize("part", [4096, 512, 64])
def test_prediction_is_smaller_than_wavelets_with_corrections(part: int) -> None:
    bound = float(np.ptp(RATIO)) / part
    lengths = [len(codec.encode_brick(RATIO, 5, Fidelity.within(bound)) or b"") for codec in (floats, wavelet)]
    assert lengths[0] < 0.95 * lengths[1]


def test_background_stays_exact() -> None:
    masked = np.where(np.indices(RATIO.shape)[3] < 12, np.float32(0.25), RATIO.astype(np.float32))
    payload = floats.encode_brick(masked, 5, Fidelity.within(0.01)) or b""
    decoded = floats.decode_brick(payload, masked.shape, masked.dtype)
    assert (decoded[:, :, :, :12] == np.float32(0.25)).all()


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "c8"])
def test_files_of_floats_keep_their_bounds(dtype: str) -> None:
    samples = RATIO[0, ..., 0].astype(dtype)
    bound = float(np.ptp(RATIO)) / 100
    blob = voxz.encode(samples, target=voxz.MaxError(bound))
    assert voxz.info(blob).to_dict()["codecs"] == {"floats": 1}
    assert within(samples, voxz.decode(blob), bound)
    assert len(blob) < 0.4 * samples.nbytes


@pytest.mark.parametrize("codec", [None, "floats"])
def test_floats_reach_a_psnr(codec: str | None) -> None:
    blob = voxz.encode(RATIO[0, ..., 0], target=voxz.Psnr(55, background=True), codec=codec)
    assert 55 <= voxz.info(blob).to_dict()["loss"]["psnr_db"] <= 55.1


def test_damage_is_found_or_harmless() -> None:
    payload = floats.encode_brick(RATIO, 1, Fidelity.within(0.01)) or b""
    rng = np.random.default_rng(0)
    for _ in range(150):
        damaged = bytearray(payload)
        damaged[int(rng.integers(min(len(payload), 60)))] ^= 1 << int(rng.integers(8))
        try:
            floats.decode_brick(bytes(damaged), RATIO.shape, RATIO.dtype)
        except VoxzError:
            continue
