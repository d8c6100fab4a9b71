"""Cosine transforms of blocks in IEEE doubles, forwards and back: sums of products in a fixed order.

The basis is orthonormal but for its rounding: cosines come from a table of whole numbers, so all machines have the same.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet.blocks.layout import LARGEST, SIZES, UNIT
from voxz.entropy.fixed_point import read_table
from voxz.jit import at, kernel

FRACTION_BITS = 30

COSINES = read_table(Path(__file__).with_name("cosines.npy"), FRACTION_BITS)
"""``cos(pi k / 64)`` for k from 0 to 64."""


def _basis(side: int) -> NDArray[np.float64]:
    """Functions of a transform of so many samples, one in a row."""
    place = (2 * np.arange(side) + 1) * np.arange(side)[:, None] * (LARGEST // side) % 128
    values: NDArray[np.float64] = COSINES[np.where(place > 64, 128 - place, place)]
    values[0] = COSINES[16]
    values *= {4: COSINES[16], 8: 0.5, 16: 0.5 * COSINES[16], 32: 0.25}[side]
    return values


BASES = np.zeros((SIZES, LARGEST, LARGEST))
"""By size: functions in rows."""
for _size in range(SIZES):
    BASES[_size, : UNIT << _size, : UNIT << _size] = _basis(UNIT << _size)

TURNED = np.ascontiguousarray(BASES.transpose(0, 2, 1))
"""By size: functions in columns."""


@kernel
def _times(first, second, side, inner, product):  # type: ignore[no-untyped-def]
    """Fill the product of two matrices, summed in the order of the inner index.

    Parameters
    ----------
    first : float64 (side, inner or more)
    second : float64 (inner or more, side)
    side : rows and columns of the product
    inner : terms of each sum
    product : float64 (side, side), filled
    """
    for y in range(side):
        row = product[y]
        for x in range(side):
            row[at(x)] = 0.0
        for k in range(inner):
            factor, other = first[y, at(k)], second[k]
            for x in range(side):
                row[at(x)] += factor * other[at(x)]


@kernel
def analyse(block, size, room, found):  # type: ignore[no-untyped-def]
    """Fill the coefficients of a block.

    Parameters
    ----------
    block : float64, the samples in its upper left
    size : of the block
    room : float64, as large
    found : float64, as large, filled
    """
    side = UNIT << size
    _times(BASES[size], block, side, side, room)
    _times(room, TURNED[size], side, side, found)


@kernel
def synthesise(coefficients, size, most, room, found):  # type: ignore[no-untyped-def]
    """Fill the samples of a block.

    Parameters
    ----------
    coefficients : float64, those of the block in its upper left
    size : of the block
    most : rows and columns from which on all coefficients are zero
    room : float64, as large
    found : float64, as large, filled
    """
    side = UNIT << size
    _times(TURNED[size], coefficients, side, most, room)
    _times(room, BASES[size], side, most, found)
