"""Fitting the weights of expected magnitudes, in the encoder only: weighted least squares on a subsample of a band.

The spread of a magnitude is in proportion to what is expected of it, so a sample weighs ``1 / (expected + 1/2) ** 2``, with
the expectation of the round before (iteratively reweighted least squares). Sums run in a fixed order in IEEE doubles.
"""

import math

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet.magnitude_context import IN_BAND, WEIGHT_BITS, gather
from voxz.jit import allocating_kernel, at
from voxz.numerics.least_squares import BLOCK, add_block, add_rest, solve

SAMPLED_COEFFICIENTS = 12000
"""Coefficients of a band, evenly spaced, that weights are fitted to."""

ROUNDS = 2
RIDGE = 1e-4
LARGEST_WEIGHT = 1 << 13


@allocating_kernel
def _accumulate(samples, count, size, guess, moments):  # type: ignore[no-untyped-def]
    """Add the weighted second moments of `samples`, each weighed by what `guess` expects.

    Parameters
    ----------
    samples : float64 (samples, n), features, magnitude, and zeros that make n a multiple of eight
    count : rows that are filled
    size : features
    guess : float64 (size,), weight of each feature so far
    moments : float64 (n, n), upper triangle, added to
    """
    block = np.zeros((BLOCK, moments.shape[0]))
    filled = 0
    for i in range(count):
        line = samples[i]
        expected = 0.0
        for k in range(size):
            expected += guess[at(k)] * line[at(k)]
        weight = 1.0 / (max(expected, 0.0) + 0.5)
        row = block[filled]
        for k in range(size + 1):
            row[at(k)] = line[at(k)] * weight
        filled += 1
        if filled == BLOCK:
            add_block(moments, block)
            filled = 0
    add_rest(moments, block, filled)


def number_of_weights(planes: int) -> int:
    """Weights of a band with `planes` features known as a whole: those inside the band, and a constant, come in addition."""
    return IN_BAND + planes + 1


def default_weights(planes: int) -> NDArray[np.int64]:
    """Weights before anything was fitted, for `planes` features known as a whole."""
    one = 1 << WEIGHT_BITS
    weights = np.zeros(number_of_weights(planes), np.int64)
    weights[[0, 3, 8]] = one // 4
    weights[IN_BAND::2] = one // 32
    weights[-1] = one // 16
    return weights


def fit_weights(magnitudes: NDArray[np.int32], known: NDArray[np.int32]) -> NDArray[np.int64]:
    """Weights for a band with margins and `known` planes ``(features, z, y, x)``."""
    size = number_of_weights(len(known))
    width = width_of(size)
    count = math.prod(known.shape[1:])
    step = max(1, count // SAMPLED_COEFFICIENTS)
    samples = np.zeros((min(count, SAMPLED_COEFFICIENTS), width))
    taken = gather(magnitudes, known, step, samples)
    guess = default_weights(known.shape[0]) / (1 << WEIGHT_BITS)
    for _ in range(ROUNDS):
        moments = np.zeros((width, width))
        _accumulate(samples, taken, size, guess, moments)
        guess = np.zeros(size)
        solve(moments, taken, RIDGE, guess)
    return rounded(guess, LARGEST_WEIGHT)


def width_of(size: int) -> int:
    """Rows of a moment matrix for `size` features and a target: a multiple of eight."""
    return (size + 8) // 8 * 8


def rounded(weights: NDArray[np.float64], largest: int) -> NDArray[np.int64]:
    """Weights in whole units, up to the `largest`."""
    whole: NDArray[np.int64] = np.clip(np.rint(weights * (1 << WEIGHT_BITS)), -largest, largest).astype(np.int64)
    return whole
