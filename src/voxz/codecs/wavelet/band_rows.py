"""The rows of a band that a walk looks at, and where the band ends.

Only rows have margins, of BESIDE columns; what lies above a slice, below it or before the first one is one row of nothing that
all share. So a band takes the same memory whichever of its axes is long: with margins all around, one that is a single row of
coefficients along z would take fifteen times their number.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.jit import kernel

BESIDE = 2
"""Columns of margin on either side of a row."""


class Around(NamedTuple):
    """Rows that are known when a row is coded.

    Attributes
    ----------
    row, up, top : itself, one row up, two rows up
    back, above, below : of the slice before: the same row, one row up, one row down
    far : the same row two slices before
    """

    row: NDArray[np.int32]
    up: NDArray[np.int32]
    top: NDArray[np.int32]
    back: NDArray[np.int32]
    above: NDArray[np.int32]
    below: NDArray[np.int32]
    far: NDArray[np.int32]


def with_margins(shape: tuple[int, ...]) -> NDArray[np.int32]:
    """Zeros for the magnitudes of a band ``(z, y, x)``, with margins."""
    return np.zeros((*shape[:2], shape[2] + 2 * BESIDE), np.int32)


def inside(band: NDArray[np.int32]) -> NDArray[np.int32]:
    """View of a band without its margins."""
    return band[:, :, BESIDE:-BESIDE]


@kernel
def row_of(band, z, y, nothing):  # type: ignore[no-untyped-def]
    """A row of a band with margins; where there is none, `nothing`, a row as long."""
    if z < 0 or y < 0 or y >= band.shape[1]:
        return nothing
    return band[z, y]


@kernel
def rows_around(band, z, y, nothing):  # type: ignore[no-untyped-def]
    """The rows around row y of slice z, as views; `nothing` for those that do not exist."""
    return Around(
        band[z, y],
        row_of(band, z, y - 1, nothing),
        row_of(band, z, y - 2, nothing),
        row_of(band, z - 1, y, nothing),
        row_of(band, z - 1, y - 1, nothing),
        row_of(band, z - 1, y + 1, nothing),
        row_of(band, z - 2, y, nothing),
    )
