"""Slabs: the bricks that are in memory together, and the samples that they cover."""

import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from voxz.container.reader import brick_shape
from voxz.pipeline.plan import Plan
from voxz.pipeline.samples import SampleReader
from voxz.volume.bricks import Box, Grid
from voxz.volume.layout import Layout


def grid_of(layout: Layout, plan: Plan, files: int = 1) -> Grid:
    """Bricks of a volume that so many `files` make."""
    if plan.brick is not None:
        return Grid.of_brick(layout.canonical, layout.dtype.itemsize, plan.brick)
    if plan.codec is not None and plan.codec.whole_volume:
        return Grid.coarsest(layout.canonical, layout.dtype.itemsize)
    large = plan.codec is not None and plan.codec.large_bricks
    return Grid.choose(layout.canonical, layout.dtype.itemsize, large=large, files=files > 1)


Watch = Callable[[memoryview], None]
"""Sees the bytes of samples in memory order as they pass."""


def bricks_of(samples: SampleReader, grid: Grid, watch: Watch | None = None) -> Iterator[NDArray[np.generic]]:
    """Native-endian copies of all bricks, slab by slab; `watch` sees the slabs."""
    for boxes, slab in slabs_of(samples, grid):
        if watch is not None:
            watch(memoryview(slab.reshape(-1).view(np.uint8).data))
        _, origin = slab_place(grid, boxes)
        for box in boxes:
            yield np.ascontiguousarray(slab[inside(box, origin)], slab.dtype.newbyteorder("="))


def slabs_of(samples: SampleReader, grid: Grid) -> Iterator[tuple[list[Box], NDArray[np.generic]]]:
    """Read all samples once: the bricks of each slab, and its samples ``(series, z, y, x, channels)`` in stored byte order."""
    layout = samples.layout
    for boxes in grid.slabs():
        shape, _ = slab_place(grid, boxes)
        size = math.prod(shape) * layout.dtype.itemsize
        yield boxes, np.frombuffer(samples.read_samples(size), layout.dtype).reshape(shape)


def slab_place(grid: Grid, boxes: list[Box]) -> tuple[tuple[int, ...], list[int]]:
    """Return the shape of the slab that `boxes` fill, and the position of its first voxel."""
    box = grid.slab_box(boxes)
    return brick_shape(box, grid.shape[4]), [part.start for part in box]


def inside(box: Box, origin: list[int]) -> Box:
    """Return `box` relative to the slab's first voxel."""
    moved = (slice(part.start - first, part.stop - first) for part, first in zip(box, origin, strict=True))
    a, b, c, d = moved
    return a, b, c, d


def native_slabs(samples: SampleReader) -> Iterator[tuple[Box, NDArray[np.generic]]]:
    """Read all samples once: where each slab lies, and its samples ``(series, z, y, x, channels)`` in native byte order."""
    grid = Grid.choose(samples.layout.canonical, samples.layout.dtype.itemsize)
    for boxes, slab in slabs_of(samples, grid):
        yield grid.slab_box(boxes), slab.astype(slab.dtype.newbyteorder("="), copy=False)
