"""Fitting the weights of contexts, in the encoder only: weighted least squares on some rows of a band.

The spread of a magnitude is in proportion to what is expected of it, so a sample weighs ``1 / (expected + 1/2) ** 2``. Sums run
in a fixed order in IEEE doubles.
"""

import math

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet.context_fit import width_of
from voxz.codecs.wavelet.fast.contexts import (
    EXPECTING,
    LARGEST_CONSTANT,
    LARGEST_WEIGHTS,
    LEANING,
    NEAR,
    ONE,
    TIMES,
)
from voxz.codecs.wavelet.fast.split_rows import starts_around
from voxz.codecs.wavelet.fast.walk import Band, Room, parents_of_row
from voxz.jit import allocating_kernel, inlined_kernel, kernel
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


@inlined_kernel
def _features(plane, around, phase, half, i, line):  # type: ignore[no-untyped-def]
    """Fill the sums of the neighbours of a coefficient.

    Parameters
    ----------
    plane : uint8 or int8 (places,), see `split_rows`
    around, phase, half : as for `contexts.near`
    i : column of the phase
    line : float64 (NEAR or more,), filled
    """
    own, west = 1 + phase * half + i, (1 - phase) * (half - 1) + 1 + i
    line[0] = plane[around.up + own]
    line[1] = np.int64(plane[around.up + west]) + np.int64(plane[around.up + west + 1])
    line[2] = plane[around.top + own]
    line[3] = plane[around.back + own]
    line[4] = np.int64(plane[around.back + west]) + np.int64(plane[around.back + west + 1])
    line[5] = np.int64(plane[around.above + own]) + np.int64(plane[around.below + own])
    line[6] = np.int64(plane[around.row + west]) + np.int64(plane[around.row + west + 1]) if phase else 0


@allocating_kernel
def _moments(band, phase, every, room, sizes, signs):  # type: ignore[no-untyped-def]
    """Add the weighted second moments of features and magnitudes, and of features and signed values, of some rows.

    Parameters
    ----------
    band : `walk.Band`, whose magnitudes and signs are known
    phase : 0 or 1
    every : of so many rows one is taken
    room : `walk.Room`
    sizes, signs : float64 (n, n), upper triangles, added to; n is a multiple of eight
    """
    depth, height, width = band.shape
    evens = (width + 1) // 2
    count = evens - phase * (width & 1)
    half = band.pitch // 2
    size_block, sign_block = np.zeros((BLOCK, sizes.shape[0])), np.zeros((BLOCK, signs.shape[0]))
    size_rows, sign_rows = 0, 0
    weights = band.weights[phase]
    for number in range(every // 2, depth * height, every):
        z, y = number // height, number % height
        around = starts_around(z, y, band.shape, band.pitch)
        parents_of_row(band, z, y, evens, room.parents)
        own = around.row + 1 + phase * half
        for i in range(count):
            line = size_block[size_rows]
            _features(band.magnitudes, around, phase, half, i, line)
            line[NEAR], line[NEAR + 1] = room.parents[phase, i], 1.0
            expected = 0.0
            for k in range(NEAR + 2):
                expected += line[k] * weights[k]
            share = 1.0 / (max(expected / ONE, 0.0) + 0.5)
            size = band.magnitudes[own + i]
            line[NEAR + 2] = size - expected / ONE
            for k in range(NEAR + 3):
                line[k] *= share
            size_rows += 1
            if size_rows == BLOCK:
                add_block(sizes, size_block)
                size_rows = 0
            if size == 0:
                continue
            line = sign_block[sign_rows]
            _features(band.signed, around, phase, half, i, line)
            total = 2.0 + size
            lean = 0.0
            for k in range(NEAR):
                total += abs(line[k])
                lean += line[k] * band.leaning[phase, k]
            line[NEAR] = band.signed[own + i] - lean / ONE
            for k in range(NEAR + 1):
                line[k] /= total
            sign_rows += 1
            if sign_rows == BLOCK:
                add_block(signs, sign_block)
                sign_rows = 0
    add_rest(sizes, size_block, size_rows)
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
        sizes, signs = np.zeros((PADDED, PADDED)), np.zeros((SIGNS_PADDED, SIGNS_PADDED))
        size_change, sign_change = np.zeros(EXPECTING), np.zeros(LEANING)
        _moments(band, phase, every, room, sizes, signs)
        solve(sizes, SAMPLED, PULL, size_change)
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
