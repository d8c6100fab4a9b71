"""A lazily opened image indexes like the array it holds, from any thread and any process."""

import multiprocessing
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

import voxz
from samples import nifti, smooth
from voxz.image.lazy import Image

ARRAY = smooth((3, 37, 40, 45), ">i2")
BLOB = voxz.encode(ARRAY, codec="stored")


def _index(size: int) -> st.SearchStrategy[Any]:
    bound = st.one_of(st.none(), st.integers(-size - 3, size + 3))
    step = st.one_of(st.none(), st.integers(-4, 4).filter(bool))
    return st.one_of(st.integers(-size, size - 1), st.builds(slice, bound, bound, step))


@st.composite
def indices(draw: st.DrawFn) -> tuple[Any, ...]:
    """Basic indices of ARRAY."""
    parts = [draw(_index(size)) for size in ARRAY.shape]
    kept = draw(st.integers(0, len(parts)))
    if draw(st.booleans()):
        tail = draw(st.integers(0, len(parts) - kept))
        return (*parts[:kept], ..., *(parts[-tail:] if tail else []))
    return tuple(parts[:kept])


@settings(max_examples=150, deadline=None)
@given(indices())
def test_indexing_is_numpys(index: tuple[Any, ...]) -> None:
    with voxz.open(BLOB, threads=1) as image:
        ours, numpys = image[index], ARRAY[index]
    assert ours.shape == numpys.shape
    assert ours.dtype == (numpys.dtype if ours.ndim else "=i2")
    assert np.array_equal(ours, numpys)


@pytest.mark.parametrize("index", [(0,) * 5, (99,), (0, -38), (..., ...), (None,), ([0, 1],), (1.5,)])
def test_other_indices_raise_index_errors(index: Any) -> None:
    with voxz.open(BLOB) as image, pytest.raises(IndexError):
        image[index]


def test_whole_image_as_an_array() -> None:
    with voxz.open(BLOB) as image:
        assert (image.shape, image.ndim, image.dtype, len(image)) == (ARRAY.shape, 4, ARRAY.dtype, 3)
        assert np.array_equal(np.asarray(image), ARRAY)
        assert np.asarray(image, np.float32).dtype == np.float32
        assert repr(image) == "<voxz.Image 3x37x40x45 >i2>"
        assert [part.shape for part in image] == [(37, 40, 45)] * 3


def test_colour_channels_are_the_last_axis(tmp_path: Path) -> None:
    (tmp_path / "a.nii").write_bytes(nifti((6, 5, 4), "rgb")[1])
    voxz.compress(tmp_path / "a.nii", tmp_path / "a.voxz")
    samples = np.frombuffer((tmp_path / "a.nii").read_bytes()[352:], np.uint8).reshape(4, 5, 6, 3).transpose(2, 1, 0, 3)
    with voxz.open(tmp_path / "a.voxz") as image:
        assert np.array_equal(image[...], samples)
        assert np.array_equal(image[2:4, 1, ::-1, 1:], samples[2:4, 1, ::-1, 1:])
        with pytest.raises(voxz.UnsupportedError, match="only scalar"):
            image.to_nibabel()


def test_only_needed_bricks_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    array = smooth((200, 128, 128))
    with voxz.open(voxz.encode(array, codec="stored")) as image:
        decoded: list[int] = []
        original = image._array.brick

        def brick(number: int) -> NDArray[np.generic]:
            decoded.append(number)
            return original(number)

        monkeypatch.setattr(image._array, "brick", brick)
        assert np.array_equal(image[100], array[100])
        assert len(decoded) * 4 < len(image._array.bricks)
        before = len(decoded)
        assert np.array_equal(image[100, 5:9], array[100, 5:9])
        assert len(decoded) == before


def test_many_threads(tmp_path: Path) -> None:
    (tmp_path / "a.voxz").write_bytes(BLOB)
    with voxz.open(tmp_path / "a.voxz", threads=2) as image, ThreadPoolExecutor(8) as pool:
        barrier = threading.Barrier(8)

        def work(seed: int) -> bool:
            barrier.wait()
            rng = np.random.default_rng(seed)
            return all(np.array_equal(image[:, z], ARRAY[:, z]) for z in rng.integers(0, 37, 20))

        assert all(pool.map(work, range(8)))


def _corner(image: Image) -> int:
    return int(image[-1, -1, -1, -1])


def test_pickling(tmp_path: Path) -> None:
    (tmp_path / "a.voxz").write_bytes(BLOB)
    for source in (BLOB, tmp_path / "a.voxz"):
        with voxz.open(source) as image, pickle.loads(pickle.dumps(image)) as copy:
            assert np.array_equal(copy[1, 3], ARRAY[1, 3])


def test_another_process(tmp_path: Path) -> None:
    (tmp_path / "a.voxz").write_bytes(BLOB)
    with multiprocessing.get_context("spawn").Pool(1) as pool, voxz.open(tmp_path / "a.voxz") as image:
        assert pool.apply(_corner, (image,)) == ARRAY[-1, -1, -1, -1]


def test_limit() -> None:
    with voxz.open(BLOB, max_bytes=4000) as image:
        assert image[0, 0].nbytes <= 4000
        with pytest.raises(voxz.LimitError, match="select a smaller part"):
            image[...]


def test_damage_is_local(tmp_path: Path) -> None:
    blob = bytearray(voxz.encode(smooth((200, 128, 128)), codec="stored"))
    blob[-10] ^= 1
    with voxz.open(bytes(blob)) as image:
        assert image[0].shape == (128, 128)
        with pytest.raises(voxz.CorruptError):
            image[-1]
