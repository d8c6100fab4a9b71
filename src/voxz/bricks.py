"""Cutting a volume into bricks that are coded, checked and decoded independently.

Bricks that share the same range of the *streaming axis* (the slowest axis longer than 1) form a *slab*. Slabs follow each other in
memory order, so both directions stream: one slab in memory, whatever the size of the file. Within a slab the cuts go
along y first, then x, then z, which cost the predictor least.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

from voxz.volume import Canonical

SLICES = 32
"""Slices of a brick of a single volume: an axial slice of a long scan costs a fraction of the scan."""

VOLUMES = 64
"""Volumes of a brick of a series."""

BRICK_VOXELS = 1 << 21
SLAB_BYTES = 128 << 20

Extent = tuple[int, int, int, int]
Box = tuple[slice, slice, slice, slice]


@dataclass(frozen=True)
class Grid:
    """Bricks of `extent` ``(series, z, y, x)``, the last along each axis possibly smaller, over a canonical `shape`."""

    shape: Canonical
    extent: Extent

    @classmethod
    def choose(cls, shape: Canonical, itemsize: int) -> "Grid":
        """Bricks of about BRICK_VOXELS voxels for samples of `itemsize` bytes."""
        extent = [max(1, n) for n in shape[:4]]
        stream = _streaming_axis(shape)
        layer = math.prod(extent[stream + 1 :]) * shape[4] * itemsize
        longest = {0: VOLUMES, 1: SLICES}.get(stream, extent[stream])
        extent[stream] = _balanced(extent[stream], min(longest, max(1, SLAB_BYTES // max(1, layer))))
        for axis in (2, 3, 1):
            if axis > stream:
                others = math.prod(extent) // extent[axis] * shape[4]
                extent[axis] = _balanced(extent[axis], max(_SHORTEST, round(BRICK_VOXELS / others)))
        return cls(shape, (extent[0], extent[1], extent[2], extent[3]))

    def __len__(self) -> int:
        return math.prod(self._counts())

    def slabs(self) -> Iterator[list[Box]]:
        """Lists of the bricks of each slab, in file order."""
        if len(self) == 0:
            return
        stream = _streaming_axis(self.shape)
        ranges = [self._cuts(axis) for axis in range(4)]
        boxes = itertools.product(*ranges)
        for _, group in itertools.groupby(boxes, key=lambda box: box[stream].start):
            yield list(group)

    def slab_range(self, boxes: list[Box]) -> tuple[int, slice]:
        """Streaming axis and the range of it that the bricks of a slab cover."""
        stream = _streaming_axis(self.shape)
        return stream, boxes[0][stream]

    def _counts(self) -> list[int]:
        return [-(-n // e) for n, e in zip(self.shape[:4], self.extent, strict=True)] + [int(self.shape[4] > 0)]

    def _cuts(self, axis: int) -> list[slice]:
        size, step = self.shape[axis], self.extent[axis]
        return [slice(start, min(start + step, size)) for start in range(0, size, step)]


_SHORTEST = 64
"""Bricks are not cut shorter than this along y and x."""


def _streaming_axis(shape: Canonical) -> int:
    return next((axis for axis in range(3) if shape[axis] > 1), 2)


def _balanced(size: int, longest: int) -> int:
    """Largest part when `size` is cut evenly into parts of at most `longest`, or half as much again."""
    parts = max(1, -(-size // longest))
    return -(-size // parts)
