"""Wavelets, the trellis, the wavelet codec, and bounds of the predictive one."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from samples import brick_digest, decode_damaged_brick, printed_by_plain_python
from voxz.codecs.fidelity import EXACT, Fidelity
from voxz.codecs.predictive import codec as predictive
from voxz.codecs.wavelet import codec as wavelet
from voxz.codecs.wavelet.trellis import follow, quantise, trellis
from voxz.pipeline.distortion import within
from voxz.transforms.fill_masked import fill
from voxz.transforms.pyramid import Pyramid

RNG = np.random.default_rng(20)


def phantom(shape: tuple[int, ...] = (2, 9, 24, 26, 1), dtype: str = "i2") -> NDArray[np.generic]:
    """A smooth object with noise in constant air."""
    s, z, y, x, c = np.indices(shape)
    inside = (z - 4) ** 2 * 4 + (y - 12) ** 2 + (x - 13) ** 2 < 100
    values = 60 + 20 * np.sin(x / 3) + 10 * np.cos(y / 4 + s) + c + np.random.default_rng(3).normal(size=shape) * 3
    return np.where(inside, values, 0).astype(dtype)


@given(st.tuples(*[st.integers(1, 19)] * 3), st.tuples(*[st.integers(0, 4)] * 3), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_pyramids_are_reversible(shape: tuple[int, int, int], levels: tuple[int, int, int], seed: int) -> None:
    volume = np.random.default_rng(seed).normal(size=shape) * 1000
    pyramid = Pyramid(shape, levels)
    real, whole = volume.copy(), volume.astype(np.int64)
    pyramid.analyse(real)
    pyramid.synthesise(real)
    np.testing.assert_allclose(real, volume, atol=1e-8)
    reversible = whole.copy()
    pyramid.analyse(reversible)
    pyramid.synthesise(reversible)
    assert (reversible == whole).all()
    assert sum(int(np.prod(band.shape)) for band in pyramid.bands()) == volume.size


def test_norms_are_those_of_the_synthesis_functions() -> None:
    pyramid = Pyramid((1, 1, 512), (0, 0, 4))
    for band in pyramid.bands():
        impulse = np.zeros((1, 1, 512))
        impulse[0, 0, (band.box[2].start + band.box[2].stop) // 2] = 1
        pyramid.synthesise(impulse)
        assert np.sqrt((impulse**2).sum()) == pytest.approx(band.norm, rel=1e-4)
    constant = np.ones((1, 1, 512))
    pyramid.analyse(constant)
    assert constant[0, 0, 10] == pytest.approx(pyramid.gain(4), rel=1e-6)


@pytest.mark.parametrize(("states", "gain_db"), [(1, 0.0), (4, 1.0), (8, 1.08), (32, 1.21)])
def test_granular_gain_of_the_trellis(states: int, gain_db: float) -> None:
    values = np.random.default_rng(1).uniform(20, 200, 30000)
    path, indices = trellis(states), np.zeros(30000, np.int32)
    nothing = np.zeros((2, 1, 41))
    quantise(values, np.zeros(30000, np.uint8), nothing, 0.0, path, np.zeros((2, 3)), indices)
    sizes, quantisers = np.zeros(30000, np.int32), np.zeros(30000, np.uint8)
    follow(indices, path.after, path.quantiser, sizes, quantisers)
    error = float(((sizes - values) ** 2).mean())
    assert 10 * np.log10((4 / 12) / error) == pytest.approx(gain_db, abs=0.03)


def test_filling_keeps_what_is_known() -> None:
    volume = RNG.normal(size=(5, 20, 21)) + 100
    unknown = np.zeros(volume.shape, np.bool_)
    unknown[:, :7] = True
    filled = volume.copy()
    fill(filled, unknown)
    assert (filled[~unknown] == volume[~unknown]).all()
    assert 98 < filled[unknown].min() < filled[unknown].max() < 102


def coded(samples: NDArray[np.generic], level: int, fidelity: Fidelity) -> NDArray[np.generic]:
    payload = wavelet.encode_brick(samples, level, fidelity)
    assert payload is not None
    return wavelet.decode_brick(payload, samples.shape, samples.dtype)


@pytest.mark.parametrize("level", [1, 5, 9])
def test_lossless(level: int) -> None:
    for dtype in ("u1", "i2", "u2", "i4"):
        samples = phantom(dtype=dtype)
        assert (coded(samples, level, EXACT) == samples).all()


def test_errors_follow_the_step_and_bits_fall() -> None:
    samples = phantom()
    lengths, squares = [], []
    for step in (2, 8, 32):
        payload = wavelet.encode_brick(samples, 5, Fidelity.stepped(step)) or b""
        decoded = wavelet.decode_brick(payload, samples.shape, samples.dtype)
        lengths.append(len(payload))
        squares.append(float(((decoded.astype(float) - samples) ** 2).mean()))
        assert (decoded[:, :, 0, 0] == 0).all()
    assert lengths[0] > 2 * lengths[2]
    assert squares[0] < 1 < squares[2]


SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 1, 3]))
KINDS = ("full", "impulses", "ramp", "noise", "masked", "constant")


def adversary(kind: str, dtype: str, shape: tuple[int, ...], seed: int) -> NDArray[np.generic]:
    """Samples that strain a bound."""
    rng, info = np.random.default_rng(seed), np.iinfo(dtype)
    if kind == "full":
        return rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)
    if kind == "impulses":
        return np.where(rng.random(shape) < 0.1, info.max, info.min).astype(dtype)
    if kind == "ramp":
        ramp: NDArray[np.generic] = (np.indices(shape).sum(0) * 3 % 120).astype(dtype)
        return ramp
    noise = np.clip(rng.normal(size=shape) * 20 + 50, 0, 120)
    if kind == "masked":
        noise[rng.random(shape) < 0.5] = 0
    full: NDArray[np.generic] = np.full(shape, info.max, dtype) if kind == "constant" else noise.astype(dtype)
    return full


@given(
    st.sampled_from(KINDS),
    st.sampled_from(["u1", "i1", "i2", "u2", "i4", "u4"]),
    SHAPES,
    st.integers(0, 999),
    st.sampled_from([1, 2, 5, 20, 1000]),
    st.sampled_from([1, 3, 5, 7, 9]),
)
@settings(max_examples=1000, deadline=None)  # each through both codecs
def test_no_integer_leaves_its_bound(kind: str, dtype: str, shape: tuple[int, ...], seed: int, bound: int, level: int) -> None:
    samples = adversary(kind, dtype, shape, seed)
    for codec in (predictive, wavelet):
        payload = codec.encode_brick(samples, level, Fidelity.within(bound))
        if payload is not None:
            assert within(samples, codec.decode_brick(payload, samples.shape, samples.dtype), bound)


@given(SHAPES, st.sampled_from(["f2", "f4", "f8"]), st.floats(1e-6, 1e3), st.integers(0, 999))
@settings(max_examples=300, deadline=None)
def test_no_float_leaves_its_bound(shape: tuple[int, ...], dtype: str, bound: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    samples = (rng.normal(size=shape) * 10.0 ** rng.integers(-3, 4)).astype(dtype)
    odd = rng.random(shape)
    samples[odd < 0.05] = np.nan
    samples[odd > 0.97] = np.inf
    samples[(odd > 0.5) & (odd < 0.52)] = np.finfo(dtype).smallest_subnormal
    payload = wavelet.encode_brick(samples, 5, Fidelity.within(bound))
    if payload is None:
        return
    decoded = wavelet.decode_brick(payload, samples.shape, samples.dtype)
    finite = np.isfinite(samples)
    assert decoded[~finite].tobytes() == samples[~finite].tobytes()
    assert within(samples, decoded, bound)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_signs_of_zeros_in_background(dtype: str) -> None:
    samples = phantom(dtype=dtype)
    samples[samples == 0] = -0.0
    samples[:, :, 12:] = np.abs(samples[:, :, 12:])
    decoded = coded(samples, 1, Fidelity.stepped(8.0))
    zeros = samples == 0
    assert np.array_equal(np.signbit(decoded[zeros]), np.signbit(samples[zeros]))
    assert 0 < np.signbit(decoded[zeros]).mean() < 1


@pytest.mark.parametrize("codec", [wavelet, predictive])
def test_background_of_several_values_in_some_volumes(codec: Any) -> None:
    samples = phantom((4, 5, 24, 26, 1)).astype(np.int16) + np.int16(500)
    samples[:, :, :5] = -2000
    samples[1:3, :, 15:] = -1024
    payload = codec.encode_brick(samples, 5, Fidelity(bound=30, step=100))
    decoded = codec.decode_brick(payload, samples.shape, samples.dtype)
    assert (decoded[:, :, :5] == -2000).all()
    assert (decoded[1:3, :, 15:] == -1024).all()
    assert (decoded[0, :, 15:] != -1024).all()
    assert within(samples, decoded, 30)
    air = np.zeros_like(samples)
    air[:2], air[2:] = -2000, -1024
    assert np.array_equal(codec.decode_brick(codec.encode_brick(air, 5, Fidelity.within(30)), air.shape, air.dtype), air)


def test_bounded_is_smaller_than_lossless() -> None:
    samples = phantom((1, 12, 40, 40, 1))
    for level in (1, 5, 9):
        exact = predictive.encode_brick(samples, level)
        near = predictive.encode_brick(samples, level, Fidelity.within(3))
        assert exact is not None
        assert near is not None
        assert len(near) < 0.7 * len(exact)


def test_series_gain_from_their_components() -> None:
    base = phantom((1, 6, 32, 32, 1)).astype(np.int32)
    series = np.concatenate([base * (k + 4) // 4 for k in range(8)]) + RNG.integers(-1, 2, (8, 6, 32, 32, 1))
    together = wavelet.encode_brick(series.astype(np.int16), 5, Fidelity.stepped(8)) or b""
    alone = [wavelet.encode_brick(volume[None].astype(np.int16), 5, Fidelity.stepped(8)) or b"" for volume in series]
    assert len(together) < 0.6 * sum(map(len, alone))


def test_previews() -> None:
    samples = phantom((1, 13, 40, 41, 1))
    payload = wavelet.encode_brick(samples, 5, Fidelity.stepped(4)) or b""
    low = wavelet.preview_brick(payload, samples.shape, samples.dtype, (1, 1, 1))
    assert low.shape == (1, 7, 20, 21, 1)
    assert abs(float(low.mean()) - float(samples.mean())) < 4


def parity_digests() -> list[str]:
    """Digests of payloads and of what they decode to."""
    large, small, found = phantom((2, 3, 12, 13, 1)), phantom((2, 3, 9, 9, 1)), []
    pairs = [(wavelet, large, Fidelity.stepped(4.0)), (wavelet, large, Fidelity.within(2))]
    pairs += [(predictive, small, Fidelity.within(2)), (predictive, small, Fidelity.stepped(4.3))]
    for codec, samples, fidelity in pairs:
        for level in (5, 9):
            found.append(brick_digest(codec, samples, level, fidelity))
    return found


def test_plain_python_gives_the_same() -> None:
    assert printed_by_plain_python(__file__) == str(parity_digests())


def test_damage_is_an_error_or_other_samples() -> None:
    samples = phantom((2, 4, 12, 13, 1))
    payload = wavelet.encode_brick(samples, 5, Fidelity.stepped(4.0, 3)) or b""
    decode_damaged_brick(payload, samples)
