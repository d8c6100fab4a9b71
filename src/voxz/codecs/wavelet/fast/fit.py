"""Fitting the weights of contexts, in the encoder only: weighted least squares on some rows of a band.

The spread of a magnitude is in proportion to what is expected of it, so a sample weighs ``1 / (expected + 1/2) ** 2``. Sums run
in a fixed order in IEEE doubles.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet.band_rows import Around
from voxz.codecs.wavelet.context_fit import width_of
from voxz.codecs.wavelet.fast.contexts import (
    EXPECTING,
    LARGEST_CONSTANT,
    LARGEST_WEIGHTS,
    LEANING,
    ONE,
    TIMES,
)
from voxz.codecs.wavelet.fast.split_rows import starts_around
from voxz.codecs.wavelet.fast.walk import Band, Room, parents_of_row
from voxz.jit import allocating_kernel, apart_kernel, at, inlined_kernel, kernel
from voxz.numerics.least_squares import BLOCK, add_block, add_rest, solve

SAMPLED = 2500
"""Coefficients of a phase that weights are fitted to, and those not zero for signs."""

FEWEST_APART, MOST_APART = 3, 32
"""Of at least so many rows one is taken, so that fitting takes a small part of the time of a band, and of so many at most."""

PULL = 300.0
"""Towards the weights before, in samples of average power."""

PADDED, SIGNS_PADDED = width_of(EXPECTING), width_of(LEANING)
"""Features and what they foretell, filled up to whole vectors."""

Weights = NDArray[np.int16]


class _Rows(NamedTuple):
    """A phase of a row that weights are fitted to.

    Attributes
    ----------
    around : `band_rows.Around`, where rows begin
    own, west : place behind that, of the first column and of the one to the west
    columns : how many
    odd : whether these are odd columns
    """

    around: Around
    own: int
    west: int
    columns: int
    odd: bool


@inlined_kernel
def _features(plane, rows, i):  # type: ignore[no-untyped-def]
    """Return the sums of the neighbours of column `i` in `plane`, uint8 or int8 (places,), as doubles; `rows` as in `_Rows`."""
    around, own, west = rows.around, rows.own + i, rows.west + i
    up, back, beside = around.up + west, around.back + west, around.row + west
    return (
        float(plane[at(around.up + own)]),
        float(np.int64(plane[at(up)]) + np.int64(plane[at(up + 1)])),
        float(plane[at(around.top + own)]),
        float(plane[at(around.back + own)]),
        float(np.int64(plane[at(back)]) + np.int64(plane[at(back + 1)])),
        float(np.int64(plane[at(around.above + own)]) + np.int64(plane[at(around.below + own)])),
        float(np.int64(plane[at(beside)]) + np.int64(plane[at(beside + 1)])) if rows.odd else 0.0,
    )


@apart_kernel
def _add_sizes(moments, block):  # type: ignore[no-untyped-def]
    """Add a block as `least_squares.add_block` does: the compiler knows how large it is, which halves the time.

    Parameters
    ----------
    moments : float64 (PADDED * PADDED,), of which the rows that belong to something are added to
    block : float64 (BLOCK * PADDED,)
    """
    for i in range(EXPECTING + 1):
        b0, b1, b2, b3 = block[i], block[PADDED + i], block[2 * PADDED + i], block[3 * PADDED + i]
        b4, b5, b6, b7 = block[4 * PADDED + i], block[5 * PADDED + i], block[6 * PADDED + i], block[7 * PADDED + i]
        for n in range(PADDED):
            j = at(n)
            first = b0 * block[j] + b1 * block[at(PADDED) + j]
            second = b2 * block[at(2 * PADDED) + j] + b3 * block[at(3 * PADDED) + j]
            third = b4 * block[at(4 * PADDED) + j] + b5 * block[at(5 * PADDED) + j]
            fourth = b6 * block[at(6 * PADDED) + j] + b7 * block[at(7 * PADDED) + j]
            moments[at(i * PADDED) + j] += (first + second) + (third + fourth)


@apart_kernel
def _take_sizes(plane, parents, rows, weights, block, filled, moments):  # type: ignore[no-untyped-def]
    """Add the weighted second moments of features and magnitudes; return how many rows of the `block` are filled.

    Parameters
    ----------
    plane : uint8 (places,), magnitudes, see `split_rows`
    parents : uint8 (columns,)
    rows : `_Rows`
    weights : float64 (EXPECTING,), those before
    block, filled : float64 (BLOCK * PADDED,), and how many of its rows are filled
    moments : as for `_add_sizes`
    """
    w0, w1, w2, w3, w4, w5, w6, w7, w8 = (
        weights[0],
        weights[1],
        weights[2],
        weights[3],
        weights[4],
        weights[5],
        weights[6],
        weights[7],
        weights[8],
    )
    for i in range(rows.columns):
        f0, f1, f2, f3, f4, f5, f6 = _features(plane, rows, i)
        f7 = float(parents[at(i)])
        expected = ((((((((f0 * w0) + f1 * w1) + f2 * w2) + f3 * w3) + f4 * w4) + f5 * w5) + f6 * w6) + f7 * w7) + w8
        share = 1.0 / (max(expected / ONE, 0.0) + 0.5)
        line = at(filled * PADDED)
        block[line], block[line + at(1)], block[line + at(2)], block[line + at(3)] = (
            f0 * share,
            f1 * share,
            f2 * share,
            f3 * share,
        )
        block[line + at(4)], block[line + at(5)], block[line + at(6)], block[line + at(7)] = (
            f4 * share,
            f5 * share,
            f6 * share,
            f7 * share,
        )
        block[line + at(8)] = share
        block[line + at(9)] = (float(plane[at(rows.around.row + rows.own + i)]) - expected / ONE) * share
        filled += 1
        if filled == BLOCK:
            _add_sizes(moments, block)
            filled = 0
    return filled


@apart_kernel
def _take_signs(plane, rows, weights, block, filled, moments):  # type: ignore[no-untyped-def]
    """Add the weighted second moments of features and signed values; return how many rows of the `block` are filled.

    Parameters
    ----------
    plane : int8 (places,), signed values, see `split_rows`
    rows : `_Rows`
    weights : float64 (LEANING,), those before
    block, filled : float64 (BLOCK, SIGNS_PADDED), and how many of its rows are filled
    moments : float64 (SIGNS_PADDED, SIGNS_PADDED), upper triangle, added to
    """
    w0, w1, w2, w3, w4, w5, w6 = weights[0], weights[1], weights[2], weights[3], weights[4], weights[5], weights[6]
    for i in range(rows.columns):
        value = float(plane[at(rows.around.row + rows.own + i)])
        if value != 0.0:
            f0, f1, f2, f3, f4, f5, f6 = _features(plane, rows, i)
            total = (((((((2.0 + abs(value)) + abs(f0)) + abs(f1)) + abs(f2)) + abs(f3)) + abs(f4)) + abs(f5)) + abs(f6)
            lean = ((((((f0 * w0) + f1 * w1) + f2 * w2) + f3 * w3) + f4 * w4) + f5 * w5) + f6 * w6
            line = block[filled]
            line[0], line[1], line[2], line[3] = f0 / total, f1 / total, f2 / total, f3 / total
            line[4], line[5], line[6], line[7] = f4 / total, f5 / total, f6 / total, (value - lean / ONE) / total
            filled += 1
            if filled == BLOCK:
                add_block(moments, block)
                filled = 0
    return filled


@allocating_kernel
def _moments(band, phase, every, room, sizes, signs):  # type: ignore[no-untyped-def]
    """Add the weighted second moments of features and magnitudes, and of features and signed values, of some rows.

    Parameters
    ----------
    band : `walk.Band`, whose magnitudes and signs are known
    phase : 0 or 1
    every : of so many rows one is taken
    room : `walk.Room`
    sizes, signs : as for `_take_sizes` and `_take_signs`
    """
    depth, height, width = band.shape
    evens, half = (width + 1) // 2, band.pitch // 2
    size_block, sign_block = np.zeros(BLOCK * PADDED), np.zeros((BLOCK, SIGNS_PADDED))
    size_rows, sign_rows = 0, 0
    weights, leaning = band.weights[phase].astype(np.float64), band.leaning[phase].astype(np.float64)
    for number in range(every // 2, depth * height, every):
        z, y = number // height, number % height
        around = starts_around(z, y, band.shape, band.pitch)
        parents_of_row(band, z, y, evens, room.parents)
        rows = _Rows(around, 1 + phase * half, (1 - phase) * (half - 1) + 1, evens - phase * (width & 1), phase == 1)
        size_rows = _take_sizes(band.magnitudes, room.parents[phase], rows, weights, size_block, size_rows, sizes)
        sign_rows = _take_signs(band.signed, rows, leaning, sign_block, sign_rows, signs)
    if size_rows > 0:
        size_block[size_rows * PADDED :] = 0.0
        _add_sizes(sizes, size_block)
    add_rest(signs, sign_block, sign_rows)


@kernel
def _round_weights(change, before, times, target):  # type: ignore[no-untyped-def]
    """Fill weights in whole numbers of 1/ONE, within their bounds; what has no times is the constant.

    Parameters
    ----------
    change : float64 (n,), what is added to the weights before
    before : int16 (n,), these in 1/ONE
    times : int64 (n or more,), as `contexts.TIMES`
    target : int16 (n,), filled
    """
    reach = 1.0
    for k in range(change.size):
        change[k] = (change[k] + before[k] / ONE) * ONE
        reach += abs(change[k]) * times[k]
    share = min(1.0, (LARGEST_WEIGHTS - change.size) / reach)
    for k in range(change.size):
        weight = np.rint(change[k] * share)
        target[k] = weight if times[k] > 0 else min(max(weight, 0.0), float(LARGEST_CONSTANT))


@allocating_kernel
def _fit(band, every, room, times, expecting, leaning):  # type: ignore[no-untyped-def]
    """Fill the weights of magnitudes and of signs for both phases of a band.

    Parameters
    ----------
    band, every, room : as for `_moments`
    times : as for `_round_weights`
    expecting, leaning : int16 (2, EXPECTING) and (2, LEANING), filled
    """
    for phase in range(2):
        sizes, signs = np.zeros(PADDED * PADDED), np.zeros((SIGNS_PADDED, SIGNS_PADDED))
        size_change, sign_change = np.zeros(EXPECTING), np.zeros(LEANING)
        _moments(band, phase, every, room, sizes, signs)
        solve(sizes.reshape(PADDED, PADDED), SAMPLED, PULL, size_change)
        solve(signs, SAMPLED, PULL, sign_change)
        _round_weights(size_change, band.weights[phase], times, expecting[phase])
        _round_weights(sign_change, band.leaning[phase], times, leaning[phase])


def rows_apart(shape: tuple[int, int, int]) -> int:
    """Of how many rows of a band of this `shape` one is taken."""
    return min(max(FEWEST_APART, math.prod(shape) // (2 * SAMPLED)), MOST_APART)


def fit_weights(band: Band, every: int, room: Room) -> tuple[Weights, Weights]:
    """Weights of magnitudes and of signs for both phases of a band, from one of so many rows."""
    expecting, leaning = np.zeros((2, EXPECTING), np.int16), np.zeros((2, LEANING), np.int16)
    _fit(band, every, room, TIMES, expecting, leaning)
    return expecting, leaning


@kernel
def within_bounds(weights, times):  # type: ignore[no-untyped-def]
    """Whether no sum with the weights of a phase leaves 16 bits.

    Parameters
    ----------
    weights : integers (neighbours and constant,)
    times : integers (the same,), as `contexts.TIMES`: how often one is added; 0 for the constant
    """
    reach = 0
    for k in range(weights.size):
        reach += abs(weights[k]) * times[k]
        if times[k] == 0 and not 0 <= weights[k] <= LARGEST_CONSTANT:
            return False
    return reach <= LARGEST_WEIGHTS
