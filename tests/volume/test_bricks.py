"""Bricks tile the volume exactly, in an order that streams, and stay within bounds."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

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
def test_chosen_bricks_are_bounded(shape: tuple[int, int, int, int, int], itemsize: int) -> None:
    grid = Grid.choose(shape, itemsize)
    assert grid.slab_voxels() * itemsize <= LARGEST_SLAB
    voxels = int(np.prod(shape, dtype=float))
    assert len(grid) <= 1 + voxels / (1 << 15)
