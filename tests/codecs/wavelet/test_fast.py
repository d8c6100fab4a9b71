"""The fast profile of the wavelet codec: levels 1 to 3 with loss."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from samples import brick_digest, decode_damaged_brick, printed_by_plain_python
from voxz.codecs.fidelity import Fidelity
from voxz.codecs.wavelet import codec as wavelet
from voxz.codecs.wavelet.fast.contexts import BINS, DEFAULT_EXPECTING, TIMES
from voxz.codecs.wavelet.fast.tokens import DIRECT, LARGEST_INDEX, sizes_of, tokens_of
from voxz.codecs.wavelet.head import FAST, HEAVY, LOSSLESS, Head, entropy_name
from voxz.codecs.wavelet.magnitude_context import BOUNDS
from voxz.entropy.bits import from_bytes, to_bytes
from voxz.errors import CorruptError, VoxzError

LEVELS = [1, 3]
STATES = {1: 1, 3: 4}


def phantom(shape: tuple[int, ...], dtype: str = "i2", seed: int = 3) -> NDArray[Any]:
    """A smooth object with noise, in constant air."""
    s, z, y, x, c = np.indices(shape)
    inside = (z - 4) ** 2 * 4 + (y - 12) ** 2 + (x - 13) ** 2 < 100
    values = 300 + 200 * np.sin(x / 3) + 100 * np.cos(y / 4 + s) + c + np.random.default_rng(seed).normal(size=shape) * 20
    return np.where(inside, values, 0).astype(dtype)


def coded(samples: NDArray[Any], fidelity: Fidelity, level: int = 1) -> NDArray[Any]:
    """Samples after coding in the fast profile."""
    payload = wavelet.encode_brick(samples, level, fidelity)
    assert payload is not None
    assert entropy_name(payload) == "fast"
    assert Head.unpack(payload[: Head.LAYOUT.size]).states == STATES[level]
    return wavelet.decode_brick(payload, samples.shape, samples.dtype)


SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 21), st.integers(1, 70), st.integers(1, 2))


@given(SHAPES, st.sampled_from(["u1", "i2", "u2", "f4"]), st.sampled_from([0.5, 7.0, 100.0]), st.sampled_from(LEVELS))
@settings(max_examples=60, deadline=None)
def test_errors_are_those_of_the_step(shape: tuple[int, ...], dtype: str, step: float, level: int) -> None:
    samples = np.clip(np.random.default_rng(5).normal(size=shape) * 40 + 128, 0, 255).astype(dtype)
    if np.ptp(samples) < step / 8:
        return
    decoded = (
        coded(samples, Fidelity.stepped(step, np.inf), level) if dtype != "f4" else coded(samples, Fidelity(np.inf, step), level)
    )
    error = decoded.astype(np.float64) - samples
    assert np.sqrt((error**2).mean()) <= (0.45 if samples.size > 1000 else 1.0) * step + 0.3


@given(SHAPES, st.integers(1, 30), st.sampled_from(LEVELS))
@settings(max_examples=30, deadline=None)
def test_no_integer_leaves_its_bound(shape: tuple[int, ...], bound: int, level: int) -> None:
    samples = phantom(shape, seed=bound)
    payload = wavelet.encode_brick(samples, level, Fidelity.within(bound))
    if payload is not None:
        decoded = wavelet.decode_brick(payload, samples.shape, samples.dtype)
        assert np.abs(decoded.astype(int) - samples).max() <= bound


@pytest.mark.parametrize("level", LEVELS)
def test_it_takes_few_more_bits_than_level_5(level: int) -> None:
    z, y, x = np.indices((12, 96, 96))
    smooth = 500 * np.sin(x / 9 + z / 5) + 300 * np.cos(y / 7) + 200 * (np.hypot(x - 40, y - 50) < 30)
    samples = (smooth + np.random.default_rng(1).normal(size=smooth.shape) * 12).astype("i2")[None, ..., None]
    sizes = [len(wavelet.encode_brick(samples, one, Fidelity.stepped(40.0)) or b"") for one in (level, 5)]
    assert sizes[0] < 1.2 * sizes[1]


def test_a_trellis_finds_smaller_errors_at_no_more_bits() -> None:
    z, y, x = np.indices((8, 64, 128))
    smooth = 500 * np.sin(x / 9 + z / 5) + 300 * np.cos(y / 7)
    samples = (smooth + np.random.default_rng(1).normal(size=smooth.shape) * 12).astype("i2")[None, ..., None]
    found = []
    for level, step in ((1, 20.0), (3, 26.0)):
        payload = wavelet.encode_brick(samples, level, Fidelity.stepped(step)) or b""
        decoded = wavelet.decode_brick(payload, samples.shape, samples.dtype)
        found.append((len(payload), float(((decoded.astype(float) - samples) ** 2).mean())))
    assert found[1][0] <= found[0][0]
    assert found[1][1] <= found[0][1]


def test_profile_of_what_singles_cannot_hold() -> None:
    wide = np.arange(4096, dtype="i4").reshape(1, 4, 32, 32, 1) * 9000
    assert entropy_name(wavelet.encode_brick(wide, 1, Fidelity.stepped(9e5)) or b"") == "light"
    fine = np.random.default_rng(0).normal(size=(1, 4, 32, 32, 1)) * 1e-9
    assert entropy_name(wavelet.encode_brick(fine, 1, Fidelity.stepped(1e-10)) or b"") == "light"
    small = phantom((1, 4, 32, 32, 1))
    assert entropy_name(wavelet.encode_brick(small, 1, Fidelity.stepped(9.0), entropy="light") or b"") == "light"
    assert entropy_name(wavelet.encode_brick(small, 1) or b"") == "light"


@pytest.mark.parametrize("level", LEVELS)
def test_previews_decode_the_front(level: int) -> None:
    samples = phantom((1, 8, 40, 48, 1))
    payload = wavelet.encode_brick(samples, level, Fidelity.stepped(4.0)) or b""
    seen = wavelet.preview_brick(payload, samples.shape, samples.dtype, (0, 1, 1))
    assert seen.shape == (1, 8, 20, 24, 1)
    fine = wavelet.encode_brick(samples, 5, Fidelity.stepped(4.0)) or b""
    expected = wavelet.preview_brick(fine, samples.shape, samples.dtype, (0, 1, 1))
    assert np.abs(seen.astype(int) - expected).mean() < 2


def test_indices_of_any_size_have_tokens() -> None:
    sizes = np.unique(np.concatenate([np.arange(300), 2 ** np.arange(24), 2 ** np.arange(1, 25) - 1, [LARGEST_INDEX]]))
    sizes = np.resize(sizes, -(-sizes.size // 16) * 16).astype(np.int32)
    tokens, raw, again = np.zeros(sizes.size, np.uint8), np.zeros(sizes.size + 8, np.int64), np.zeros_like(sizes)
    bits = int(tokens_of(sizes, sizes.size, tokens, raw, 0))
    assert (tokens[:DIRECT] == np.arange(DIRECT)).all()
    assert sizes_of(tokens, sizes.size, again, from_bytes(to_bytes(raw, bits)), 0) == bits
    assert (again == sizes).all()


def test_heads_that_do_not_fit_are_refused() -> None:
    samples = phantom((1, 4, 20, 24, 1))
    payload = wavelet.encode_brick(samples, 1, Fidelity.stepped(9.0)) or b""
    head, body = Head.unpack(payload[: Head.LAYOUT.size]), payload[Head.LAYOUT.size :]
    for wrong in (
        replace(head, flags=head.flags | HEAVY),
        replace(head, kind=LOSSLESS, step=0.0),
        replace(head, transform=2),
        replace(head, states=8),
        replace(head, step=1e-12),
    ):
        with pytest.raises(VoxzError):
            wavelet.decode_brick(wrong.pack() + body, samples.shape, samples.dtype)
    other = replace(head, flags=head.flags & ~FAST)
    with pytest.raises(CorruptError):
        wavelet.decode_brick(other.pack() + body, samples.shape, samples.dtype)


def test_tables_are_those_of_the_document() -> None:
    written = json.loads((Path(__file__).parents[3] / "docs" / "format" / "fast.json").read_text())
    assert written["bounds"] == BOUNDS[: BINS - 1].tolist()
    assert written["expecting"] == DEFAULT_EXPECTING.tolist()
    assert written["times"] == TIMES.tolist()


def parity_digests() -> str:
    """Of bricks of several types: narrow and wide, fine and coarse, with a bound, a series."""
    found = []
    for level in LEVELS:
        for shape, step in (((1, 3, 11, 40, 1), 6.0), ((2, 2, 12, 20, 1), 0.01), ((1, 1, 1, 9, 1), 30.0)):
            samples = phantom(shape)
            found.append(brick_digest(wavelet, samples, level, Fidelity.stepped(step)))
            found.append(brick_digest(wavelet, samples.astype("f4"), level, Fidelity.within(step)))
        found.append(brick_digest(wavelet, phantom((1, 6, 24, 24, 1), "u1"), level, Fidelity.within(2)))
    return " ".join(found)


def test_plain_python_gives_the_same() -> None:
    assert printed_by_plain_python(__file__) == parity_digests()


def test_damage_is_an_error_or_other_samples() -> None:
    for level in LEVELS:
        samples = phantom((1, 3, 12, 30, 1))
        decode_damaged_brick(wavelet.encode_brick(samples, level, Fidelity.stepped(3.0)) or b"", samples)
