"""Which way a coefficient leans: a linear prediction of it from signed coefficients around it, for coding its sign.

Wavelets leave neighbours correlated, most of all in smooth, interpolated or low-noise images. The prediction is a weighted sum
of TAPS neighbours earlier in the band, with weights in 1/1024 that the encoder fits by least squares and sends.
"""

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet.context_fit import RIDGE, SAMPLED_COEFFICIENTS, rounded, width_of
from voxz.codecs.wavelet.magnitude_context import FRONT, LEFT, TOP, UNIT_BITS
from voxz.jit import allocating_kernel, at, kernel
from voxz.numerics.least_squares import BLOCK, add_block, add_rest, solve

TAPS = 13
"""West, second west, north-west, north, north-east, second north; of the slice before, the same place and its four neighbours;
its counterpart two slices before; the north-east of the slice before."""

LARGEST_LEAN = 1 << 12


@kernel
def neighbours(signed, z, y, x, taps):  # type: ignore[no-untyped-def]
    """Fill `taps` with the neighbours of a coefficient; z, y, x with margins.

    Parameters
    ----------
    signed : int32 (z, y, x), padded, magnitudes with signs, in half steps
    z, y, x : place of the coefficient, with margins
    taps : int64 (TAPS,), filled
    """
    row, up, top = signed[z, y], signed[z, y - 1], signed[z, y - 2]
    same, above = signed[z - 1, y], signed[z - 1, y - 1]
    last = np.int64(y + 1 < signed.shape[1])
    below = signed[z - 1, min(y + 1, signed.shape[1] - 1)]
    taps[0], taps[1] = row[x - 1], row[x - 2]
    taps[2], taps[3], taps[4], taps[5] = up[x - 1], up[x], up[x + 1], top[x]
    taps[6], taps[7], taps[8], taps[9] = same[x], same[x - 1], same[x + 1], above[x]
    taps[10] = below[x] * last
    taps[11] = signed[z - 2, y, x]
    taps[12] = above[x + 1]


@allocating_kernel
def _accumulate(signed, step, moments):  # type: ignore[no-untyped-def]
    """Add the weighted second moments of neighbours and coefficient; return how many coefficients were taken.

    Parameters
    ----------
    signed : int32 (z, y, x), padded, magnitudes with signs, in half steps
    step : of every so many coefficients that are not zero one is taken
    moments : float64 (n, n), upper triangle, added to; n is above TAPS and a multiple of eight
    """
    depth, height, width = signed.shape[0] - FRONT, signed.shape[1] - TOP, signed.shape[2] - 2 * LEFT
    taps = np.zeros(TAPS, np.int64)
    block = np.zeros((BLOCK, moments.shape[0]))
    filled, count, seen = 0, np.int64(0), np.int64(0)
    for z in range(depth):
        for y in range(height):
            for x in range(width):
                value = np.int64(signed[z + FRONT, y + TOP, x + LEFT])
                if value == 0:
                    continue
                seen += 1
                if seen % step:
                    continue
                neighbours(signed, z + FRONT, y + TOP, x + LEFT, taps)
                total = abs(value)
                for k in range(TAPS):
                    total += abs(taps[k])
                weight = 1.0 / (np.float64(total) + 2.0)
                for k in range(TAPS):
                    block[filled, k] = np.float64(taps[k]) * weight
                block[filled, TAPS] = np.float64(value) * weight
                filled += 1
                count += 1
                if filled == BLOCK:
                    add_block(moments, block)
                    filled = 0
    add_rest(moments, block, filled)
    return count


def fit_leaning(signed: NDArray[np.int32], nonzero: int) -> NDArray[np.int64]:
    """Weights for a padded band of signed magnitudes, of which `nonzero` are not zero."""
    moments = np.zeros((width_of(TAPS), width_of(TAPS)))
    count = _accumulate(signed, max(1, nonzero // SAMPLED_COEFFICIENTS), moments)
    found = np.zeros(TAPS)
    solve(moments, count, RIDGE, found)
    return rounded(found, LARGEST_LEAN)


@kernel
def lean_of_row(signed, z, y, weights, line):  # type: ignore[no-untyped-def]
    """Sum over finished rows.

    Parameters
    ----------
    signed : int32 (z, y, x), padded, magnitudes with signs, in half steps
    z, y : place of the row, with margins
    weights : int64 (TAPS,), in ``2**-WEIGHT_BITS``
    line : int64 (x,), filled, in ``2**-(WEIGHT_BITS + UNIT_BITS)`` of half a step
    """
    up, top = signed[z, y - 1], signed[z, y - 2]
    same, above, behind = signed[z - 1, y], signed[z - 1, y - 1], signed[z - 2, y]
    exists = y + 1 < signed.shape[1]
    below = signed[z - 1, y + 1 if exists else y]
    w10 = weights[10] if exists else np.int64(0)
    w2, w3, w4, w5, w6 = weights[2], weights[3], weights[4], weights[5], weights[6]
    w7, w8, w9, w11, w12 = weights[7], weights[8], weights[9], weights[11], weights[12]
    for x in range(line.size):
        i = x + LEFT
        total = w2 * up[at(i - 1)] + w3 * up[at(i)] + w4 * up[at(i + 1)] + w5 * top[at(i)]
        total += w6 * same[at(i)] + w7 * same[at(i - 1)] + w8 * same[at(i + 1)] + w9 * above[at(i)]
        total += w10 * below[at(i)] + w11 * behind[at(i)] + w12 * above[at(i + 1)]
        line[at(x)] = total << UNIT_BITS
