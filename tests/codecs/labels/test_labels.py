import hashlib
import importlib.util
import zlib
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import voxz
from phantoms import head, labels, noise, series
from samples import printed_by_plain_python
from voxz.codecs.labels import codec
from voxz.codecs.labels.detect import suits, surprise
from voxz.codecs.labels.logistic import LIMIT, tables
from voxz.errors import CorruptError, UnsupportedError

LEVELS = (1, 2, 3, 4, 5)
INTEGERS = ("b1", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8")
SHAPE = (8, 40, 48)


def brick(volume: NDArray[Any]) -> NDArray[Any]:
    """``(z, y, x)`` or ``(series, z, y, x)`` as a brick."""
    return volume.reshape((1,) * (4 - volume.ndim) + volume.shape + (1,))


def round_trip(samples: NDArray[Any], level: int = 5) -> int:
    """Code and decode a brick, check it, return the size of its payload."""
    payload = codec.encode_brick(samples, level)
    assert payload is not None
    decoded = codec.decode_brick(payload, samples.shape, samples.dtype)
    assert (decoded.dtype, decoded.shape) == (samples.dtype, samples.shape)
    assert decoded.tobytes() == samples.tobytes()
    return len(payload)


def content(kind: str, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.int64]:
    """Small whole numbers of some kind."""
    count = int(np.prod(shape))
    if kind == "blocks":
        return np.arange(count).reshape(shape) // 7
    if kind == "checkerboard":
        return np.asarray(np.indices(shape).sum(axis=0) % 2)
    if kind == "noise":
        return rng.integers(0, 256, shape)
    if kind == "few":
        return rng.integers(0, 3, shape)
    if kind == "rare":
        return np.asarray(rng.integers(0, 40, shape) // 39 * rng.integers(0, 20, shape))
    return np.full(shape, 5)


@settings(max_examples=120)
@given(
    st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 13), st.integers(1, 17), st.integers(1, 4)),
    st.sampled_from([*INTEGERS, "f4", "f8"]),
    st.sampled_from(["blocks", "checkerboard", "noise", "few", "rare", "constant"]),
    st.sampled_from(LEVELS),
    st.integers(0, 99),
)
def test_bricks_of_any_shape_type_and_content_come_back(
    shape: tuple[int, ...], name: str, kind: str, level: int, seed: int
) -> None:
    dtype = np.dtype(name)
    rng = np.random.default_rng(seed)
    values = np.frombuffer(rng.bytes(256 * dtype.itemsize), dtype) if dtype.kind != "b" else np.array([False, True])
    samples = values[content(kind, shape, rng) % len(values)]
    payload = codec.encode_brick(samples, level)
    if payload is not None:
        decoded = codec.decode_brick(payload, shape, dtype)
        assert decoded.dtype == dtype
        assert decoded.tobytes() == samples.tobytes()
    blob = voxz.encode(samples, level=level, codec="labels", threads=1)
    assert voxz.decode(blob, threads=1).tobytes() == samples.tobytes()


@pytest.mark.parametrize("shape", [(0,), (0, 5), (3, 0, 4), (1,), (1, 1, 1), (7, 0, 3, 2), (2, 3, 5, 7, 1, 2)])
@pytest.mark.parametrize("dtype", ["b1", "u1", "i8"])
def test_empty_and_tiny_arrays_come_back(shape: tuple[int, ...], dtype: str) -> None:
    array = np.ones(shape, dtype)
    decoded = voxz.decode(voxz.encode(array, codec="labels"))
    assert (decoded.shape, decoded.dtype) == (array.shape, array.dtype)
    assert np.array_equal(decoded, array)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("dtype", INTEGERS[1:])
def test_wide_types_cost_no_more_than_uint8(dtype: str, level: int) -> None:
    small = labels(SHAPE)
    assert round_trip(brick(small.astype(dtype)), level) <= round_trip(brick(small), level) + 4


def test_values_of_the_full_range_cost_their_bytes_once() -> None:
    limits = np.iinfo(np.int64)
    wide = np.random.default_rng(2).integers(limits.min, limits.max, 13)
    wide[:2] = limits.min, limits.max
    assert round_trip(brick(wide[labels(SHAPE)])) < round_trip(brick(labels(SHAPE))) + 13 * 10


def test_every_voxel_another_value_is_left_to_other_codecs() -> None:
    array = np.random.default_rng(3).integers(-(2**63), 2**63 - 1, (4, 32, 32))
    assert codec.encode_brick(brick(array), 5) is None
    assert len(voxz.encode(array, codec="labels")) < array.nbytes * 1.02
    assert np.array_equal(voxz.decode(voxz.encode(array, codec="labels")), array)


def test_adversaries_stay_within_their_size() -> None:
    rng = np.random.default_rng(4)
    for array in (rng.integers(0, 256, (16, 64, 64)).astype(np.uint8), rng.integers(0, 2, (16, 64, 64)).astype(np.uint8)):
        blob = voxz.encode(array, codec="labels")
        assert len(blob) < array.nbytes + 500
        assert np.array_equal(voxz.decode(blob), array)
    board = np.indices((16, 64, 64)).sum(axis=0) % 2 == 0
    assert round_trip(brick(board)) < 1000


def test_thousands_of_ids() -> None:
    coarse = np.arange(12 * 20 * 20, dtype=np.int64).reshape(12, 20, 20)
    ids = np.kron(coarse, np.ones((2, 4, 4), np.int64)) * 7919 + 2**40
    assert round_trip(brick(ids)) < ids.nbytes // 60


@pytest.mark.parametrize("level", LEVELS)
def test_a_second_volume_that_hardly_differs_costs_little(level: int) -> None:
    still = labels(SHAPE)
    moving = np.array([still, still, still, np.roll(still, 1, 2)])
    assert round_trip(brick(moving[:3]), level) < 1.2 * round_trip(brick(still), level)
    round_trip(brick(moving), level)


def test_empty_space_costs_next_to_nothing() -> None:
    volume = np.zeros((32, 256, 256), np.uint16)
    volume[10:14, 100:120, 100:120] = 3
    assert round_trip(brick(volume)) < 150
    assert round_trip(brick(np.full((32, 256, 256), 9, np.int64))) < 40


def test_maps_are_chosen_and_much_smaller() -> None:
    small = labels((16, 96, 96))
    for array in (small, small.astype(np.int64), small > 0, small.astype(np.float32)):
        blob = voxz.encode(array)
        assert voxz.info(blob).to_dict()["codecs"] == {"labels": 1}
        assert len(blob) < 0.7 * len(zlib.compress(small.tobytes(), 6))
        assert np.array_equal(voxz.decode(blob), array)
    assert len(voxz.encode(small)) < len(voxz.encode(small, codec="predictive")) / 2


def test_images_are_no_maps() -> None:
    masked = head((12, 64, 64)) * (head((12, 64, 64)) > 300)
    edge = np.zeros((12, 64, 64), np.int16)
    edge[:, :20] = head((12, 20, 64))
    for volume in (head((12, 64, 64)), masked, edge, noise((12, 64, 64), 9).astype(np.int8), series(3, (4, 32, 32))):
        assert not suits(brick(volume)) or surprise(brick(volume)) > 0.12
        assert voxz.info(voxz.encode(volume)).to_dict()["codecs"] == {"predictive": 1}


def packaged(package: str, inside: str) -> NDArray[Any]:
    """Stored samples of a file in an installed package, ``(z, y, x)``."""
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.origin is not None
    image: Any = nibabel.load(Path(found.origin).parent / inside)
    return np.ascontiguousarray(np.asarray(image.dataobj.get_unscaled()).T)


TEMPLATE = "datasets/data/mni_icbm152_{}_tal_nlin_sym_09a_converted.nii.gz"


def test_the_detector_on_real_volumes() -> None:
    scans = [packaged("nilearn", TEMPLATE.format(kind)) for kind in ("t1", "gm", "wm")]
    for scan in [*scans, packaged("dipy", "data/files/S0_10slices.nii.gz"), packaged("nibabel", "tests/data/example4d.nii.gz")]:
        assert not suits(brick(scan))
    t1 = scans[0]
    classes = np.digitize(t1, [1, int(t1.max()) // 3, 2 * int(t1.max()) // 3])
    for mask in (t1 > 0, scans[1] > 100, scans[2] > 100, classes):
        assert surprise(brick(mask)) < 0.12
        part = mask[:, :96, :96]
        assert voxz.info(voxz.encode(part)).to_dict()["codecs"].keys() == {"labels"}


def test_damage_is_noticed() -> None:
    samples = brick(labels((3, 24, 24)).astype(np.int32))
    payload = codec.encode_brick(samples, 5)
    assert payload is not None
    for at in range(len(payload)):
        damaged = bytearray(payload)
        damaged[at] ^= 1 << at % 8
        with pytest.raises(CorruptError):
            codec.decode_brick(bytes(damaged), samples.shape, samples.dtype)
        with pytest.raises(CorruptError):
            codec.decode_brick(payload[:at], samples.shape, samples.dtype)


@settings(max_examples=300)
@given(st.data())
def test_damage_behind_a_sound_checksum_never_crashes(data: st.DataObject) -> None:
    samples = brick(labels((3, 24, 24)).astype(np.int32))
    payload = bytearray(codec.encode_brick(samples, 3) or b"")
    for _ in range(data.draw(st.integers(1, 4))):
        near = data.draw(st.booleans())
        payload[data.draw(st.integers(4, 30 if near else len(payload) - 1))] = data.draw(st.integers(0, 255))
    body = bytes(payload[4 : data.draw(st.integers(8, len(payload)))])
    try:
        decoded = codec.decode_brick(zlib.crc32(body).to_bytes(4, "little") + body, samples.shape, samples.dtype)
    except (CorruptError, UnsupportedError):
        return
    assert decoded.shape == samples.shape


def test_the_tables_of_probabilities() -> None:
    squash, stretch = tables()
    assert (np.diff(squash) >= 0).all()
    assert (np.diff(stretch) >= 0).all()
    assert squash[LIMIT] == 32768
    assert (squash + squash[::-1] == 65536).all()
    exact = 65536 / (1 + np.exp(-np.arange(-LIMIT, LIMIT + 1) / 256))
    assert np.abs(squash - np.clip(exact, 16, 65520)).max() <= 1
    hidden = hashlib.sha256(squash.astype("<i4").tobytes() + stretch.astype("<i4").tobytes()).hexdigest()
    assert hidden == "da2aa1332c6a19df921b38f7aaf7cfff46a7b0c299085f7431cf6979c8d7b2e9"


def parity_digests() -> list[str]:
    """Digests of some encodings; small, because plain Python is slow."""
    digests = []
    rng = np.random.default_rng(5)
    wide = rng.integers(-(2**63), 2**63 - 1, 40)
    still, noisy = labels((2, 9, 10)), rng.integers(0, 3, (2, 9, 11))
    maps = (labels((4, 14, 16)), np.array([still] * 3), wide[labels((3, 12, 12), 39)], noisy)
    for level in (1, 3, 5):
        for array in maps:
            blob = voxz.encode(array, level=level, codec="labels")
            assert np.array_equal(voxz.decode(blob), array)
            digests.append(hashlib.sha256(blob).hexdigest()[:16])
    return digests


def test_plain_python_gives_the_same_bytes_as_compiled_code() -> None:
    assert printed_by_plain_python(__file__) == str(parity_digests())


def test_a_doubtful_map_of_floats_is_stored_where_that_is_smaller() -> None:
    rng = np.random.default_rng(6)
    volume = np.zeros((6, 64, 64), np.float32)
    volume[:, 30:34, 20:30] = rng.normal(0, 1, (6, 4, 10))
    blob = voxz.encode(volume)
    assert len(blob) <= len(voxz.encode(volume, codec="stored"))
    assert np.array_equal(voxz.decode(blob), volume)


def test_a_part_of_a_doubtful_brick_tells_whether_it_is_tried_as_a_map(monkeypatch: pytest.MonkeyPatch) -> None:
    scan = head((24, 64, 64))
    classes = np.digitize(scan, np.linspace(scan.min(), scan.max(), 9)[1:-1]).astype(np.uint8)
    uneven_noise = np.random.default_rng(1).choice(4, (24, 64, 64), p=(0.4, 0.3, 0.2, 0.1)).astype(np.uint8)
    tried: list[int] = []
    encode = codec.encode_brick

    def noted(samples: NDArray[Any], *more: Any) -> bytes | None:
        tried.append(samples.shape[1])
        return encode(samples, *more)

    monkeypatch.setattr(codec, "encode_brick", noted)
    for volume, slices in ((classes, [3, 24]), (uneven_noise, [3])):
        assert 0.12 < surprise(brick(volume)) < 0.3
        tried.clear()
        assert len(voxz.encode(volume)) == min(len(voxz.encode(volume, codec=name)) for name in ("labels", "predictive"))
        assert tried == [*slices, 24]
