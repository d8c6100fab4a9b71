import hashlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import voxz
from phantoms import head, noise, ratio_map, series
from samples import printed_by_plain_python
from voxz.codecs.floats import codec as floats
from voxz.codecs.numbers import FLOATS
from voxz.codecs.predictive import codec as predictive
from voxz.codecs.predictive.residuals import decode_sequence, encode_sequence
from voxz.container.reader import Reader
from voxz.entropy.plane import decode_plane, encode_plane
from voxz.errors import CorruptError, UnsupportedError

LEVELS = (1, 2, 3, 4, 5)
Brick = NDArray[Any]


def codec_of(blob: bytes) -> set[int]:
    with Reader(blob) as reader:
        return {entry.codec for entry in reader.arrays[0].bricks}


def round_trip(samples: Brick, level: int = 5) -> int:
    """Code and decode a brick with the codec itself, check every bit, return the size of its payload."""
    payload = floats.encode_brick(samples, level)
    assert payload is not None
    decoded = floats.decode_brick(payload, samples.shape, samples.dtype)
    assert decoded.dtype == samples.dtype
    assert decoded.shape == samples.shape
    assert decoded.tobytes() == samples.tobytes()
    return len(payload)


def brick(volume: Brick) -> Brick:
    return volume[None, ..., None]


def some_bits(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Brick:
    return np.frombuffer(rng.bytes(int(np.prod(shape)) * dtype.itemsize), dtype).reshape(shape)


KINDS = ("bits", "map", "odd", "denormals", "scaled", "palette", "background", "octaves", "constant")


def content(kind: str, shape: tuple[int, ...], dtype: np.dtype[Any], seed: int) -> Brick:
    """Real samples of a kind; complex types get two of them."""
    rng = np.random.default_rng(seed)
    if dtype.kind == "c":
        part = np.dtype(f"f{dtype.itemsize // 2}")
        both = np.empty(shape, dtype)
        both.real, both.imag = (content(kind, shape, part, seed + more) for more in (0, 50))
        return both
    tiny = np.finfo(dtype).smallest_subnormal
    odd = np.array([np.nan, np.inf, -np.inf, -0.0, 0.0, 1.5, -np.nan, tiny], dtype)
    values = {
        "bits": lambda: some_bits(rng, shape, dtype),
        "map": lambda: np.cumsum(rng.normal(0, 1, shape), axis=-1),
        "odd": lambda: rng.choice(odd, shape),
        "denormals": lambda: rng.integers(-5, 6, shape) * tiny,
        "scaled": lambda: rng.integers(-300, 300, shape) * 0.37,
        "palette": lambda: rng.choice(rng.normal(0, 1, 5), shape),
        "background": lambda: np.where(rng.random(shape) < 0.6, np.nan, rng.normal(0, 1, shape)),
        "octaves": lambda: rng.normal(0, 1, shape) * 2.0 ** rng.integers(-12, 4, shape),
        "constant": lambda: np.full(shape, 0.1),
    }[kind]()
    return np.asarray(values).astype(dtype)


@settings(max_examples=150)
@given(
    st.lists(st.sampled_from([0, 1, 2, 3, 5, 7, 13, 17]), min_size=0, max_size=5),
    st.sampled_from(["f2", "f4", "f8", "c8", "c16"]),
    st.sampled_from("<>"),
    st.sampled_from(KINDS),
    st.sampled_from(LEVELS),
    st.integers(0, 9),
)
def test_arrays_of_any_shape_type_order_and_content_come_back_bit_for_bit(
    shape: list[int], name: str, order: str, kind: str, level: int, seed: int
) -> None:
    array = content(kind, tuple(shape), np.dtype(name), seed).astype(order + name)
    decoded = voxz.decode(voxz.encode(array, level=level))
    assert decoded.dtype == array.dtype
    assert decoded.shape == array.shape
    assert decoded.tobytes() == array.tobytes()


@settings(max_examples=60)
@given(
    st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 11), st.integers(1, 13), st.integers(1, 4)),
    st.sampled_from(["f2", "f4", "f8", "c8"]),
    st.sampled_from([kind for kind in KINDS if kind != "bits"]),
    st.sampled_from(LEVELS),
    st.integers(0, 99),
)
def test_the_codec_itself_is_exact(shape: tuple[int, ...], name: str, kind: str, level: int, seed: int) -> None:
    samples = content(kind, shape, np.dtype(name), seed)
    if floats.encode_brick(samples, level) is not None:
        round_trip(samples, level)


def test_nan_payloads_are_kept() -> None:
    samples = ratio_map((8, 48, 48))
    bits = samples.view(np.uint32)
    bits[0, :5] = 0x7FC00001
    bits[1, :5] = 0xFFC12345
    bits[2, 3, 3] = 0x7F800001
    bits[3, 3, 3] = 0x80000000
    round_trip(brick(samples))
    assert codec_of(voxz.encode(samples, codec="floats")) == {FLOATS}


def test_random_bits_cost_no_more_than_storing_them() -> None:
    for name in ("f2", "f4", "f8"):
        samples = some_bits(np.random.default_rng(2), (4, 64, 65), np.dtype(name))
        blob = voxz.encode(samples)
        assert len(blob) <= samples.nbytes + 400
        assert voxz.decode(blob).tobytes() == samples.tobytes()


SCALES: dict[str, Any] = {
    "whole numbers": lambda n: n.astype("f4"),
    "whole numbers in double": lambda n: n.astype("f8"),
    "halves": lambda n: (n * 0.5).astype("f4"),
    "slope of a header": lambda n: (n * float(np.float32(75.5383529663086))).astype("f4"),
    "slope in float32": lambda n: n.astype("f4") * np.float32(0.0123),
    "decimal slope in double": lambda n: n * 0.683,
    "hounsfield": lambda n: n * 1.0 - 1024.0,
    "mean of 40 volumes": lambda n: n / 40.0,
    "mean of 7 volumes, float32": lambda n: (n / 7.0).astype("f4"),
    "float32 kept in double": lambda n: (n * 0.21).astype("f4").astype("f8"),
}


@pytest.mark.parametrize("name", SCALES)
def test_scaled_integers_cost_what_the_integers_cost(name: str) -> None:
    numbers = head((16, 96, 96)).astype(np.int32)
    plain = predictive.encode_brick(brick(numbers), 5)
    assert plain is not None
    assert round_trip(brick(SCALES[name](numbers))) <= len(plain) + 100


def test_an_intercept_costs_little() -> None:
    numbers = head((16, 96, 96)).astype(np.int32)
    plain = predictive.encode_brick(brick(numbers), 5)
    assert plain is not None
    assert round_trip(brick((numbers * 0.37 - 12.3).astype("f4"))) <= len(plain) + 100


def test_a_slope_for_each_slice_is_found() -> None:
    numbers = head((16, 96, 96)).astype(np.int32)
    slopes = (0.3 + np.random.default_rng(1).random((16, 1, 1))).astype("f4")
    plain = predictive.encode_brick(brick(numbers), 5)
    assert plain is not None
    assert round_trip(brick(numbers.astype("f4") * slopes)) <= len(plain) + 100 + 8 * 16


def test_sums_in_another_order_are_still_scaled_integers() -> None:
    numbers = head((16, 96, 96)).astype(np.int32)
    exact = (numbers * 1.888).astype("f4")
    off = (exact.view(np.int32) + np.random.default_rng(1).integers(-1, 2, exact.shape) * (exact > 0)).astype(np.int32)
    plain = predictive.encode_brick(brick(numbers), 5)
    assert plain is not None
    assert round_trip(brick(off.view("f4"))) <= len(plain) + 1.65 / 8 * numbers.size


def test_few_distinct_values_are_a_palette() -> None:
    numbers = head((16, 96, 96)).astype(np.int64) // 8
    palette = np.sort(np.random.default_rng(1).normal(0, 1, int(numbers.max()) + 1)).astype("f4")
    plain = predictive.encode_brick(brick(numbers.astype(np.int32)), 5)
    assert plain is not None
    assert round_trip(brick(palette[numbers])) <= len(plain) + 8 * palette.size + 100


@pytest.mark.parametrize("background", [np.nan, 0.0, -1.0])
def test_background_costs_almost_nothing(background: float) -> None:
    inside = ratio_map((16, 40, 40))
    wide = np.full((16, 160, 160), background, "f4")
    wide[:, 60:100, 60:100] = inside
    assert round_trip(brick(wide)) <= round_trip(brick(inside)) * 1.02 + 600


def test_a_brick_of_background_alone_costs_next_to_nothing() -> None:
    for value in (np.nan, 0.0, -0.0, 0.1, np.inf):
        assert round_trip(np.full((2, 8, 64, 64, 1), value, "f4")) < 200


def test_neighbouring_slices_and_volumes_are_used() -> None:
    field = 1 + 0.1 * np.sin(np.arange(48) / 9)
    volumes = (series(4, (6, 48, 48)) / field).astype("f4")[..., None]
    together = round_trip(volumes)
    alone = sum(round_trip(slice_[None, None]) for volume in volumes for slice_ in volume)
    assert together < 0.97 * alone


def test_maps_are_smaller_than_with_shuffling_and_zlib() -> None:
    samples = ratio_map((16, 64, 64))
    assert len(voxz.encode(samples)) < 0.9 * len(voxz.encode(samples, codec="stored"))
    assert codec_of(voxz.encode(samples, codec="floats")) == {FLOATS}


def test_threads_do_not_change_the_bytes() -> None:
    samples = ratio_map((70, 64, 64))
    assert voxz.encode(samples, threads=1) == voxz.encode(samples, threads=3)


def test_opaque_long_doubles_are_stored() -> None:
    samples = np.arange(60, dtype="f8").reshape(3, 4, 5).astype("f8").view("V8")
    assert floats.encode_brick(samples[None, ..., None], 5) is None


def test_planes_come_back() -> None:
    rng = np.random.default_rng(1)
    for shape in ((1, 1, 1, 1), (1, 3, 5, 7), (3, 2, 9, 4)):
        for share in (0.0, 0.1, 0.5, 1.0):
            plane = rng.random(shape) < share
            assert np.array_equal(decode_plane(encode_plane(plane), shape), plane)
    ball = head((24, 64, 64))[None] > 200
    assert 8 * len(encode_plane(ball)) < 0.15 * ball.size


def test_sequences_come_back() -> None:
    rng = np.random.default_rng(1)
    for size in (0, 1, 2, 1000):
        values = np.rint(rng.normal(0, 1, size) ** 9).astype(np.int32)
        levels = rng.integers(0, 1024, size).astype(np.int32)
        assert np.array_equal(decode_sequence(encode_sequence(values, levels), levels), values)


EXAMPLES = {
    "grid": ratio_map((3, 14, 15)),
    "masked": np.where(head((3, 20, 21)) > 300, ratio_map((3, 20, 21)), np.float32(np.nan)),
    "scaled": (head((3, 14, 15)) * 0.37).astype("f4"),
    "nearly scaled": np.nextafter((head((3, 14, 15)) * 0.37).astype("f4"), np.where(head((3, 14, 15)) % 2, 0, 9e9).astype("f4")),
    "palette": np.sort(np.random.default_rng(4).normal(0, 1, 1200)).astype("f8")[head((3, 14, 15)) // 60],
    "octaves": (np.random.default_rng(5).normal(0, 1, (3, 14, 15)) * 10.0 ** noise((3, 14, 15), 4)).astype("f4"),
    "complex": ratio_map((3, 9, 10)) + 1j * ratio_map((3, 9, 10), seed=3),
    "half": ratio_map((3, 14, 15), "f2"),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_damaged_payloads_never_crash_and_never_overrun(name: str) -> None:
    samples = brick(EXAMPLES[name])
    payload = floats.encode_brick(samples, 3)
    assert payload is not None
    rng = np.random.default_rng(3)
    for _ in range(200):
        damaged = bytearray(payload)
        for at in rng.integers(0, len(payload), rng.integers(1, 4)):
            damaged[at] ^= 1 << int(rng.integers(0, 8))
        try:
            decoded = floats.decode_brick(bytes(damaged), samples.shape, samples.dtype)
        except (CorruptError, UnsupportedError):
            continue
        assert decoded.shape == samples.shape
        assert decoded.dtype == samples.dtype
    for end in range(0, len(payload), 7):
        with pytest.raises(CorruptError):
            floats.decode_brick(payload[:end], samples.shape, samples.dtype)


@pytest.mark.parametrize("position", range(40))
def test_damaged_heads_never_crash(position: int) -> None:
    for samples in map(brick, EXAMPLES.values()):
        payload = floats.encode_brick(samples, 1)
        assert payload is not None
        for value in (0, 1, 2, 3, 4, 8, 127, 128, 255):
            damaged = payload[:position] + bytes([value]) + payload[position + 1 :]
            try:
                decoded = floats.decode_brick(damaged, samples.shape, samples.dtype)
            except (CorruptError, UnsupportedError):
                continue
            assert decoded.shape == samples.shape


def parity_digests() -> list[str]:
    """Digests of some encodings; small, because plain Python is slow."""
    digests = []
    for samples in EXAMPLES.values():
        part = brick(samples[:, :10, :11])
        for level in (1, 5):
            payload = floats.encode_brick(part, level)
            assert payload is not None
            assert floats.decode_brick(payload, part.shape, part.dtype).tobytes() == part.tobytes()
            digests.append(hashlib.sha256(payload).hexdigest()[:16])
    return digests


def test_plain_python_gives_the_same_bytes_as_compiled_code() -> None:
    assert printed_by_plain_python(__file__) == str(parity_digests())


@pytest.mark.parametrize("factor", [1e300, 1e-300, 1e39, 1e-46])
@pytest.mark.parametrize("offset", [0.0, 0.3])
def test_scaled_integers_of_any_size_come_back(factor: float, offset: float) -> None:
    numbers = np.random.default_rng(3).integers(0, 900, (3, 16, 17))
    samples = (numbers / 3 + offset) * factor
    assert voxz.decode(voxz.encode(samples, level=1)).tobytes() == samples.tobytes()


@pytest.mark.parametrize("level", [5, 7])
def test_scaled_integers_in_a_circle_come_back(level: int) -> None:
    y, x = (np.indices((96, 96))[axis] - 48 for axis in range(2))
    samples = np.where(x * x + y * y < 1800, head((8, 96, 96)) * 0.37, -2000 * 0.37).astype("f4")
    assert np.array_equal(voxz.decode(voxz.encode(samples, level=level)), samples)
