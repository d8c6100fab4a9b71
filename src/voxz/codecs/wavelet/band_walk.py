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
from voxz.codecs.wavelet.sign_context import lean_of_row
from voxz.codecs.wavelet.trellis import magnitude_of
from voxz.entropy.binary import POSITION, code_bit
from voxz.jit import allocating_kernel, at, inlined_kernel

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
def trit(value):  # type: ignore[no-untyped-def]
    """0, 1 or 2 for a negative number, zero and a positive one."""
    return np.int64(value > 0) - np.int64(value < 0) + 1


@inlined_kernel
def lean_bin(lean, expected):  # type: ignore[no-untyped-def]
    """One of 31 bins of the ratio of what a coefficient leans to and its expected magnitude."""
    size = min((abs(lean) * 24) // (expected + 16), 15)
    return 15 + size if lean >= 0 else 15 - size


@allocating_kernel
def code_band(band, mixing, counters, coder, data, decoding):  # type: ignore[no-untyped-def]
    """Code the indices of a band; decoding fills them and the magnitudes. False for a damaged stream.

    Parameters
    ----------
    band : `band_context.CodedBand`
    mixing : float64 (2 * DEPTH + 1, BINS, 3), weights of the counters of each decision
    counters : int64 (PLACES,), see `mixing`
    coder : int64 (4,), see `voxz.entropy.binary`
    data : uint8 (bytes,)
    decoding : whether `data` is decoded
    """
    magnitudes, signed, indices, sums, orientation = band.magnitudes, band.signed, band.indices, band.sums, band.orientation
    weights, leaning, after, quantiser = band.weights, band.leaning, band.after, band.quantiser
    width = indices.shape[2]
    line, leans = np.zeros(width, np.int64), np.zeros(width, np.int64)
    lean_1, lean_2 = np.int64(leaning[0]) << UNIT_BITS, np.int64(leaning[1]) << UNIT_BITS
    west, west_2 = np.int64(weights[0]) << UNIT_BITS, np.int64(weights[1]) << UNIT_BITS
    state = np.int64(0)
    for z in range(indices.shape[0]):
        for y in range(indices.shape[1]):
            if decoding and coder[POSITION] > data.size:
                return False
            around = rows_around(z, y, indices.shape[1], magnitudes.shape[0] - 1)
            row_part(magnitudes, around, weights, line)
            lean_of_row(signed, around, leaning, leans)
            signs, signs_up, signs_top = signed[around.row], signed[around.up], signed[around.top]
            signs_back, signs_far = signed[around.back], signed[around.far]
            row, up, back = magnitudes[around.row], magnitudes[around.up], magnitudes[around.back]
            for x in range(width):
                i = at(x + BESIDE)
                here = line[at(x)] + west * row[at(x + BESIDE - 1)] + west_2 * row[at(x + BESIDE - 2)]
                outside = sums[z, y, x]
                expected = max((here + outside) >> WEIGHT_BITS, 0)
                bin_ = bin_of(expected)
                outer = bin_of(max(outside >> WEIGHT_BITS, 0)) >> 2
                inner = bin_of(max(here >> WEIGHT_BITS, 0)) >> 2
                nearest = np.int64(16 * min(row[at(x + BESIDE - 1)], 3) + 4 * min(up[i], 3) + min(back[i], 3))
                shift = np.int64(0)
                while (expected >> shift) > REACHED:
                    shift += 1
                q = quantiser[state]
                index = np.int64(indices[z, y, x])
                size = abs(index)
                high = size >> shift
                reached = np.int64(0)
                while True:
                    node = (2 * reached if reached < DEPTH else 2 * DEPTH - 2) + q
                    a = node * BINS + bin_
                    b = DEPTH * 2 * BINS + (node * _COARSE + outer) * _COARSE + inner
                    c = DEPTH * 2 * (BINS + _COARSE * _COARSE) + node * _NEAREST + nearest * 2 + min(shift, 1)
                    more = decide(counters, a, b, c, mixing[node, bin_], coder, data, np.int64(high > reached), decoding)
                    if not more:
                        break
                    reached += 1
                    if reached == LONGEST:
                        reached += beyond(high - reached, coder, data, decoding)
                        break
                size = (reached << shift) | raw(size, shift, coder, data, decoding)
                if size >> MOST_BITS:
                    return False
                if size > 0:
                    beside = 3 * trit(signs[at(x + BESIDE - 1)]) + trit(signs_up[i])
                    beside = (beside * 3 + trit(signs_up[at(x + BESIDE - 1)])) * 3 + trit(signs_up[at(x + BESIDE + 1)])
                    farther = 3 * trit(signs_back[i]) + trit(signs[at(x + BESIDE - 2)])
                    farther = (farther * 3 + trit(signs_top[i])) * 3 + trit(signs_far[i])
                    lean = leans[at(x)] + lean_1 * signs[at(x + BESIDE - 1)] + lean_2 * signs[at(x + BESIDE - 2)]
                    a = _DECISIONS + orientation * _LEANS + lean_bin(lean >> WEIGHT_BITS, expected) * 3 + min(size, 3) - 1
                    b = _DECISIONS + 8 * _LEANS + orientation * _SIGNS + beside
                    c = _DECISIONS + 8 * _LEANS + (8 + orientation) * _SIGNS + farther
                    negative = decide(
                        counters, a, b, c, mixing[2 * DEPTH, orientation], coder, data, np.int64(index < 0), decoding
                    )
                    index = -size if negative else size
                else:
                    index = np.int64(0)
                indices[z, y, x] = index
                row[i] = min(magnitude_of(index, q), MOST_MAGNITUDE)
                signs[i] = row[i] if index > 0 else -row[i]
                state = after[state, size & 1]
    return True
