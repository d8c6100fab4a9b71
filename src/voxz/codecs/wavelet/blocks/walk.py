"""The walk over the blocks of a slice, which encoder and decoder share; a decoder rebuilds each block at once."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet.blocks.contexts import CANDIDATES, FEATURES, kind_of
from voxz.codecs.wavelet.blocks.cosine import synthesise
from voxz.codecs.wavelet.blocks.layout import ACROSS, LARGEST, SIZES, UNIT
from voxz.codecs.wavelet.blocks.leaf_code import code_indices, code_last, code_mode, code_split
from voxz.codecs.wavelet.blocks.within import BESIDE, look_beside, predict, smooth
from voxz.jit import at, kernel


class Rooms(NamedTuple):
    """Room to work in.

    Attributes
    ----------
    lines : float64 (3, BESIDE), samples beside a block, the same smoothed, and more
    predicted, coefficients, half, rebuilt : float64 (LARGEST, LARGEST)
    modes : int64 (CANDIDATES,)
    features : float64 (FEATURES,)
    """

    lines: NDArray[np.float64]
    predicted: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    half: NDArray[np.float64]
    rebuilt: NDArray[np.float64]
    modes: NDArray[np.int64]
    features: NDArray[np.float64]

    @classmethod
    def new(cls) -> "Rooms":
        """Empty rooms."""
        predicted, coefficients, half, rebuilt = (np.zeros((LARGEST, LARGEST)) for _ in range(4))
        modes, features = np.zeros(CANDIDATES, np.int64), np.zeros(FEATURES)
        return cls(np.zeros((3, BESIDE)), predicted, coefficients, half, rebuilt, modes, features)


@kernel
def _fill_map(map_, y, x, size, value):  # type: ignore[no-untyped-def]
    """Set the entries of a block in a map.

    Parameters
    ----------
    map_ : uint8, see `layout.Slice`
    y, x, size : the block
    value : for them
    """
    i, j = y // UNIT, x // UNIT
    for k in range(i, i + (1 << size)):
        for m in range(j, j + (1 << size)):
            map_[at(k), at(m)] = value


@kernel
def predict_block(slice_, y, x, size, mode, rooms):  # type: ignore[no-untyped-def]
    """Fill `predicted` by a mode; but for ACROSS, `lines` have to hold the samples beside the block.

    Parameters
    ----------
    slice_ : `layout.Slice`
    y, x, size : the block
    mode : that predicts it
    rooms : `Rooms`
    """
    if mode == ACROSS:
        side = UNIT << size
        for row in range(side):
            for column in range(side):
                rooms.predicted[row, at(column)] = slice_.likely[y + row, at(x + column)]
    else:
        predict(rooms.lines, size, mode, rooms.predicted)


@kernel
def look_around(slice_, y, x, size, rooms):  # type: ignore[no-untyped-def]
    """Fill `lines` with the samples beside a block.

    Parameters
    ----------
    slice_ : `layout.Slice`
    y, x, size : the block
    rooms : `Rooms`
    """
    look_beside(slice_.samples, slice_.known, y, x, UNIT << size, rooms.lines[0])
    smooth(rooms.lines[0], UNIT << size, rooms.lines[1])


@kernel
def rebuild(slice_, y, x, size, last, rooms):  # type: ignore[no-untyped-def]
    """Fill `rebuilt` with `predicted` and what the indices of a block add.

    Parameters
    ----------
    slice_ : `layout.Slice`
    y, x, size : the block
    last : its diagonals that have indices
    rooms : `Rooms`
    """
    side, most, step = UNIT << size, min(last, UNIT << size), slice_.step
    for row in range(most):
        for column in range(most):
            rooms.coefficients[row, at(column)] = step * np.float64(slice_.indices[y + row, at(x + column)])
    synthesise(rooms.coefficients, size, most, rooms.half, rooms.rebuilt)
    for row in range(side):
        for column in range(side):
            rooms.rebuilt[row, at(column)] += rooms.predicted[row, at(column)]


@kernel
def take(slice_, y, x, size, mode, last, rooms):  # type: ignore[no-untyped-def]
    """Take `rebuilt` as the samples of a block, which then is known.

    Parameters
    ----------
    slice_ : `layout.Slice`
    y, x, size : the block
    mode : that predicts it
    last : its diagonals that have indices
    rooms : `Rooms`
    """
    for row in range(UNIT << size):
        for column in range(UNIT << size):
            slice_.samples[y + row, at(x + column)] = rooms.rebuilt[row, at(column)]
    _fill_map(slice_.sizes, y, x, size, size)
    _fill_map(slice_.modes, y, x, size, mode)
    _fill_map(slice_.lasts, y, x, size, last)
    _fill_map(slice_.known, y, x, size, 1)


@kernel
def _code_leaf(slice_, y, x, size, coding, rooms, decoding):  # type: ignore[no-untyped-def]
    """Code a block that is not split; False for a damaged stream.

    Parameters
    ----------
    slice_, coding, rooms, decoding : as for `_code_tree`
    y, x, size : the block
    """
    i, j = y // UNIT, x // UNIT
    mode = code_mode(slice_, y, x, size, coding, rooms.modes, np.int64(slice_.modes[i, j]), decoding)
    kind = kind_of(size, mode)
    last = code_last(slice_, y, x, size, kind, mode, coding, np.int64(slice_.lasts[i, j]), decoding)
    if last >= 2 * (UNIT << size):
        return False
    if not code_indices(slice_, y, x, size, kind, last, coding, rooms.features, decoding):
        return False
    if decoding:
        if mode != ACROSS:
            look_around(slice_, y, x, size, rooms)
        predict_block(slice_, y, x, size, mode, rooms)
        rebuild(slice_, y, x, size, last, rooms)
        take(slice_, y, x, size, mode, last, rooms)
    return True


@kernel
def _code_tree(slice_, top, left, coding, rooms, decoding):  # type: ignore[no-untyped-def]
    """Code a block of the largest size and all that it is split into; False for a damaged stream.

    Parameters
    ----------
    slice_ : `layout.Slice`; when decoding, filled
    top, left : of the block
    coding : `contexts.Coding`
    rooms : `Rooms`
    decoding : whether its stream is decoded
    """
    place = 0
    while place < 1 << (2 * (SIZES - 1)):
        y, x = top, left
        for bit in range(SIZES - 1):
            x += UNIT * (((place >> (2 * bit)) & 1) << bit)
            y += UNIT * (((place >> (2 * bit + 1)) & 1) << bit)
        size = SIZES - 1
        while place & ((1 << (2 * size)) - 1):
            size -= 1
        while size > 0:
            smaller = slice_.sizes[y // UNIT, x // UNIT] < size
            if not code_split(slice_, y, x, size, coding, smaller, decoding):
                break
            size -= 1
        if not _code_leaf(slice_, y, x, size, coding, rooms, decoding):
            return False
        place += 1 << (2 * size)
    return True


@kernel
def code_slice(slice_, coding, rooms, decoding):  # type: ignore[no-untyped-def]
    """Code a slice; False for a damaged stream.

    Parameters
    ----------
    slice_ : `layout.Slice`; when decoding, filled
    coding : `contexts.Coding`
    rooms : `Rooms`
    decoding : whether its stream is decoded
    """
    for top in range(0, slice_.samples.shape[0], LARGEST):
        for left in range(0, slice_.samples.shape[1], LARGEST):
            if not _code_tree(slice_, top, left, coding, rooms, decoding):
                return False
    return True
