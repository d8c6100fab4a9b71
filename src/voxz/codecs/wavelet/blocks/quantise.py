"""Indices of a block of least squared error and bits, in the encoder only.

From high to low frequencies each coefficient takes the nearest index, the one below or 0, whichever costs less beside those that
were chosen before it; then diagonals are left out from the highest on while that pays.
"""

import numpy as np

from voxz.codecs.wavelet.blocks.contexts import CLASSES, DEPTH, around_class, place_of, sums_around
from voxz.codecs.wavelet.blocks.costs import PREFIXES, bits
from voxz.codecs.wavelet.blocks.layout import UNIT
from voxz.codecs.wavelet.blocks.leaf_code import LONGEST, bits_of
from voxz.jit import at, kernel


@kernel
def _last_bits(costs, kind, last):  # type: ignore[no-untyped-def]
    """Guessed bits of the number of diagonals of a block.

    Parameters
    ----------
    costs : `costs.Costs`
    kind : of the block
    last : the number
    """
    length, total = bits_of(last), 0.0
    for k in range(min(length + 1, CLASSES - 1)):
        total += bits(costs.lasts[kind, k], k < length)
    prefix = 1
    for k in range(length - 2, -1, -1):
        bit = (last >> k) & 1
        total += bits(costs.lows[kind, length, prefix], bit) if prefix < PREFIXES else 1.0
        prefix = 2 * prefix + bit
    return total


@kernel
def _size_bits(counters, size):  # type: ignore[no-untyped-def]
    """Guessed bits of an index that is not 0, with its sign.

    Parameters
    ----------
    counters : int32 (DEPTH,), see `costs.Costs`
    size : its magnitude
    """
    total = 1.0
    for k in range(min(size, LONGEST)):
        total += bits(counters[min(k, DEPTH - 1)], 1)
    if size < LONGEST:
        return total + bits(counters[min(size, DEPTH - 1)], 0)
    return total + 1.0 + 2.0 * np.float64(bits_of(size - LONGEST + 1) - 1)


@kernel
def _highest(coefficients, side, unit, squares):  # type: ignore[no-untyped-def]
    """Highest diagonal with a coefficient of half a step or more, or -1; fills the squares of each diagonal, in squared steps.

    Parameters
    ----------
    coefficients : float64, those of the block in its upper left
    side : of the block
    unit : one by the step
    squares : float64 (2 side,), filled
    """
    highest = -1
    for k in range(2 * side):
        squares[k] = 0.0
    for row in range(side):
        for column in range(side):
            value = abs(coefficients[row, at(column)]) * unit
            squares[at(row + column)] += value * value
            if value >= 0.5:
                highest = max(highest, row + column)
    return highest


@kernel
def _choose_index(value, counters, price):  # type: ignore[no-untyped-def]
    """Magnitude of an index, and its cost.

    Parameters
    ----------
    value : magnitude of the coefficient, in steps
    counters : int32 (DEPTH,), see `costs.Costs`
    price : squared error, in squared steps, that a bit is worth
    """
    chosen, best = 0, value * value + price * bits(counters[0], 0)
    nearest = int(value + 0.5)
    for size in range(max(nearest - 1, 1), nearest + 1):
        cost = (value - size) * (value - size) + price * _size_bits(counters, size)
        if cost < best:
            chosen, best = size, cost
    return chosen, best


@kernel
def choose_indices(slice_, y, x, size, kind, coefficients, costs, price, diagonals):  # type: ignore[no-untyped-def]
    """Fill the indices of a block; return their cost, in squared steps, and the number of diagonals that have any.

    Parameters
    ----------
    slice_ : `layout.Slice`
    y, x, size : the block
    kind : of the block
    coefficients : float64, those of the block in its upper left
    costs : `costs.Costs`
    price : squared error, in squared steps, that a bit is worth
    diagonals : float64 (2, 64), room
    """
    side, unit, indices = UNIT << size, 1.0 / slice_.step, slice_.indices
    squares, chosen = diagonals[0], diagonals[1]
    for row in range(side):
        for column in range(side):
            indices[y + row, at(x + column)] = 0
    highest = _highest(coefficients, side, unit, squares)
    tail = 0.0
    for k in range(2 * side):
        tail += squares[k]
    best, last = tail + price * _last_bits(costs, kind, 0), 0
    for diagonal in range(highest, -1, -1):
        chosen[diagonal] = 0.0
        for row in range(max(0, diagonal - side + 1), min(diagonal, side - 1) + 1):
            column = diagonal - row
            near, far = sums_around(indices, y, x, row, column, side)
            counters = costs.sizes[kind, place_of(row, column, side), around_class(near + far)]
            value = coefficients[row, column]
            index, cost = _choose_index(abs(value) * unit, counters, price)
            indices[y + row, x + column] = index if value >= 0.0 else -index
            chosen[diagonal] += cost
    total = 0.0
    for diagonal in range(highest + 1):
        total += chosen[diagonal]
        tail -= squares[diagonal]
        cost = total + tail + price * _last_bits(costs, kind, diagonal + 1)
        if cost < best and _has_any(indices, y, x, diagonal, side):
            best, last = cost, diagonal + 1
    for row in range(side):
        for column in range(max(0, last - row), side):
            indices[y + row, at(x + column)] = 0
    return best, last


@kernel
def _has_any(indices, y, x, diagonal, side):  # type: ignore[no-untyped-def]
    """Whether an index of a diagonal of a block is not 0.

    Parameters
    ----------
    indices : int32 (y, x)
    y, x, side : the block
    diagonal : its number
    """
    found = False
    for row in range(max(0, diagonal - side + 1), min(diagonal, side - 1) + 1):
        found |= indices[y + row, x + diagonal - row] != 0
    return found
