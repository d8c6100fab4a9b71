"""Bricks tile the volume exactly, in an order that streams, and stay within bounds."""

from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import voxz
from samples import smooth, write_nifti
from voxz.volume.bricks import LARGEST_SLAB, Grid

SIZES = st.integers(0, 40)


@settings(max_examples=200, deadline=None)
@given(st.tuples(SIZES, SIZES, SIZES, SIZES), st.tuples(*[st.integers(1, 50)] * 4))
def test_any_grid_tiles_its_volume(shape: tuple[int, int, int, int], extent: tuple[int, int, int, int]) -> None:
    grid = Grid((*shape, 1), extent)
    boxes = [box for slab in grid.slabs() for box in slab]
    assert len(boxes) == len(grid)
    hits = np.zeros(shape, np.int8)
    for box in boxes:
        hits[box] += 1
    assert (hits == 1).all()


@settings(max_examples=200, deadline=None)
@given(st.tuples(SIZES, SIZES, SIZES, SIZES), st.tuples(*[st.integers(1, 50)] * 4))
def test_slabs_follow_each_other_in_memory(shape: tuple[int, int, int, int], extent: tuple[int, int, int, int]) -> None:
    grid = Grid((*shape, 1), extent)
    order = np.arange(np.prod(shape)).reshape(shape)
    parts = [order[grid.slab_box(slab)].ravel() for slab in grid.slabs()]
    assert max(map(len, parts), default=0) <= max(1, grid.slab_voxels())
    assert np.array_equal(np.concatenate([np.zeros(0, int), *parts]), order.ravel())


@pytest.mark.parametrize("itemsize", [1, 4, 32])
@pytest.mark.parametrize(
    "shape",
    [
        (1, 1, 1, 1, 1),
        (1, 275, 512, 512, 1),
        (300, 40, 96, 96, 1),
        (4, 900, 1024, 1024, 1),
        (1, 3, 60000, 60000, 4),
        (1, 1, 1, 1 << 33, 1),
        (1, 1 << 30, 1, 1, 1),
    ],
)
@pytest.mark.parametrize("files", [False, True])
def test_chosen_bricks_are_bounded(shape: tuple[int, int, int, int, int], itemsize: int, files: bool) -> None:
    grid = Grid.choose(shape, itemsize, files=files)
    assert grid.slab_voxels() * itemsize <= LARGEST_SLAB
    voxels = int(np.prod(shape, dtype=float))
    assert len(grid) <= 1 + voxels / (1 << 15)


def test_series_of_files_have_larger_bricks() -> None:
    assert Grid.choose((1, 51, 512, 512, 1), 2).extent == (1, 26, 128, 512)
    assert Grid.choose((1, 51, 512, 512, 1), 2, files=True).extent == (1, 51, 128, 512)
    assert Grid.choose((1, 275, 512, 512, 1), 2, files=True).extent[1] <= 48
    assert len(Grid.choose((17, 40, 80, 80, 1), 2, files=True)) == 1


@pytest.mark.parametrize("brick", [16, (16, 16, 16), "16", "16,16,16"])
def test_bricks_that_are_asked_for(brick: Any) -> None:
    array = smooth((40, 48, 33))
    blob = voxz.encode(array, level=1, brick=brick)
    image = voxz.open(blob)
    assert image.chunks == (16, 16, 16)
    assert np.array_equal(voxz.decode(blob), array)
    assert np.array_equal(image[10:30, 15:17, 32], array[10:30, 15:17, 32])


def test_bricks_of_files_are_given_slowest_axis_first(tmp_path: Path) -> None:
    source = write_nifti(tmp_path / "a.nii", smooth((3, 20, 70, 66)))
    voxz.compress(source, tmp_path / "a.voxz", level=1, brick="10,32,33")
    assert voxz.open(tmp_path / "a.voxz").chunks == (33, 32, 10, 1)
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "back.nii")
    assert (tmp_path / "back.nii").read_bytes() == source.read_bytes()
    voxz.compress(source, tmp_path / "b.voxz", level=1, brick="patch", target=voxz.MaxError(3))
    assert voxz.open(tmp_path / "b.voxz").chunks == (64, 64, 20, 1)


@pytest.mark.parametrize("brick", [0, -64, 5, (64, 64), "64,64,x", "", 1.5, (1 << 20, 64, 64), (64, 0, 64)])
def test_bricks_that_cannot_be(brick: Any) -> None:
    with pytest.raises(voxz.UsageError):
        voxz.encode(smooth((8, 8, 8)), brick=brick)


def test_bricks_that_no_reader_would_hold() -> None:
    with pytest.raises(voxz.UsageError, match="fewer slices"):
        Grid.of_brick((1, 64, 4096, 4096, 1), 2, (64, 64, 64))
    assert Grid.of_brick((1, 64, 4096, 4096, 1), 2, (4, 64, 64)).extent == (1, 4, 64, 64)
    with pytest.raises(voxz.UsageError, match="chooses its bricks itself"):
        voxz.encode(smooth((8, 8, 8)), codec="siren", brick=64)
