"""The rows of a band that a walk looks at, and where the band ends.

A band is kept as its rows ``(z * height + y, x)`` and behind them a row of nothing, which stands for all that lie above a slice,
below it or before the first. Only rows have margins, of BESIDE columns. So a band takes little more than its coefficients,
whichever of its axes is long: with margins on all sides, a column along z takes fifteen times their number.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.jit import kernel

BESIDE = 2
"""Columns of margin on either side of a row."""


class Around(NamedTuple):
    """Numbers of the rows that are known when a row is coded.

    Attributes
    ----------
    row, up, top : itself, one row up, two rows up
    back, above, below : of the slice before: the same row, one row up, one row down
    far : the same row two slices before
    """

    row: int
    up: int
    top: int
    back: int
    above: int
    below: int
    far: int


def with_margins(shape: tuple[int, ...]) -> NDArray[np.int32]:
    """Zeros for the magnitudes of a band ``(z, y, x)``."""
    return np.zeros((shape[0] * shape[1] + 1, shape[2] + 2 * BESIDE), np.int32)


def inside(rows: NDArray[np.int32], shape: tuple[int, ...]) -> NDArray[np.int32]:
    """View ``(z, y, x)`` of the coefficients of a band of this `shape`."""
    return rows[:-1, BESIDE:-BESIDE].reshape(shape)


@kernel
def rows_around(z, y, height, nothing):  # type: ignore[no-untyped-def]
    """Numbers of the rows around one.

    Parameters
    ----------
    z, y : slice and row, from 0
    height : rows of a slice
    nothing : number of the rows that do not exist
    """
    row = z * height + y
    up, below = y > 0, y + 1 < height
    return Around(
        row,
        row - 1 if up else nothing,
        row - 2 if y > 1 else nothing,
        row - height if z > 0 else nothing,
        row - height - 1 if z > 0 and up else nothing,
        row - height + 1 if z > 0 and below else nothing,
        row - 2 * height if z > 1 else nothing,
    )
