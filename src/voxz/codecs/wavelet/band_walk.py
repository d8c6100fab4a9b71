"""The walk over a band that encoder and decoder share: each index in a few binary decisions, mixed from three adaptive contexts.

An index is shifted right until about six decisions reach it; is it larger than 0, than 1, ...? Each answer is coded with a
mixture of three counters: by the bin of the expected magnitude; by what other bands and the band itself expect, apart; by the
three nearest magnitudes. The sign is coded in the same way: by where the coefficient leans (`leaning`), and by the signs of
four neighbours each, near and farther. The bits that were shifted out have equal chances.
"""

import numpy as np

from voxz.codecs.wavelet.band_rows import BESIDE, rows_around
from voxz.codecs.wavelet.magnitude_context import BINS, MOST_MAGNITUDE, UNIT_BITS, WEIGHT_BITS, bin_of, row_part
from voxz.codecs.wavelet.mixing import decide
from voxz.codecs.wavelet.sign_context import lean_of_row, signs_of_row, trit
from voxz.codecs.wavelet.trellis import magnitude_of
from voxz.entropy.binary import POSITION, code_bit
from voxz.jit import allocating_kernel, at, inlined_kernel, kernel

DEPTH = 10
"""Decisions that are told apart."""

LONGEST = 18
"""Decisions after which the rest follows in an Exp-Golomb code of equal chances."""

HALF = 1 << 15
_COARSE = 16
_NEAREST = 128
_DECISIONS = DEPTH * 2 * (BINS + _COARSE * _COARSE + _NEAREST)
_SIGNS = 81
_LEANS = 96
PLACES = _DECISIONS + 8 * (_LEANS + 2 * _SIGNS)
"""Counters in all."""
WEIGHTS = 3 * (2 * DEPTH * BINS + 8)
"""Weights of counters in all: for each decision and bin of the expected magnitude, and for signs by orientation."""

REACHED = 6 << (UNIT_BITS + 1)
MOST_BITS = 26


@inlined_kernel
def raw(value, length, coder, data, decoding):  # type: ignore[no-untyped-def]
    """Code the low bits of a number with equal chances; return them.

    Parameters
    ----------
    value : whole number from 0 on; anything when decoding
    length : bits
    coder, data, decoding : as for `code_band`
    """
    found = np.int64(0)
    for k in range(length - 1, -1, -1):
        found = (found << 1) | code_bit((value >> k) & 1, HALF, coder, data, decoding)
    return found


@inlined_kernel
def beyond(value, coder, data, decoding):  # type: ignore[no-untyped-def]
    """Code a number in an Exp-Golomb code; return it.

    Parameters
    ----------
    value : whole number from 0 on; anything when decoding
    coder, data, decoding : as for `code_band`
    """
    length = np.int64(0)
    while code_bit(np.int64((value + 1) >> (length + 1) > 0), HALF, coder, data, decoding) and length < MOST_BITS:
        length += 1
    low = raw(value + 1 - (np.int64(1) << length), length, coder, data, decoding)
    return (np.int64(1) << length) + low - 1


@inlined_kernel
def lean_bin(lean, expected):  # type: ignore[no-untyped-def]
    """One of 31 bins of the ratio of what a coefficient leans to and its expected magnitude."""
    size = min((abs(lean) * 24) // (expected + 16), 15)
    return 15 + size if lean >= 0 else 15 - size


@kernel
def _nearest_of_row(magnitudes, around, nearest):  # type: ignore[no-untyped-def]
    """Part of the context of the nearest magnitudes that finished rows give.

    Parameters
    ----------
    magnitudes : int32, rows of the band with margins
    around : `band_rows.Around`
    nearest : int64 (x,), filled
    """
    up, back = magnitudes[around.up], magnitudes[around.back]
    for x in range(nearest.size):
        i = x + BESIDE
        nearest[at(x)] = 4 * min(up[at(i)], 3) + min(back[at(i)], 3)


@inlined_kernel
def _code_size(size, expected, contexts, counters, weights, coder, data, decoding):  # type: ignore[no-untyped-def]
    """Code the size of an index; return it.

    Parameters
    ----------
    size : of the index; anything when decoding
    expected : magnitude, in 1/32 of half a step
    contexts : quantiser, bin of the expected magnitude, both apart as one number, nearest magnitudes
    counters, weights, coder, data, decoding : as for `code_band`
    """
    quantiser, bin_, apart, nearest = contexts
    shift = np.int64(0)
    while (expected >> shift) > REACHED:
        shift += 1
    high = size >> shift
    second = DEPTH * 2 * BINS + apart
    third = DEPTH * 2 * (BINS + _COARSE * _COARSE) + nearest * 2 + min(shift, 1)
    reached = np.int64(0)
    while True:
        node = (2 * reached if reached < DEPTH else 2 * DEPTH - 2) + quantiser
        a, b, c = node * BINS + bin_, second + node * (_COARSE * _COARSE), third + node * _NEAREST
        if not decide(counters, a, b, c, weights, 3 * a, coder, data, np.int64(high > reached), decoding):
            break
        reached += 1
        if reached == LONGEST:
            reached += beyond(high - reached, coder, data, decoding)
            break
    return (reached << shift) | raw(size, shift, coder, data, decoding)


@allocating_kernel
def code_band(band, mixing, counters, coder, data, decoding):  # type: ignore[no-untyped-def]
    """Code the indices of a band; decoding fills them and the magnitudes. False for a damaged stream.

    Parameters
    ----------
    band : `band_context.CodedBand`
    mixing : float64 (WEIGHTS,), weights of the counters of each decision
    counters : int32 (PLACES,), see `mixing`
    coder : int64 (4,), see `voxz.entropy.binary`
    data : uint8 (bytes,)
    decoding : whether `data` is decoded
    """
    magnitudes, signed, orientation = band.magnitudes, band.signed, band.orientation
    weights, leaning, after, quantiser = band.weights, band.leaning, band.after, band.quantiser
    depth, height, width = band.indices.shape
    lines = np.zeros((5, width), np.int64)
    line, leans, beside, farther, nearest = lines[0], lines[1], lines[2], lines[3], lines[4]
    lean_1, lean_2 = np.int64(leaning[0]) << UNIT_BITS, np.int64(leaning[1]) << UNIT_BITS
    west, west_2 = np.int64(weights[0]) << UNIT_BITS, np.int64(weights[1]) << UNIT_BITS
    state = np.int64(0)
    for z in range(depth):
        for y in range(height):
            if decoding and coder[POSITION] > data.size:
                return False
            around = rows_around(z, y, height, magnitudes.shape[0] - 1)
            row_part(magnitudes, around, weights, line)
            lean_of_row(signed, around, leaning, leans)
            signs_of_row(signed, around, beside, farther)
            _nearest_of_row(magnitudes, around, nearest)
            row, signs, indices, sums = magnitudes[around.row], signed[around.row], band.indices[z, y], band.sums[z, y]
            value_1, value_2 = np.int64(0), np.int64(0)
            for x in range(width):
                here = line[at(x)] + west * abs(value_1) + west_2 * abs(value_2)
                outside = sums[at(x)]
                expected = max((here + outside) >> WEIGHT_BITS, 0)
                outer = bin_of(max(outside >> WEIGHT_BITS, 0)) >> 2
                inner = bin_of(max(here >> WEIGHT_BITS, 0)) >> 2
                near = 16 * min(abs(value_1), np.int64(3)) + nearest[at(x)]
                index, q = np.int64(indices[at(x)]), quantiser[at(state)]
                contexts = q, bin_of(expected), outer * _COARSE + inner, near
                size = _code_size(abs(index), expected, contexts, counters, mixing, coder, data, decoding)
                if size >> MOST_BITS:
                    return False
                value = np.int64(0)
                if size > 0:
                    lean = (leans[at(x)] + lean_1 * value_1 + lean_2 * value_2) >> WEIGHT_BITS
                    a = orientation * _LEANS + lean_bin(lean, expected) * 3 + min(size, 3) - 1
                    b = 8 * _LEANS + orientation * _SIGNS + 27 * trit(value_1) + beside[at(x)]
                    c = 8 * _LEANS + (8 + orientation) * _SIGNS + 9 * trit(value_2) + farther[at(x)]
                    a, b, c = _DECISIONS + a, _DECISIONS + b, _DECISIONS + c
                    first = 3 * (2 * DEPTH * BINS + orientation)
                    negative = decide(counters, a, b, c, mixing, first, coder, data, np.int64(index < 0), decoding)
                    value = min(magnitude_of(size, q), np.int64(MOST_MAGNITUDE))
                    row[at(x + BESIDE)] = value
                    value = -value if negative else value
                    index = -size if negative else size
                    signs[at(x + BESIDE)] = value
                    indices[at(x)] = index
                value_1, value_2 = value, value_1
                state = after[at(state), at(size & 1)]
    return True
