"""Prediction of a block from the samples beside it: a plane, a mean or one of 33 angles (as in H.265; Sullivan et al. 2012).

Samples beside a block of side n are a line of 4 n + 1: from 2 n below its upper left corner up to that, then 2 n to the right.
What is not decoded yet takes the value of the last one before it that is, in the order of the line; or the first one.
"""

import numpy as np

from voxz.codecs.wavelet.blocks.layout import FIRST_ANGLE, LARGEST, MEAN, PLANAR, UNIT
from voxz.jit import at, kernel

BESIDE = 4 * LARGEST + 1
"""Samples beside the largest block."""

ANGLES = np.array(
    [
        32,
        26,
        21,
        17,
        13,
        9,
        5,
        2,
        0,
        -2,
        -5,
        -9,
        -13,
        -17,
        -21,
        -26,
        -32,
        -26,
        -21,
        -17,
        -13,
        -9,
        -5,
        -2,
        0,
        2,
        5,
        9,
        13,
        17,
        21,
        26,
        32,
    ]
)
"""Shift from row to row, or from column to column in the first half, in 1/32 of a sample."""

UPRIGHT = 16
"""First angle that goes from row to row."""

ACROSS_ROWS, ACROSS_COLUMNS = 8, 24
"""Angles without shift."""

SMOOTHED_FROM = np.array([9, 8, 2, 1])
"""By size: how far from these an angle has to be for samples beside the block to be smoothed."""


@kernel
def _reach(known, i, j, down, most):  # type: ignore[no-untyped-def]
    """Units of a row or column of the map that are known from a place on.

    Parameters
    ----------
    known : uint8, see `layout.Slice`
    i, j : the place; may lie outside
    down : whether it goes down, else to the right
    most : units at most
    """
    if i < 0 or j < 0:
        return 0
    count = 0
    while count < most:
        a, b = (i + count, j) if down else (i, j + count)
        if a >= known.shape[0] or b >= known.shape[1] or not known[a, b]:
            break
        count += 1
    return count


@kernel
def look_beside(plane, known, y, x, side, line):  # type: ignore[no-untyped-def]
    """Fill the line of samples beside a block.

    Parameters
    ----------
    plane : float64 (y, x)
    known : uint8, see `layout.Slice`
    y, x, side : the block
    line : float64 (BESIDE,), its first 4 side + 1 filled
    """
    corner, i, j = 2 * side, y // UNIT, x // UNIT
    left = UNIT * _reach(known, i, j - 1, True, corner // UNIT)
    top = UNIT * _reach(known, i - 1, j, False, corner // UNIT)
    if left == 0 and top == 0:
        for k in range(2 * corner + 1):
            line[at(k)] = 0.0
        return
    line[corner] = plane[y - 1, x - 1] if left and top else plane[y, x - 1] if left else plane[y - 1, x]
    for k in range(left):
        line[at(corner - 1 - k)] = plane[at(y + k), at(x - 1)]
    for k in range(left, corner):
        line[at(corner - 1 - k)] = line[corner - left]
    for k in range(top):
        line[at(corner + 1 + k)] = plane[at(y - 1), at(x + k)]
    for k in range(top, corner):
        line[at(corner + 1 + k)] = line[corner + top]


@kernel
def smooth(line, side, found):  # type: ignore[no-untyped-def]
    """Fill `found` with a smoothed line.

    Parameters
    ----------
    line : float64 (BESIDE,)
    side : of the block
    found : float64 (BESIDE,), filled
    """
    last = 4 * side
    found[0], found[last] = line[0], line[last]
    for k in range(1, last):
        found[at(k)] = 0.25 * line[at(k - 1)] + 0.5 * line[at(k)] + 0.25 * line[at(k + 1)]


@kernel
def _plane(line, side, found):  # type: ignore[no-untyped-def]
    """Fill a block between the samples left of it and above it, and the two at their ends.

    Parameters
    ----------
    line : float64 (BESIDE,)
    side : of the block
    found : float64, filled
    """
    corner, share = 2 * side, 1.0 / (2 * side)
    below, right = line[corner - side - 1], line[corner + side + 1]
    for y in range(side):
        left = line[corner - 1 - y]
        for x in range(side):
            across = np.float64(side - 1 - x) * left + np.float64(x + 1) * right
            down = np.float64(side - 1 - y) * line[at(corner + 1 + x)] + np.float64(y + 1) * below
            found[y, at(x)] = (across + down) * share


@kernel
def _mean(line, side, found):  # type: ignore[no-untyped-def]
    """Fill a block with the mean of the samples left of it and above it; unless it is of the largest size, its edges go over.

    Parameters
    ----------
    line : float64 (BESIDE,)
    side : of the block
    found : float64, filled
    """
    corner, total = 2 * side, 0.0
    for k in range(side):
        total += line[corner - 1 - k] + line[corner + 1 + k]
    mean = total * (1.0 / (2 * side))
    for y in range(side):
        for x in range(side):
            found[y, at(x)] = mean
    if side == LARGEST:
        return
    for k in range(1, side):
        found[0, k] = 0.25 * line[corner + 1 + k] + 0.75 * mean
        found[k, 0] = 0.25 * line[corner - 1 - k] + 0.75 * mean
    found[0, 0] = 0.25 * (line[corner + 1] + line[corner - 1]) + 0.5 * mean


@kernel
def _angle(line, side, number, run, found):  # type: ignore[no-untyped-def]
    """Fill a block along an angle.

    Parameters
    ----------
    line : float64 (BESIDE,)
    side : of the block
    number : of the angle
    run : float64 (BESIDE,), room
    found : float64, filled
    """
    corner, angle, upright = 2 * side, ANGLES[number], number >= UPRIGHT
    way = 1 if upright else -1
    for k in range(2 * side + 1):
        run[side + k] = line[corner + way * k]
    if angle < 0:
        for k in range(1, side + 1):
            run[side - k] = line[corner - way * min((64 * k - angle) // (-2 * angle), 2 * side)]
    for u in range(side):
        shift = (u + 1) * angle
        first, part = side + 1 + (shift >> 5), np.float64(shift & 31) / 32.0
        for v in range(side):
            value = run[at(first + v)]
            if part > 0.0:
                value = (1.0 - part) * value + part * run[at(first + v + 1)]
            if upright:
                found[u, at(v)] = value
            else:
                found[at(v), u] = value
    if angle == 0 and side < LARGEST:
        for k in range(side):
            if upright:
                found[k, 0] += 0.5 * (line[corner - 1 - k] - line[corner])
            else:
                found[0, k] += 0.5 * (line[corner + 1 + k] - line[corner])


@kernel
def predict(lines, size, mode, found):  # type: ignore[no-untyped-def]
    """Fill the prediction of a block.

    Parameters
    ----------
    lines : float64 (3, BESIDE), samples beside it, the same smoothed, and room
    size : of the block
    mode : PLANAR, MEAN or FIRST_ANGLE and above
    found : float64, filled
    """
    side, number = UNIT << size, mode - FIRST_ANGLE
    if mode == PLANAR:
        _plane(lines[1] if size > 0 else lines[0], side, found)
    elif mode == MEAN:
        _mean(lines[0], side, found)
    else:
        apart = min(abs(number - ACROSS_ROWS), abs(number - ACROSS_COLUMNS))
        _angle(lines[1] if apart >= SMOOTHED_FROM[size] else lines[0], side, number, lines[2], found)
