"""Which way a coefficient leans: a linear prediction of it from signed coefficients around it, for coding its sign.

Wavelets leave neighbours correlated, most of all in smooth, interpolated or low-noise images. The prediction is a weighted sum
of TAPS neighbours earlier in the band, with weights in 1/1024 that the encoder fits by least squares and sends.
"""

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet.band_rows import BESIDE, rows_around
from voxz.codecs.wavelet.context_fit import RIDGE, SAMPLED_COEFFICIENTS, rounded, width_of
from voxz.codecs.wavelet.magnitude_context import UNIT_BITS, short
from voxz.jit import allocating_kernel, at, inlined_kernel, kernel
from voxz.numerics.least_squares import BLOCK, add_block, add_rest, solve

TAPS = 13
"""West, second west, north-west, north, north-east, second north; of the slice before, the same place and its four neighbours;
its counterpart two slices before; the north-east of the slice before."""

LARGEST_LEAN = 1 << 12


@kernel
def neighbours(signed, around, x, taps):  # type: ignore[no-untyped-def]
    """Fill `taps` with the neighbours of a coefficient.

    Parameters
    ----------
    signed : int32, rows of the band with margins, magnitudes with signs, in half steps
    around : `band_rows.Around`
    x : place in the row, with margins
    taps : int64 (TAPS,), filled
    """
    row, up, top = signed[around.row], signed[around.up], signed[around.top]
    same, above = signed[around.back], signed[around.above]
    taps[0], taps[1] = row[x - 1], row[x - 2]
    taps[2], taps[3], taps[4], taps[5] = up[x - 1], up[x], up[x + 1], top[x]
    taps[6], taps[7], taps[8], taps[9] = same[x], same[x - 1], same[x + 1], above[x]
    taps[10] = signed[around.below, x]
    taps[11] = signed[around.far, x]
    taps[12] = above[x + 1]


@allocating_kernel
def _accumulate(signed, height, step, moments):  # type: ignore[no-untyped-def]
    """Add the weighted second moments of neighbours and coefficient; return how many coefficients were taken.

    Parameters
    ----------
    signed : int32, rows of the band with margins, magnitudes with signs, in half steps
    height : rows of a slice
    step : of every so many coefficients that are not zero one is taken
    moments : float64 (n, n), upper triangle, added to; n is above TAPS and a multiple of eight
    """
    depth, width = (signed.shape[0] - 1) // height, signed.shape[1] - 2 * BESIDE
    taps = np.zeros(TAPS, np.int64)
    block = np.zeros((BLOCK, moments.shape[0]))
    filled, count, left = 0, np.int64(0), np.int64(step)
    for z in range(depth):
        for y in range(height):
            around = rows_around(z, y, height, signed.shape[0] - 1)
            for x in range(width):
                value = np.int64(signed[around.row, x + BESIDE])
                if value == 0:
                    continue
                left -= 1
                if left:
                    continue
                left = np.int64(step)
                neighbours(signed, around, x + BESIDE, taps)
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


def fit_leaning(signed: NDArray[np.int32], height: int, nonzero: int) -> NDArray[np.int64]:
    """Weights for the rows of a band of signed magnitudes with slices of `height` rows, of which `nonzero` are not zero."""
    moments = np.zeros((width_of(TAPS), width_of(TAPS)))
    count = _accumulate(signed, height, max(1, nonzero // SAMPLED_COEFFICIENTS), moments)
    found = np.zeros(TAPS)
    solve(moments, count, RIDGE, found)
    return rounded(found, LARGEST_LEAN)


@kernel
def lean_of_row(signed, around, weights, line):  # type: ignore[no-untyped-def]
    """Sum over finished rows.

    Parameters
    ----------
    signed : int32, rows of the band with margins, magnitudes with signs, in half steps
    around : `band_rows.Around`
    weights : int64 (TAPS,), in ``2**-WEIGHT_BITS``
    line : int64 (x,), filled, in ``2**-(WEIGHT_BITS + UNIT_BITS)`` of half a step
    """
    up, top, same, above = signed[around.up], signed[around.top], signed[around.back], signed[around.above]
    below, behind = signed[around.below], signed[around.far]
    w2, w3, w4, w5 = short(weights[2]), short(weights[3]), short(weights[4]), short(weights[5])
    w6, w7, w8, w9 = short(weights[6]), short(weights[7]), short(weights[8]), short(weights[9])
    w10, w11, w12 = short(weights[10]), short(weights[11]), short(weights[12])
    for x in range(line.size):
        i = x + BESIDE
        total = w2 * up[at(i - 1)] + w3 * up[at(i)] + w4 * up[at(i + 1)] + w5 * top[at(i)]
        total += w6 * same[at(i)] + w7 * same[at(i - 1)] + w8 * same[at(i + 1)] + w9 * above[at(i)]
        total += w10 * below[at(i)] + w11 * behind[at(i)] + w12 * above[at(i + 1)]
        line[at(x)] = total << UNIT_BITS


@inlined_kernel
def trit(value):  # type: ignore[no-untyped-def]
    """0, 1 or 2 for a negative number, zero and a positive one."""
    return np.int64(value > 0) - np.int64(value < 0) + 1


@kernel
def signs_of_row(signed, around, beside, farther):  # type: ignore[no-untyped-def]
    """Part of the contexts of signs that finished rows give.

    Parameters
    ----------
    signed : int32, rows of the band with margins, magnitudes with signs
    around : `band_rows.Around`
    beside : int64 (x,), filled: north, north-west and north-east, as digits of base 3, 9, 3 and 1
    farther : int64 (x,), filled: slice before, second north and two slices before, 27, 3 and 1
    """
    up, top, back, far = signed[around.up], signed[around.top], signed[around.back], signed[around.far]
    for x in range(beside.size):
        i = x + BESIDE
        beside[at(x)] = 9 * trit(up[at(i)]) + 3 * trit(up[at(i - 1)]) + trit(up[at(i + 1)])
        farther[at(x)] = 27 * trit(back[at(i)]) + 3 * trit(top[at(i)]) + trit(far[at(i)])
