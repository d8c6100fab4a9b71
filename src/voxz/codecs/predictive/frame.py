"""The frame of a walk, the same at all levels: what a brick is, which slice and row is next, and the borders around them.

What travels together through the kernels is a named tuple; numba passes these at no cost. Indices are into padded arrays, see
`padding`; dense values are whole numbers from 0 to `highest`, see `value_map`.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.predictive.padding import (
    TOP,
    around,
    close_row,
    enter_slice,
    leave_slice,
    leave_volume,
    left_of,
    open_row,
    right_of,
    strides_of,
    update_mean,
)
from voxz.jit import kernel


class Brick(NamedTuple):
    """The samples of a brick while they are coded.

    Attributes
    ----------
    samples : int32 (padded,), dense values
    errors : int32 (padded,), how far each sample was from its prediction, in 1/16 of a dense value, at most 2**20
    absent : bool (padded,), samples that are not coded; (0,) if all are
    total : int64 (volume,), sum of the volumes so far; (0,) for a single volume
    sizes : int64 (4,), series, depth, height, width
    highest : largest dense value
    """

    samples: NDArray[np.int32]
    errors: NDArray[np.int32]
    absent: NDArray[np.bool_]
    total: NDArray[np.int64]
    sizes: NDArray[np.int64]
    highest: int


class Slice(NamedTuple):
    """Where a walk is.

    Attributes
    ----------
    series, z : number of the volume and of the slice
    start : index of the padded slice
    source : index of the padded slice before, which may be one of the reference volume
    row : indices from one row to the next
    mode : 1 if there is a slice before, plus 2 if there is a volume before
    beside : indices to the co-located voxel in the reference volume, else in the slice before, else two rows up
    """

    series: int
    z: int
    start: int
    source: int
    row: int
    mode: int
    beside: int


@kernel
def slice_at(brick, references, series, z):  # type: ignore[no-untyped-def]
    """The `Slice` that has number `z` in volume number `series`.

    Parameters
    ----------
    brick : `Brick`
    references : int64 (series, 2), numbers of the volumes that come before each volume
    series, z : number of the volume, and of the slice in it
    """
    row, slice_, volume = strides_of(brick.sizes)
    mode = (1 if z > 0 else 0) + (2 if series > 0 else 0)
    start = series * volume + (z + around(brick.sizes[1])) * slice_
    to_reference = (references[series, 0] - series) * volume
    beside = -2 * row
    if series > 0:
        beside = to_reference
    elif z > 0:
        beside = -slice_
    source = start - slice_ if z > 0 else start + to_reference
    return Slice(series, z, start, source, row, mode, beside)


@kernel
def open_rows(brick, place, y):  # type: ignore[no-untyped-def]
    """Fill the columns left of row `y` of the slice at `place`, and what lies above row 0; return its first index."""
    if y == 0:
        enter_slice(brick.samples, place.start, place.row, place.mode, place.source)
        enter_slice(brick.errors, place.start, place.row, place.mode, place.source)
    left = left_of(brick.sizes[3])
    first = place.start + (y + TOP) * place.row + left
    open_row(brick.samples, first, place.row, left)
    open_row(brick.errors, first, place.row, left)
    return first


@kernel
def close_rows(brick, place, y, first):  # type: ignore[no-untyped-def]
    """Fill the columns right of row `y`, which is finished; behind the last also what lies around the slice.

    Parameters
    ----------
    brick : `Brick`
    place : `Slice`
    y : number of the row
    first : index of its first sample
    """
    width = brick.sizes[3]
    close_row(brick.samples, first + width, right_of(width))
    close_row(brick.errors, first + width, right_of(width))
    if y == brick.sizes[2] - 1:
        _leave(brick, place)


@kernel
def _leave(brick, place):  # type: ignore[no-untyped-def]
    """Fill what lies around a finished slice, and behind the volume that it ends."""
    series, depth, height = brick.sizes[0], brick.sizes[1], brick.sizes[2]
    row, slice_, volume = strides_of(brick.sizes)
    bordered = around(depth) > 0
    leave_slice(brick.samples, place.start, row, slice_, height, bordered and place.z == 0)
    leave_slice(brick.errors, place.start, row, slice_, height, bordered and place.z == 0)
    if place.z == depth - 1:
        if bordered:
            leave_volume(brick.samples, place.start, slice_)
            leave_volume(brick.errors, place.start, slice_)
        if series > 1:
            update_mean(brick.samples, brick.total, place.series, volume, series * volume)
