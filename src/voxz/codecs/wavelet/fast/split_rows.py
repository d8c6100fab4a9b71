"""Rows of a band whose even and odd columns lie apart, so that a phase of a row is one piece of memory.

A row is a guard, its even columns, two guards, its odd columns, a guard. Columns of a phase are filled up to whole vectors of
LANES; guards and what fills up are zeros, and stand for what lies beside a row. Rows ``z * height + y`` follow each other; one
more, of zeros, stands for all those that do not exist (`voxz.codecs.wavelet.band_rows`). Everything is flat: the compiler makes
no vectors of loops over rows of arrays of two dimensions.
"""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from voxz.codecs.wavelet.band_rows import Around, rows_around
from voxz.jit import inlined_kernel

LANES = 16
"""Loops over the columns of a phase run over so many at once, which the compiler makes vectors of."""


@inlined_kernel
def padded(width: int) -> int:
    """Columns of a phase of a row of this width, filled up."""
    return ((width + 1) // 2 + LANES - 1) // LANES * LANES


def pitch_of(width: int) -> int:
    """Places of a row of this width; those of its odd columns begin in the middle."""
    return 2 * padded(width) + 4


def empty_rows(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Zeros for a value of each coefficient of a band of this `shape`, flat."""
    return np.zeros((shape[0] * shape[1] + 1) * pitch_of(shape[2]), dtype)


@inlined_kernel
def starts_around(z, y, shape, pitch):  # type: ignore[no-untyped-def]
    """Where rows around one begin, as an `Around`.

    Parameters
    ----------
    z, y : slice and row, from 0
    shape : slices, rows and columns of the band
    pitch : places of a row
    """
    rows = rows_around(z, y, shape[1], shape[0] * shape[1])
    return Around(
        rows.row * pitch,
        rows.up * pitch,
        rows.top * pitch,
        rows.back * pitch,
        rows.above * pitch,
        rows.below * pitch,
        rows.far * pitch,
    )
