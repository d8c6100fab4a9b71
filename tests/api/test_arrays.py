"""`encode` and `decode` give back every array that can be stored, bit for bit."""

from pathlib import Path
from typing import Any

import hypothesis.extra.numpy as arrays
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

import voxz
from samples import smooth

NAMES = ("b1", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "c8", "c16")
DTYPES = st.sampled_from([np.dtype(order + name) for name in NAMES for order in "<>"])
SHAPES = st.one_of(
    arrays.array_shapes(min_dims=0, max_dims=7, min_side=0, max_side=5),
    arrays.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=17),
)


def assert_same(a: NDArray[Any], b: NDArray[Any]) -> None:
    assert (a.shape, a.dtype) == (b.shape, b.dtype)
    assert a.tobytes() == b.tobytes()


@st.composite
def any_array(draw: st.DrawFn) -> NDArray[Any]:
    """An array of random bits, NaN payloads included, or of few values."""
    shape, dtype = draw(SHAPES), draw(DTYPES)
    rng = np.random.default_rng(draw(st.integers(0, 1 << 30)))
    count = int(np.prod(shape))
    few = draw(st.booleans())
    bits = rng.integers(0, 2 if few or dtype.kind == "b" else 256, count * dtype.itemsize).astype(np.uint8)
    array: NDArray[Any] = bits.view(dtype).reshape(shape)
    return array


@settings(max_examples=150, deadline=None)
@given(any_array(), st.integers(1, 5), st.sampled_from([None, "stored"]))
def test_round_trip(array: NDArray[Any], level: int, codec: str | None) -> None:
    blob = voxz.encode(array, level=level, codec=codec, threads=1)
    assert_same(voxz.decode(blob, threads=1), array)


@pytest.mark.parametrize("dtype", ["i1", "u1", "<i2", ">u2", "<i4", "<u4"])
@pytest.mark.parametrize("kind", ["constant", "lowest and highest", "ramp"])
def test_extremes(dtype: str, kind: str) -> None:
    limits = np.iinfo(dtype)
    values = {"constant": [limits.min], "lowest and highest": [limits.min, limits.max], "ramp": range(100)}[kind]
    array = np.resize(np.array(values, dtype), (5, 19, 23))
    assert_same(voxz.decode(voxz.encode(array)), array)


@pytest.mark.parametrize("dtype", [np.longdouble, np.clongdouble])
@pytest.mark.parametrize("swapped", [False, True])
def test_wide_floats_come_back(dtype: type, swapped: bool, tmp_path: Path) -> None:
    array: NDArray[Any] = (
        (np.arange(60) / np.longdouble(7)).astype(np.dtype(dtype).newbyteorder("S" if swapped else "=")).reshape(3, 4, 5)
    )
    blob = voxz.encode(array)
    decoded = voxz.decode(blob)
    assert decoded.dtype == np.dtype(dtype)
    assert np.array_equal(decoded, array)
    if not swapped:
        assert decoded.tobytes() == array.tobytes()
    with voxz.open(blob) as image:
        assert image.dtype == np.dtype(dtype)
        assert np.array_equal(image[1, ::2], array[1, ::2])
    np.save(tmp_path / "a.npy", array)
    voxz.compress(tmp_path / "a.npy", tmp_path / "a.voxz")
    with voxz.open(tmp_path / "a.voxz") as image:
        assert image.dtype == array.dtype
        assert np.array_equal(image, array)


def test_masked_arrays_are_refused_unless_nothing_is_masked() -> None:
    array = smooth((3, 4, 5))
    with pytest.raises(voxz.UsageError, match=r"filled\(value\)"):
        voxz.encode(np.ma.masked_greater(array, 10))
    assert_same(voxz.decode(voxz.encode(np.ma.masked_greater(array, 10**4))), array)


def test_views_and_other_orders_come_back_in_c_order() -> None:
    array = smooth((6, 7, 8))[::2, ::-1].transpose(2, 0, 1)
    assert_same(voxz.decode(voxz.encode(array)), np.ascontiguousarray(array))


def test_a_short_last_axis_is_no_colour() -> None:
    assert voxz.info(voxz.encode(np.zeros((5, 6, 3), np.uint8))).to_dict()["channels"] == 1


@pytest.mark.parametrize("array", [np.zeros(3, object), np.zeros(3, "M8[s]"), np.zeros(3, [("a", "i2")]), np.array("x")])
def test_other_types_are_refused(array: NDArray[Any]) -> None:
    with pytest.raises(voxz.UnsupportedError):
        voxz.encode(array)


def test_eight_axes_are_refused() -> None:
    with pytest.raises(voxz.UnsupportedError, match=r"at most 7 axes \(got 8\)"):
        voxz.encode(np.zeros((1,) * 8))


@pytest.mark.parametrize("codec", [None, "stored"])
def test_thread_count_changes_nothing(codec: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voxz.volume.bricks.DEEP_VOXELS", 1 << 18)
    array = smooth((90, 96, 96))
    blobs = {voxz.encode(array, level=1, codec=codec, threads=threads) for threads in (1, 2, 5)}
    assert len(blobs) == 1
    assert voxz.info(blobs.copy().pop()).to_dict()["bricks"] > 2
    assert_same(voxz.decode(blobs.pop(), threads=3), array)


def test_noise_costs_almost_nothing() -> None:
    array = np.random.default_rng(0).integers(-(1 << 15), 1 << 15, (16, 256, 256)).astype(np.int16)
    for codec in (None, "stored"):
        assert len(voxz.encode(array, codec=codec)) < array.nbytes * 1.001


def test_too_large_a_result_is_refused() -> None:
    blob = voxz.encode(np.zeros((10, 10), np.int16))
    with pytest.raises(voxz.LimitError, match="200 bytes, the limit is 199"):
        voxz.decode(blob, max_bytes=199)
    assert voxz.decode(blob, max_bytes=200).shape == (10, 10)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"level": 0}, r"level must be .* \(got 0\)"),
        ({"level": 10}, r"level must be .* \(got 10\)"),
        ({"threads": 0}, "threads must be 1 or more"),
        ({"codec": "zip"}, "'zip'; choose one of stored, predictive, labels"),
        ({"target": "small"}, "target must be voxz.Lossless"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(voxz.UsageError, match=words):
        voxz.encode(np.zeros((4, 4), np.int16), **arguments)
