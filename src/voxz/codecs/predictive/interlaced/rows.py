"""The padded array of the fast walk: each row is two halves, the even columns and the odd ones.

::

    | border | even columns, filled up to whole vectors | border | border | odd columns ... | border |

Rows have two rows above and one below, slices one in front. Borders are filled with samples that the decoder already has:
`open_slice`, `close_half` and `close_slice` are called by every walk in this order.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.predictive.neighbourhood import REFERENCE, SECOND, Tap
from voxz.jit import at, kernel

Scalar = TypeVar("Scalar", bound=np.generic)

BORDER = 4
"""Samples to the left and to the right of each half."""

VECTOR = 32
"""Halves are filled up to a multiple of so many samples."""

TOP, BELOW, FRONT = 2, 1, 1
"""Rows above and below a slice, slices in front of a volume."""


@dataclass(frozen=True)
class Rows:
    """Sizes of a brick and the strides of its padded array."""

    series: int
    depth: int
    height: int
    width: int

    @property
    def evens(self) -> int:
        """Even columns of a row; there is one odd column fewer where the width is odd."""
        return (self.width + 1) // 2

    @property
    def half(self) -> int:
        """Samples from the even half of a row to its odd half."""
        return -(-self.evens // VECTOR) * VECTOR + 2 * BORDER

    @property
    def row(self) -> int:
        """Samples from a row to the next."""
        return 2 * self.half

    @property
    def slice(self) -> int:
        """Samples from a slice to the next."""
        return (self.height + TOP + BELOW) * self.row

    @property
    def volume(self) -> int:
        """Samples from a volume to the next."""
        return (self.depth + FRONT) * self.slice

    @property
    def size(self) -> int:
        """Samples of the padded array."""
        return self.series * self.volume + self.row

    def sizes(self) -> NDArray[np.int64]:
        """``[series, depth, height, width, half]`` for the kernels."""
        return np.array([self.series, self.depth, self.height, self.width, self.half], np.int64)

    def origin(self, volume: int, z: int, y: int) -> int:
        """Index of the first even column of a row."""
        return volume * self.volume + (z + FRONT) * self.slice + (y + TOP) * self.row + BORDER

    def offset(self, parity: int, tap: Tap, volume: int, references: NDArray[np.int64]) -> int:
        """Distance from column ``2 * k + parity`` of a volume, counted from ``k`` in the even half, to its neighbour `tap`."""
        target = int(references[volume, tap.volume - REFERENCE]) if tap.volume in (REFERENCE, SECOND) else volume
        column = parity + tap.dx
        within = (column & 1) * self.half + (column >> 1)
        return (target - volume) * self.volume + tap.dz * self.slice + tap.dy * self.row + within


@kernel
def row_at(sizes, s, z, y):  # type: ignore[no-untyped-def]
    """Index of the first even column of a row."""
    row = 2 * sizes[4]
    slice_ = (sizes[2] + TOP + BELOW) * row
    return (s * (sizes[1] + FRONT) + z + FRONT) * slice_ + (y + TOP) * row + BORDER


@kernel
def split_columns(dense, sizes, centre, padded):  # type: ignore[no-untyped-def]
    """Put dense values ``(series, z, y, x)``, less `centre`, in place in the padded array."""
    half = sizes[4]
    for s in range(sizes[0]):
        for z in range(sizes[1]):
            for y in range(sizes[2]):
                origin = row_at(sizes, s, z, y)
                line = dense[s, z, y]
                for x in range(sizes[3] // 2):
                    padded[at(origin + x)] = np.int16(np.int32(line[at(2 * x)]) - centre)
                    padded[at(origin + half + x)] = np.int16(np.int32(line[at(2 * x + 1)]) - centre)
                if sizes[3] & 1:
                    padded[origin + sizes[3] // 2] = np.int16(np.int32(line[sizes[3] - 1]) - centre)


@kernel
def join_columns(padded, sizes, centre, dense):  # type: ignore[no-untyped-def]
    """Inverse of `split_columns`."""
    half = sizes[4]
    for s in range(sizes[0]):
        for z in range(sizes[1]):
            for y in range(sizes[2]):
                origin = row_at(sizes, s, z, y)
                line = dense[s, z, y]
                for x in range(sizes[3] // 2):
                    line[at(2 * x)] = np.int32(padded[at(origin + x)]) + centre
                    line[at(2 * x + 1)] = np.int32(padded[at(origin + half + x)]) + centre
                if sizes[3] & 1:
                    line[sizes[3] - 1] = np.int32(padded[origin + sizes[3] // 2]) + centre


@kernel
def copy(padded, to, source, length):  # type: ignore[no-untyped-def]
    """Copy `length` samples from index `source` to index `to`."""
    for i in range(length):
        padded[to + i] = padded[source + i]


@kernel
def open_slice(padded, start, row, source):  # type: ignore[no-untyped-def]
    """Fill the rows above the slice at `start` with the first row of the slice at `source`."""
    for y in range(TOP):
        copy(padded, start + y * row, source + TOP * row, row)


@kernel
def close_half(padded, first, count):  # type: ignore[no-untyped-def]
    """Repeat the outer samples of the half row at `first` on both sides of its `count` samples."""
    for i in range(1, BORDER + 1):
        padded[first - i] = padded[first]
        padded[first + count - 1 + i] = padded[first + count - 1]


@kernel
def close_slice(padded, start, row, height, front):  # type: ignore[no-untyped-def]
    """Repeat the last row below a finished slice; where it is the first (`front`), the slice in front of it."""
    last = start + (TOP + height - 1) * row
    copy(padded, last + row, last, row)
    if front:
        length = (height + TOP + BELOW) * row
        copy(padded, start - length, start, length)
