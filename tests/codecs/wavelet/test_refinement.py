"""Refinement of coefficients: what it gains, that nothing is sent for nothing, that it decodes the same everywhere."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from samples import printed_by_plain_python
from voxz.codecs.fidelity import Fidelity
from voxz.codecs.wavelet import bands
from voxz.codecs.wavelet import codec as wavelet
from voxz.codecs.wavelet.refinement import CLASSES, TAPS, UNITS, Rebuilt, read_filters, refined
from voxz.codecs.wavelet.refinement_fit import fit
from voxz.entropy.integers import IntegerReader, IntegerWriter
from voxz.errors import CorruptError
from voxz.transforms.wiener import Filters, put_filters

SLOPE = 0.28


def smooth_band(seed: int, orientation: int, shape: tuple[int, int, int] = (6, 40, 48)) -> Rebuilt:
    """A band whose neighbours look alike, rebuilt with a dead zone, in half steps of 1."""
    rough = np.random.default_rng(seed).normal(size=shape)
    values = sum(np.roll(rough, (a, b), (1, 2)) for a in (0, 1, 2) for b in (0, 1, 2)) * 0.5
    indices = np.trunc(values / 1.6)
    return Rebuilt(orientation, (indices * 2 * UNITS).astype(np.int64), np.asarray(values))


def missed(band: Rebuilt, filters: Filters | None) -> float:
    return float(np.square(refined(band, filters) - band.values).mean())


def test_neighbours_tell_what_zeros_were() -> None:
    level = [smooth_band(seed, orientation) for seed, orientation in ((1, 2), (2, 4), (3, 4))]
    filters = fit(level, SLOPE)
    assert filters is not None
    for band in [*level, smooth_band(9, 4)]:
        assert missed(band, filters) < 0.8 * missed(band, None)
    other = smooth_band(1, 6)
    assert missed(other, filters) == missed(other, None), "no class of another orientation has a filter"


def test_nothing_is_sent_where_nothing_is_gained() -> None:
    noise = np.random.default_rng(1).normal(size=(6, 40, 40))
    assert fit([Rebuilt(1, np.zeros(noise.shape, np.int64), noise)], SLOPE) is None
    assert fit([Rebuilt(1, np.rint(noise * UNITS).astype(np.int64), np.rint(noise * UNITS) / UNITS)], SLOPE) is None


def test_the_codec_errs_less_at_the_same_step(monkeypatch: pytest.MonkeyPatch) -> None:
    rough = np.random.default_rng(4).normal(size=(1, 16, 80, 80))
    smooth = np.sum([np.roll(rough, (a, b), (2, 3)) for a in (0, 1, 2) for b in (0, 1, 2)], axis=0)
    samples = np.rint(smooth * 30).astype(np.int16)[..., None]
    found = []
    for _ in range(2):
        payload = wavelet.encode_brick(samples, 5, Fidelity.stepped(160.0)) or b""
        decoded = wavelet.decode_brick(payload, samples.shape, samples.dtype)
        found.append((float(np.square(decoded.astype(float) - samples).mean()), len(payload)))
        monkeypatch.setattr(bands, "fit", lambda *_: None)
    assert found[0][0] < 0.98 * found[1][0]
    assert found[0][1] < 1.02 * found[1][1]


@given(st.tuples(*[st.integers(1, 7)] * 3), st.integers(0, 99), st.integers(0, 40))
@settings(max_examples=60)
def test_any_shape_and_size(shape: tuple[int, int, int], seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    units = (rng.normal(size=shape) * 2.0**size).astype(np.int64)
    filters = Filters(rng.integers(-(1 << 15), 1 << 15, (3, TAPS)), rng.integers(-1, 3, CLASSES), 7)
    assert np.isfinite(refined(Rebuilt(seed % 8, units), filters)).all()
    still = Filters(np.zeros((1, TAPS), np.int64), np.zeros(CLASSES, np.int64), 7)
    np.testing.assert_array_equal(refined(Rebuilt(0, units), still), units / UNITS)


def test_filters_travel_in_side_information() -> None:
    filters, writer = fit([smooth_band(1, 2)], SLOPE), IntegerWriter()
    assert filters is not None
    for one in (None, filters, Filters(filters.weights, filters.of_class + 1, filters.precision)):
        put_filters(one, writer)
    reader = IntegerReader(writer.to_bytes())
    assert read_filters(reader) is None
    back = read_filters(reader)
    assert back is not None
    np.testing.assert_array_equal(refined(smooth_band(1, 2), back), refined(smooth_band(1, 2), filters))
    with pytest.raises(CorruptError):
        read_filters(reader)


def digest() -> str:
    """Of fitted filters and a refined band."""
    band, writer = smooth_band(5, 3, (3, 20, 17)), IntegerWriter()
    filters = fit([band], 0.01)
    assert filters is not None
    put_filters(filters, writer)
    return hashlib.sha256(writer.to_bytes() + refined(band, filters).tobytes()).hexdigest()


def parity_digests() -> NDArray[np.str_]:
    return np.array([digest()])


def test_plain_python_gives_the_same() -> None:
    assert printed_by_plain_python(__file__) == str(parity_digests())
