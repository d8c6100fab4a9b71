"""A lazily opened image indexes like the array it holds, from any thread and any process."""

import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
import tracemalloc
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


def _array_index(size: int) -> st.SearchStrategy[Any]:
    numbers = st.lists(st.integers(-size, size - 1), max_size=5)
    table = st.lists(st.lists(st.integers(-size, size - 1), min_size=2, max_size=2), min_size=1, max_size=3)
    mask = st.lists(st.booleans(), min_size=size, max_size=size).map(np.array)
    return st.one_of(numbers, numbers.map(lambda found: np.array(found, np.int16)), table.map(np.array), mask)


@st.composite
def indices(draw: st.DrawFn) -> tuple[Any, ...]:
    """Indices of ARRAY, with an array or mask on one axis at most."""
    parts = [draw(_index(size)) for size in ARRAY.shape]
    if draw(st.booleans()):
        axis = draw(st.integers(0, 3))
        parts[axis] = draw(_array_index(ARRAY.shape[axis]))
    kept = draw(st.integers(0, len(parts)))
    index = parts[:kept]
    if draw(st.booleans()):
        tail = draw(st.integers(0, len(parts) - kept))
        index = [*index, ..., *(parts[-tail:] if tail else [])]
    if draw(st.booleans()):
        index.insert(draw(st.integers(0, len(index))), None)
    return tuple(index)


@settings(max_examples=300, deadline=None)
@given(indices())
def test_indexing_is_numpys(index: tuple[Any, ...]) -> None:
    with voxz.open(BLOB, threads=1) as image:
        ours, numpys = image[index], ARRAY[index]
    assert ours.shape == numpys.shape
    assert ours.dtype == (numpys.dtype if ours.ndim else "=i2")
    assert np.array_equal(ours, numpys)


@pytest.mark.parametrize(
    ("index", "words"),
    [
        ((0,) * 5, "too many indices"),
        ((99,), "index 99 is out of bounds for axis 0 with size 3"),
        ((0, -38), "index -38 is out of bounds for axis 1"),
        ((0, [1, 37]), "index 37 is out of bounds for axis 1"),
        ((..., ...), "only one ellipsis"),
        (([0, 1], [2, 3]), "one axis at a time: image"),
        ((1.5,), "expected integers, slices"),
        (("x",), "expected integers, slices"),
        (([[1], [2, 3]],), "expected integers, slices"),
        ((True,), "a mask of 0 axes cannot"),
        ((ARRAY > 0,), r"use np.asarray\(image\)\[mask\]"),
        ((np.ones(4, bool),), "a mask of 4 cannot index axis 0 with size 3"),
    ],
    ids=str,
)
def test_other_indices_raise_index_errors(index: Any, words: str) -> None:
    with voxz.open(BLOB) as image, pytest.raises(IndexError, match=words):
        image[index]


def test_whole_image_as_an_array() -> None:
    with voxz.open(BLOB) as image:
        assert (image.shape, image.ndim, image.dtype, len(image)) == (ARRAY.shape, 4, ARRAY.dtype, 3)
        assert (image.size, image.itemsize, image.nbytes) == (ARRAY.size, 2, ARRAY.nbytes)
        assert np.array_equal(np.asarray(image), ARRAY)
        assert np.asarray(image, np.float32).dtype == np.float32
        assert [part.shape for part in image] == [(37, 40, 45)] * 3
        with pytest.raises(ValueError, match="without a copy"):
            np.asarray(image, copy=False)


def test_results_belong_to_the_caller() -> None:
    with voxz.open(BLOB) as image:
        for index in (..., (0, slice(None, None, -1)), ([1, 0],), (slice(None), 3)):
            before = image[index]
            image[index][...] = 0
            assert np.array_equal(image[index], before)


def test_colour_channels_are_the_last_axis(tmp_path: Path) -> None:
    (tmp_path / "a.nii").write_bytes(nifti((6, 5, 4), "rgb")[1])
    voxz.compress(tmp_path / "a.nii", tmp_path / "a.voxz")
    samples = np.frombuffer((tmp_path / "a.nii").read_bytes()[352:], np.uint8).reshape(4, 5, 6, 3).transpose(2, 1, 0, 3)
    with voxz.open(tmp_path / "a.voxz") as image:
        assert np.array_equal(image[...], samples)
        assert np.array_equal(image[2:4, 1, ::-1, 1:], samples[2:4, 1, ::-1, 1:])
        with pytest.raises(voxz.UnsupportedError, match="only scalar"):
            image.to_nibabel()


def decoded_bricks(image: Image, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list to which the number of each brick is added that is decoded from now on."""
    numbers: list[int] = []
    original = image._array.brick

    def brick(number: int, **options: Any) -> NDArray[np.generic]:
        numbers.append(number)
        return original(number, **options)

    monkeypatch.setattr(image._array, "brick", brick)
    return numbers


def test_only_needed_bricks_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    array = smooth((200, 128, 128))
    with voxz.open(voxz.encode(array, codec="stored", brick=(16, 128, 128))) as image:
        decoded = decoded_bricks(image, monkeypatch)
        assert np.array_equal(image[100], array[100])
        assert len(decoded) * 4 < len(image._array.bricks)
        before = len(decoded)
        assert np.array_equal(image[100, 5:9], array[100, 5:9])
        assert len(decoded) == before


def test_the_cache_holds_what_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    array = smooth((200, 128, 128))
    blob = voxz.encode(array, codec="stored")
    for capacity, again in ((0, True), (1 << 10, True), (64 << 20, False)):
        with voxz.open(blob, cache_bytes=capacity) as image:
            image[0], image[199]
            decoded = decoded_bricks(image, monkeypatch)
            assert np.array_equal(image[0], array[0])
            assert bool(decoded) is again
            kept = image._bricks._kept.nbytes
            assert kept <= max(capacity, image.chunks[0] * 128 * 128 * 2 if capacity else 0)


def test_what_the_cache_cannot_hold_is_not_decoded_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    array = smooth((200, 128, 128))
    brick = 20 * 128 * 128 * array.itemsize
    blob = voxz.encode(array, codec="stored", brick=(20, 128, 128))
    for capacity, bricks in ((0, []), (1, [0]), (3 * brick, [0, 1, 2]), (64 << 20, list(range(10)))):
        with voxz.open(blob, cache_bytes=capacity) as image:
            decoded = decoded_bricks(image, monkeypatch)
            image.prefetch().result()
            assert sorted(decoded) == bricks


def test_a_whole_image_is_in_memory_once() -> None:
    array = np.full((64, 128, 128), 7, "u2")
    blob = voxz.encode(array, brick=(2, 128, 128))
    assert voxz.info(blob).bricks == 32
    with voxz.open(blob, cache_bytes=0, threads=2) as image:
        assert image[0, 0, 0] == 7  # compiles what it needs
        tracemalloc.start()
        whole = image[...]
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    np.testing.assert_array_equal(whole, array)
    assert peak < 1.5 * array.nbytes


@pytest.mark.parametrize("ask", ["threads", "prefetch"])
def test_a_brick_that_several_ask_for_is_decoded_once(ask: str, monkeypatch: pytest.MonkeyPatch) -> None:
    array = smooth((200, 64, 64))
    with voxz.open(voxz.encode(array, codec="stored"), threads=2) as image, ThreadPoolExecutor(8) as pool:
        decoded = decoded_bricks(image, monkeypatch)
        if ask == "prefetch":
            ahead = [image.prefetch(np.s_[k : k + 60]) for k in (0, 40, 140)]
        assert all(np.array_equal(part, array) for part in pool.map(lambda _: image[...], range(8)))
        assert sorted(decoded) == list(range(len(image._array.bricks)))
        if ask == "prefetch":
            assert [future.result() for future in ahead] == [None] * 3


def test_an_error_reaches_everyone_and_the_rest_stays_readable() -> None:
    array = smooth((200, 128, 128))
    blob = bytearray(voxz.encode(array, codec="stored"))
    blob[-10] ^= 1
    with voxz.open(bytes(blob), threads=2) as image, ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(lambda: image[...]) for _ in range(4)]:
            assert isinstance(future.exception(), voxz.CorruptError)
        assert isinstance(image.prefetch().exception(), voxz.CorruptError)
        assert np.array_equal(image[:100], array[:100])


@pytest.mark.parametrize("shape", [(3, 37, 40, 45), (200, 128, 128), (300, 20), (7,), (), (2, 5, 70, 9, 8, 7), (4, 100, 8, 8, 8)])
def test_chunks_are_the_bricks_in_the_order_of_the_axes(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    for array in (np.zeros(shape, np.int16), np.zeros(shape, np.int16, order="F")):
        with voxz.open(voxz.encode(array, codec="stored")) as image:
            assert len(image.chunks) == len(shape)
            assert all(1 <= chunk <= size for chunk, size in zip(image.chunks, shape, strict=True))
            decoded = decoded_bricks(image, monkeypatch)
            image[tuple(slice(0, chunk) for chunk in image.chunks)]
            image[tuple(slice((size - 1) // chunk * chunk, size) for size, chunk in zip(shape, image.chunks, strict=True))]
            assert len(decoded) == min(2, len(image._array.bricks))


def test_chunks_of_nifti_and_colour(tmp_path: Path) -> None:
    (tmp_path / "a.nii").write_bytes(nifti((60, 50, 200, 2))[1])
    voxz.compress(tmp_path / "a.nii", tmp_path / "a.voxz", level=1)
    with voxz.open(tmp_path / "a.voxz") as image:
        assert image.chunks == tuple(image._array.grid.extent[::-1])
    (tmp_path / "b.nii").write_bytes(nifti((6, 5, 4), "rgb")[1])
    voxz.compress(tmp_path / "b.nii", tmp_path / "b.voxz")
    with voxz.open(tmp_path / "b.voxz") as image:
        assert image.chunks == (6, 5, 4, 3)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_waits_for_no_thread_of_its_parent() -> None:
    script = (
        "import os, sys, threading, numpy as np, voxz\n"
        "array = np.arange(200 * 64 * 64, dtype=np.int32).reshape(200, 64, 64)\n"
        "image, begun, go = voxz.open(voxz.encode(array, codec='stored')), threading.Event(), threading.Event()\n"
        "decode, parent = image._array.brick, os.getpid()\n"
        "def slow(number, **options):\n"
        "    if os.getpid() == parent: begun.set(); go.wait()\n"
        "    return decode(number, **options)\n"
        "image._array.brick = slow\n"
        "thread = threading.Thread(target=lambda: image[0]); thread.start(); begun.wait()\n"
        "child = os.fork()\n"
        "if not child: os._exit(int(image[0, 0, 5] != 5))\n"
        "status = os.waitpid(child, 0)[1]; go.set(); thread.join(); sys.exit(status)"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, timeout=60)


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


def test_pickling_by_a_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.voxz").write_bytes(BLOB)
    (tmp_path / "b").mkdir()
    monkeypatch.chdir(tmp_path)
    with voxz.open("a.voxz", cache_bytes=5) as image:
        pickled = pickle.dumps(image)
    monkeypatch.chdir(tmp_path / "b")
    with pickle.loads(pickled) as copy:
        assert np.array_equal(copy[1, 3], ARRAY[1, 3])
        assert copy._arguments[3] == 5


def test_another_process(tmp_path: Path) -> None:
    (tmp_path / "a.voxz").write_bytes(BLOB)
    with multiprocessing.get_context("spawn").Pool(1) as pool, voxz.open(tmp_path / "a.voxz") as image:
        assert pool.apply(_corner, (image,)) == ARRAY[-1, -1, -1, -1]


def test_an_access_beyond_max_bytes_is_refused() -> None:
    with voxz.open(BLOB, max_bytes=4000) as image:
        assert image[0, 0].nbytes <= 4000
        with pytest.raises(voxz.LimitError, match="select a smaller part"):
            image[...]
