import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import voxz
from phantoms import head, noise, series
from samples import printed_by_plain_python
from voxz.codecs.predictive import codec as predictive
from voxz.codecs.predictive import row_sums
from voxz.codecs.predictive.neighbourhood import AHEAD_WEIGHTS, ERROR_WEIGHTS, ErrorWeights
from voxz.codecs.predictive.references import choose_references
from voxz.codecs.predictive.row_code import LARGEST_ERROR
from voxz.codecs.predictive.value_map import Values, find_values
from voxz.errors import CorruptError, UnsupportedError

LEVELS = (1, 2, 3, 4, 5, 6, 7, 8, 9)


def round_trip(samples: NDArray[np.generic], level: int) -> int:
    """Code and decode a brick, check it, return the size of its payload."""
    payload = predictive.encode_brick(samples, level)
    assert payload is not None
    decoded = predictive.decode_brick(payload, samples.shape, samples.dtype)
    assert decoded.dtype == samples.dtype
    assert np.array_equal(decoded, samples)
    return len(payload)


@settings(max_examples=60)
@given(
    st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 13), st.integers(1, 17), st.integers(1, 4)),
    st.sampled_from(["i1", "u1", "i2", "u2", "i4", "u4"]),
    st.sampled_from(["noise", "extremes", "sparse", "ramp", "constant"]),
    st.sampled_from(LEVELS),
    st.integers(0, 99),
)
def test_bricks_of_any_shape_type_and_content_come_back(
    shape: tuple[int, ...], name: str, kind: str, level: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    dtype = np.dtype(name)
    limits = np.iinfo(dtype)
    low, high = (max(limits.min, -(2**24)), min(limits.max, 2**24))
    samples = {
        "noise": lambda: rng.integers(low, high, shape, endpoint=True),
        "extremes": lambda: rng.choice([low, high], shape),
        "sparse": lambda: rng.choice(rng.integers(low, high, 5), shape),
        "ramp": lambda: np.arange(np.prod(shape)).reshape(shape) % (high - low) + low,
        "constant": lambda: np.full(shape, high),
    }[kind]().astype(dtype)
    round_trip(samples, level)


def test_ranges_too_wide_to_predict_are_left_to_another_codec() -> None:
    samples = np.array([-(2**31), 2**31 - 1, 5, 77], np.int32).reshape(1, 1, 2, 2, 1)
    dense = np.arange(4, dtype=np.int32).reshape(1, 1, 2, 2, 1)
    wide = np.random.default_rng(0).integers(-(2**31), 2**31, (1, 4, 64, 300, 1)).astype(np.int32)
    assert predictive.encode_brick(wide, 5) is None
    assert np.array_equal(voxz.decode(voxz.encode(wide)), wide)
    assert np.array_equal(voxz.decode(voxz.encode(samples)), samples)
    round_trip(dense, 5)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i4"])
def test_random_noise_costs_at_most_a_thousandth_more_than_raw(dtype: str) -> None:
    limits = np.iinfo(np.dtype(dtype))
    samples = np.random.default_rng(1).integers(limits.min, limits.max, (8, 256, 256), dtype=dtype, endpoint=True)
    for level in (1, 5):
        assert len(voxz.encode(samples, level=level)) <= samples.nbytes * 1.001


def test_levels_are_real_choices() -> None:
    samples = head((16, 96, 96))[None, ..., None]
    sizes = [round_trip(samples, level) for level in LEVELS]
    assert sizes[8] < sizes[6] < sizes[4] < sizes[2] < sizes[0] < samples.nbytes / 2


@pytest.mark.parametrize("level", [6, 7, 8, 9])
def test_dense_levels_never_exceed_the_default_one(level: int) -> None:
    rng = np.random.default_rng(level)
    for samples in (head((2, 9, 11)), rng.integers(0, 1 << 16, (3, 20, 20)), rng.choice([0, 1 << 20], (2, 30, 30))):
        brick = samples.astype(np.int32)[None, ..., None]
        assert round_trip(brick, level) <= round_trip(brick, 5)


def test_previous_slices_and_volumes_are_used() -> None:
    volumes = series(6, (6, 48, 48))[..., None]
    together = round_trip(volumes, 5)
    alone = sum(round_trip(volume[None], 5) for volume in volumes)
    slices = sum(round_trip(z[None, None], 5) for volume in volumes for z in volume)
    assert together < 0.85 * alone < 0.85 * slices


def test_levels_do_not_grow_on_series_of_small_volumes() -> None:
    """Coefficients that are fitted to few voxels must not spoil the volumes that follow."""
    volumes = series(24, (8, 32, 32))[..., None]
    sizes = [round_trip(volumes, level) for level in (1, 3, 5)]
    assert max(sizes[1:]) < 0.99 * sizes[0]
    assert sizes[2] < 1.01 * sizes[1]


def test_wide_ranges_keep_their_few_values_and_have_no_map_of_many() -> None:
    """Also where an evenly spaced part of the samples has fewer values than all."""
    few = np.arange(0, 8_000_001, 8_000)
    samples = np.zeros(1 << 19, np.uint32)
    samples[1 : 2 * few.size : 2] = few
    assert find_values(samples) == Values(0, 8_000, few.size - 1)
    uneven = np.concatenate([few, few[1:-1:7] + 1])
    samples[1 : 2 * uneven.size : 2] = uneven
    found = find_values(samples)
    assert found is not None
    assert found.highest == uneven.size - 1
    assert np.array_equal(found.to_stored(found.to_dense(samples), samples.dtype), samples)
    many = np.arange(1 << 17, dtype=np.uint32) * 61
    many[1::2] += 1
    assert find_values(many) == Values(0, 1, int(many.max()))


def test_values_that_never_occur_cost_nothing() -> None:
    samples = head((8, 64, 64)).astype(np.int64)
    stretched = (samples * 16 + 3).astype(np.uint16)[None, ..., None]
    padded = np.where(samples == 0, -2000, samples).astype(np.int16)[None, ..., None]
    plain = round_trip(samples.astype(np.int16)[None, ..., None], 5)
    assert round_trip(stretched, 5) <= plain + 8
    assert round_trip(padded, 5) <= plain + 64


def test_references_are_chosen_by_likeness() -> None:
    label, control = (noise((3, 24, 24), 50, seed) for seed in (1, 2))
    volumes = np.array([label, control, label, control, label, control]) + noise((6, 3, 24, 24), 1)
    assert choose_references((volumes + 200).astype(np.int32))[2:, 0].tolist() == [0, 1, 2, 3] or all(
        (s - r) % 2 == 0 for s, r in enumerate(choose_references((volumes + 200).astype(np.int32))[:, 0]) if s > 1
    )


@pytest.mark.parametrize("level", [3, 9])
def test_damaged_payloads_never_crash_and_never_overrun(level: int) -> None:
    samples = series(3, (3, 20, 20))[..., None]
    payload = predictive.encode_brick(samples, level)
    assert payload is not None
    assert payload[0] == level
    rng = np.random.default_rng(3)
    for _ in range(300):
        damaged = bytearray(payload)
        for at in rng.integers(0, len(payload), rng.integers(1, 4)):
            damaged[at] ^= 1 << int(rng.integers(0, 8))
        try:
            decoded = predictive.decode_brick(bytes(damaged), samples.shape, samples.dtype)
        except (CorruptError, UnsupportedError):
            continue
        assert decoded.shape == samples.shape
    for end in range(0, len(payload), 7):
        with pytest.raises(CorruptError):
            predictive.decode_brick(payload[:end], samples.shape, samples.dtype)


def parity_digests() -> list[str]:
    """Digests of some encodings; small, because plain Python is slow."""
    digests = []
    for level in LEVELS:
        for samples in (head((3, 9, 11)), series(3, (2, 7, 8)), head((1, 12, 14))[0]):
            blob = voxz.encode(samples, level=level)
            assert np.array_equal(voxz.decode(blob), samples)
            digests.append(hashlib.sha256(blob).hexdigest()[:16])
    return digests


def test_plain_python_gives_the_same_bytes_as_compiled_code() -> None:
    assert printed_by_plain_python(__file__) == str(parity_digests())


def outlined(shape: tuple[int, int, int]) -> NDArray[np.int16]:
    """A scan within a circle, as of a CT: beyond its field of view there is the lowest value."""
    y, x = (np.indices(shape[1:])[axis] * 2 - shape[axis + 1] + 1 for axis in range(2))
    return np.where((x / shape[2]) ** 2 + (y / shape[1]) ** 2 < 0.8, head(shape), np.int16(-2000))


@pytest.mark.parametrize("level", LEVELS)
def test_background_with_a_smooth_outline_is_left_out_without_loss(level: int) -> None:
    samples = outlined((8, 64, 72))[None, ..., None]
    payload = predictive.encode_brick(samples, level)
    whole = predictive.encode_present(samples, level)
    assert payload is not None
    assert whole is not None
    assert np.array_equal(predictive.decode_brick(payload, samples.shape, samples.dtype), samples)
    assert len(payload) <= len(whole)
    assert (len(payload) < 0.99 * len(whole)) == (level > 1)


def test_ragged_background_is_image_like_everything_else() -> None:
    samples = np.maximum(head((8, 64, 72)), 4)[None, ..., None]
    assert predictive.encode_brick(samples, 5) == predictive.encode_present(samples, 5)


@pytest.mark.parametrize(("level", "target"), [(2, voxz.Lossless()), (5, voxz.Lossless()), (5, voxz.MaxError(2))])
def test_rows_in_pairs_come_back_whatever_the_height_and_depth(level: int, target: voxz.Target) -> None:
    samples = series(2, (8, 14, 24))
    bound = 2 if isinstance(target, voxz.MaxError) else 0
    for depth in range(1, 9):
        for height in (1, 2, 5, 6, 7, 14):
            part = samples[:, :depth, :height]
            decoded = voxz.decode(voxz.encode(part, level=level, target=target))
            assert np.abs(decoded.astype(np.int64) - part).max() <= bound, (depth, height)


def test_sums_of_32_bits_are_those_of_64(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = head((5, 40, 40))[None, ..., None]
    payloads = [predictive.encode_brick(samples, level) for level in (1, 2, 5, 9)]
    monkeypatch.setattr(row_sums, "_are_short", lambda predictors, highest: False)
    assert payloads == [predictive.encode_brick(samples, level) for level in (1, 2, 5, 9)]


@pytest.mark.parametrize("weights", [*ERROR_WEIGHTS, *AHEAD_WEIGHTS])
def test_expected_errors_stay_in_32_bits_where_sums_do(weights: ErrorWeights) -> None:
    of_activity = 18 * row_sums.HIGHEST_OF_SHORT  # see `activity`: how often the largest difference can count
    of_errors = sum(abs(weight) for _, weight in weights.taps()) * LARGEST_ERROR
    assert weights.activity * of_activity + of_errors < 1 << 31
