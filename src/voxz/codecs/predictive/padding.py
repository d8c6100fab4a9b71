"""The padded array a brick is predicted in, and the rules that fill its borders.

Samples of a brick ``(series, z, y, x)`` are kept in one flat int32 array with a border, so that every
neighbour of every voxel exists and is found by adding an offset to the index:

* 4 columns to the left and right, 3 rows above and 2 below, 1 slice in front and 1 behind;
* one extra volume at the end when there is a series: the running mean of the volumes coded so far.

Borders repeat samples, so short axes need less: what lies farther than an axis is long equals what lies as far. An axis of
one or two has 1 or 2 columns to the left, 1 to the right, 1 row below; a single slice has none in front and behind.
`Geometry.offsets` takes a neighbour farther away from where its value is kept.

The border is filled with samples that the decoder already has (`enter_slice`, `open_row`, `close_row`,
`leave_slice`, `leave_volume`, called by the traversals in this order), so it never leaks what is still to come.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.predictive.neighbourhood import Tap
from voxz.jit import at, inlined_kernel, kernel

Scalar = TypeVar("Scalar", bound=np.generic)

TOP = 3
"""Rows above a slice, for all heights: the second row up has neighbours, too."""

MOST_BESIDE, MOST_BELOW = 4, 2
"""Columns on either side, and rows below."""

SLACK = 32


@kernel
def left_of(width):  # type: ignore[no-untyped-def]
    """Columns to the left of a brick that is so wide."""
    return min(MOST_BESIDE, width)


@kernel
def right_of(width):  # type: ignore[no-untyped-def]
    """Columns to its right."""
    return min(MOST_BESIDE, max(1, width - 1))


@kernel
def below(height):  # type: ignore[no-untyped-def]
    """Rows below a slice that is so high."""
    return min(MOST_BELOW, max(1, height - 1))


@kernel
def around(depth):  # type: ignore[no-untyped-def]
    """Slices in front of a volume that is so deep, and behind it."""
    return 1 if depth > 1 else 0


@kernel
def strides_of(sizes):  # type: ignore[no-untyped-def]
    """Samples from a row, a slice and a volume to the next; `sizes` are series, depth, height, width."""
    row = left_of(sizes[3]) + sizes[3] + right_of(sizes[3])
    slice_ = (TOP + sizes[2] + below(sizes[2])) * row
    return row, slice_, (sizes[1] + 2 * around(sizes[1])) * slice_


@dataclass(frozen=True)
class Geometry:
    """Sizes of a brick and the strides of its padded array."""

    series: int
    depth: int
    height: int
    width: int

    @functools.cached_property
    def row(self) -> int:
        """Samples from a row to the next."""
        return int(left_of(self.width) + self.width + right_of(self.width))

    @functools.cached_property
    def slice(self) -> int:
        """Samples from a slice to the next."""
        return (TOP + self.height + int(below(self.height))) * self.row

    @functools.cached_property
    def volume(self) -> int:
        """Samples from a volume to the next."""
        return (self.depth + 2 * int(around(self.depth))) * self.slice

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
        front, left = int(around(self.depth)), int(left_of(self.width))
        volumes = padded[:-SLACK].reshape(-1, self.volume // self.slice, self.slice // self.row, self.row)
        return volumes[: self.series, front : front + self.depth, TOP : TOP + self.height, left : left + self.width]

    def index(self, volume: int, z: int, y: int, x: int) -> int:
        """Where a sample lies in the padded array."""
        place = volume * self.volume + (z + int(around(self.depth))) * self.slice
        return place + (y + TOP) * self.row + int(left_of(self.width)) + x

    def offsets(self, taps: Sequence[Tap], references: NDArray[np.int64]) -> NDArray[np.int64]:
        """Index offsets (series, taps) from a voxel of each volume to its neighbours.

        Parameters
        ----------
        taps : neighbours
        references : int64 (series, 2), numbers of the volumes that predict each volume
        """
        tap_volume, dz, dy, dx = _places(tuple(taps))
        dz = dz if self.depth > 1 else 0 * dz
        dy = np.minimum(dy, below(self.height))
        dx = np.clip(dx, -left_of(self.width), right_of(self.width))
        own = np.arange(self.series)
        targets = np.stack([own, references[:, 0], references[:, 1], np.full(self.series, self.series)], axis=1)
        volumes = targets[:, tap_volume] - own[:, None]  # by SELF, REFERENCE, SECOND, MEAN
        result: NDArray[np.int64] = volumes * self.volume + dz * self.slice + dy * self.row + dx
        return result

    def offsets_by_mode(self, taps: Sequence[Sequence[Tap]], references: NDArray[np.int64], room: int) -> NDArray[np.int64]:
        """`offsets` of the taps of each mode, (series, modes, room); zero where there are fewer taps, or no such mode."""
        offsets = np.zeros((self.series, len(taps), room), np.int64)
        for mode, own in enumerate(taps):
            volumes = slice(1, None) if mode & 2 else slice(0, 1)  # only the first volume has none to refer to
            offsets[volumes, mode, : len(own)] = self.offsets(own, references)[volumes]
        return offsets


@functools.lru_cache(64)
def _places(taps: tuple[Tap, ...]) -> NDArray[np.int64]:
    """Volume, dz, dy and dx (4, taps) of neighbours."""
    return np.array([(tap.volume, tap.dz, tap.dy, tap.dx) for tap in taps], np.int64).reshape(-1, 4).T


@kernel
def open_slice(padded, start, row, source):  # type: ignore[no-untyped-def]
    """Fill the rows above a slice that starts at `start` with the first row of the slice at `source`.

    Parameters
    ----------
    padded : int32 (padded,)
    start, source : indices of padded slices
    row : indices from one row to the next
    """
    first = source + TOP * row
    for y in range(TOP):
        copy(padded, start + y * row, first, row)


@kernel
def open_row(padded, first, row, left):  # type: ignore[no-untyped-def]
    """Fill the columns left of a row with the first sample of the row above.

    Parameters
    ----------
    padded : int32 (padded,)
    first : index of the row's first sample
    row : indices from one row to the next
    left : columns, `left_of` the width
    """
    above = padded[first - row]
    for x in range(first - left, first):
        padded[x] = above


@kernel
def close_row(padded, behind, right):  # type: ignore[no-untyped-def]
    """Repeat the last sample of a row, which ends before index `behind`, to its right."""
    last = padded[behind - 1]
    for x in range(behind, behind + right):
        padded[x] = last


@kernel
def close_slice(padded, start, row, height):  # type: ignore[no-untyped-def]
    """Repeat the last row of a slice below it.

    Parameters
    ----------
    padded, start, row : as for `open_slice`
    height : rows of the slice
    """
    last = start + (TOP + height - 1) * row
    for y in range(1, below(height) + 1):
        copy(padded, last + y * row, last, row)


@kernel
def copy(padded, to, source, length):  # type: ignore[no-untyped-def]
    """Copy some samples to another place.

    Parameters
    ----------
    padded : integers (padded,)
    to, source : indices of the first sample
    length : samples
    """
    for i in range(length):
        padded[at(to + i)] = padded[at(source + i)]


@kernel
def enter_slice(padded, start, row, mode, source):  # type: ignore[no-untyped-def]
    """Fill what lies above a slice from the slice at `source`, if there is any slice before it (`mode` above 0).

    Parameters
    ----------
    padded, start, row, source : as for `open_slice`
    mode : as in `frame.Slice`
    """
    if mode > 0:
        open_slice(padded, start, row, source)


@kernel
def leave_slice(padded, start, row, slice_, height, front):  # type: ignore[no-untyped-def]
    """Fill what lies below a finished slice, and in front of it if there is a border (`front`).

    Parameters
    ----------
    padded, start, row : as for `open_slice`
    slice_ : indices from one slice to the next
    height : rows of the slice
    front : whether a slice in front is filled, too
    """
    close_slice(padded, start, row, height)
    if front:
        copy(padded, start - slice_, start, slice_)


@kernel
def leave_volume(padded, last, slice_):  # type: ignore[no-untyped-def]
    """Repeat the `last` slice of a finished volume behind it."""
    copy(padded, last + slice_, last, slice_)


@kernel
def update_mean(padded, total, volume, length, mean):  # type: ignore[no-untyped-def]
    """Add volume number `volume` to `total` and write the rounded mean of all so far to index `mean`.

    Parameters
    ----------
    padded : int32 (padded,)
    total : int64 (length,), sum of the volumes so far, changed
    volume : number of the volume, from 0 on
    length : samples of a padded volume
    mean : index of the padded volume that holds the mean
    """
    count = volume + 1
    for i in range(length):
        total[i] += padded[volume * length + i]
        padded[mean + i] = (total[i] * 2 + count) // (count * 2)


@inlined_kernel
def stand_in(padded, i, row, beside):  # type: ignore[no-untyped-def]
    """Sample that takes the place of an absent one at `i`: what lies around and beside it, smoothed.

    Parameters
    ----------
    padded : int32 (padded,), dense values
    i : index of the voxel
    row, beside : as in `frame.Slice`
    """
    around = np.int64(padded[np.uint64(i - 1)]) + np.int64(padded[np.uint64(i - row)])
    return (around + 2 * np.int64(padded[np.uint64(i + beside)]) + 2) >> 2


@kernel
def fill_borders(padded, sizes, volume_number, reference, absent):  # type: ignore[no-untyped-def]
    """Fill the borders and `absent` samples of one volume, whose other samples are in place, as the traversal will find them.

    Parameters
    ----------
    padded : int32 (padded,), dense values
    sizes : int64 (4,), series, depth, height, width
    volume_number : of the volume that is filled
    reference : number of the volume that predicts it; not read for the first
    absent : bool (padded,), samples that are not coded; (0,) if all are
    """
    depth, height, width = sizes[1], sizes[2], sizes[3]
    row, slice_, volume = strides_of(sizes)
    front, left, right = around(depth), left_of(width), right_of(width)
    for z in range(depth):
        start = volume_number * volume + (z + front) * slice_
        if z > 0:
            open_slice(padded, start, row, start - slice_)
        elif volume_number > 0:
            open_slice(padded, start, row, start + (reference - volume_number) * volume)
        beside = -slice_ if z > 0 else -2 * row
        if volume_number > 0:
            beside = (reference - volume_number) * volume
        for y in range(height):
            first = start + (y + TOP) * row + left
            open_row(padded, first, row, left)
            if absent.size > 0:
                for i in range(first, first + width):
                    if absent[i]:
                        padded[i] = stand_in(padded, i, row, beside)
            close_row(padded, first + width, right)
        leave_slice(padded, start, row, slice_, height, front > 0 and z == 0)
        if front > 0 and z == depth - 1:
            leave_volume(padded, start, slice_)
