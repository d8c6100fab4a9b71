"""The padded array a brick is predicted in, and the rules that fill its borders.

Samples of a brick ``(series, z, y, x)`` are kept in one flat int32 array with a border, so that every
neighbour of every voxel exists and is found by adding an offset to the index:

* 4 columns to the left and right, 3 rows above and 2 below, 1 slice in front and 1 behind;
* one extra volume at the end when there is a series: the running mean of the volumes coded so far.

The border is filled with samples that the decoder already has (`enter_slice`, `open_row`, `close_row`,
`leave_slice`, `leave_volume`, called by the traversals in this order), so it never leaks what is still to come.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.predictive.neighbourhood import MEAN, REFERENCE, SECOND, Tap
from voxz.jit import kernel

Scalar = TypeVar("Scalar", bound=np.generic)

LEFT, TOP, FRONT = 4, 3, 1
MARGIN_X, MARGIN_Y, MARGIN_Z = 8, 5, 2
SLACK = 32


@dataclass(frozen=True)
class Geometry:
    """Sizes of a brick and the strides of its padded array."""

    series: int
    depth: int
    height: int
    width: int

    @property
    def row(self) -> int:
        """Samples from a row to the next."""
        return self.width + MARGIN_X

    @property
    def slice(self) -> int:
        """Samples from a slice to the next."""
        return (self.height + MARGIN_Y) * self.row

    @property
    def volume(self) -> int:
        """Samples from a volume to the next."""
        return (self.depth + MARGIN_Z) * self.slice

    @property
    def samples(self) -> int:
        """Samples of the brick."""
        return self.series * self.depth * self.height * self.width

    @property
    def size(self) -> int:
        """Samples of the padded array, with room for vectors that reach beyond its last row."""
        return (self.series + (self.series > 1)) * self.volume + SLACK

    def sizes(self) -> NDArray[np.int64]:
        """``[series, depth, height, width]`` for the kernels."""
        return np.array([self.series, self.depth, self.height, self.width], np.int64)

    def interior(self, padded: NDArray[Scalar]) -> NDArray[Scalar]:
        """View of the brick's own samples in the padded array, ``(series, z, y, x)``."""
        shape = (-1, self.depth + MARGIN_Z, self.height + MARGIN_Y, self.row)
        return padded[:-SLACK].reshape(shape)[
            : self.series, FRONT : FRONT + self.depth, TOP : TOP + self.height, LEFT : LEFT + self.width
        ]

    def offset(self, tap: Tap, volume: int, references: NDArray[np.int64]) -> int:
        """Index offset from a voxel of `volume` to its neighbour `tap`."""
        target = volume
        if tap.volume in (REFERENCE, SECOND):
            target = int(references[volume, tap.volume - REFERENCE])
        elif tap.volume == MEAN:
            target = self.series
        return (target - volume) * self.volume + tap.dz * self.slice + tap.dy * self.row + tap.dx


@kernel
def open_slice(padded, start, row, source):  # type: ignore[no-untyped-def]
    """Fill the rows above a slice that starts at `start` with the first row of the slice at `source`."""
    first = source + TOP * row
    for y in range(TOP):
        for x in range(row):
            padded[start + y * row + x] = padded[first + x]


@kernel
def open_row(padded, start, row):  # type: ignore[no-untyped-def]
    """Fill the columns left of a row with the first sample of the row above."""
    above = padded[start - row + LEFT]
    for x in range(LEFT):
        padded[start + x] = above


@kernel
def close_row(padded, start, row):  # type: ignore[no-untyped-def]
    """Repeat the last sample of a row to its right."""
    last = padded[start + row - MARGIN_X + LEFT - 1]
    for x in range(row - MARGIN_X + LEFT, row):
        padded[start + x] = last


@kernel
def close_slice(padded, start, row, height):  # type: ignore[no-untyped-def]
    """Repeat the last row of a slice below it."""
    last = start + (TOP + height - 1) * row
    for y in range(1, MARGIN_Y - TOP + 1):
        for x in range(row):
            padded[last + y * row + x] = padded[last + x]


@kernel
def copy_slice(padded, start, source, length):  # type: ignore[no-untyped-def]
    """Copy a whole padded slice into a margin slice."""
    for i in range(length):
        padded[start + i] = padded[source + i]


@kernel
def enter_slice(padded, start, row, mode, source):  # type: ignore[no-untyped-def]
    """Fill what lies above a slice from the slice at `source`, if there is any slice before it (`mode` above 0)."""
    if mode > 0:
        open_slice(padded, start, row, source)


@kernel
def leave_slice(padded, start, row, height, z):  # type: ignore[no-untyped-def]
    """Fill what lies below a finished slice, and in front of the first one."""
    close_slice(padded, start, row, height)
    if z == 0:
        length = (height + MARGIN_Y) * row
        copy_slice(padded, start - length, start, length)


@kernel
def leave_volume(padded, first, row, height, depth):  # type: ignore[no-untyped-def]
    """Repeat the last slice of a finished volume that begins at `first` behind it."""
    length = (height + MARGIN_Y) * row
    behind = first + (depth + FRONT) * length
    copy_slice(padded, behind, behind - length, length)


@kernel
def update_mean(padded, total, volume, length, mean):  # type: ignore[no-untyped-def]
    """Add volume number `volume` to `total` and write the rounded mean of all so far to index `mean`."""
    count = volume + 1
    for i in range(length):
        total[i] += padded[volume * length + i]
        padded[mean + i] = (total[i] * 2 + count) // (count * 2)


@kernel
def stand_in(padded, i, row, beside):  # type: ignore[no-untyped-def]
    """Sample that takes the place of an absent one at `i`: what lies around and beside it, smoothed."""
    around = np.int64(padded[np.uint64(i - 1)]) + np.int64(padded[np.uint64(i - row)])
    return (around + 2 * np.int64(padded[np.uint64(i + beside)]) + 2) >> 2


@kernel
def fill_borders(padded, sizes, volume_number, reference, absent):  # type: ignore[no-untyped-def]
    """Fill the borders and `absent` samples of one volume, whose other samples are in place, as the traversal will find them."""
    depth, height, row = sizes[1], sizes[2], sizes[3] + MARGIN_X
    slice_ = (height + MARGIN_Y) * row
    volume = (depth + MARGIN_Z) * slice_
    for z in range(depth):
        start = volume_number * volume + (z + FRONT) * slice_
        if z > 0:
            open_slice(padded, start, row, start - slice_)
        elif volume_number > 0:
            open_slice(padded, start, row, start + (reference - volume_number) * volume)
        beside = -slice_ if z > 0 else -2 * row
        if volume_number > 0:
            beside = (reference - volume_number) * volume
        for y in range(height):
            begin = start + (y + TOP) * row
            open_row(padded, begin, row)
            if absent.size > 0:
                for i in range(begin + LEFT, begin + row - MARGIN_X + LEFT):
                    if absent[i]:
                        padded[i] = stand_in(padded, i, row, beside)
            close_row(padded, begin, row)
        close_slice(padded, start, row, height)
        if z == 0:
            copy_slice(padded, start - slice_, start, slice_)
    behind = volume_number * volume + (depth + FRONT) * slice_
    copy_slice(padded, behind, behind - slice_, slice_)
