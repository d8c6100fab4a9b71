"""From residuals to tokens of the fast walk and back, a phase of a row at a time.

A context whose residuals are large keeps their low `shift` bits raw, as in `entropy.residual`. What remains is a token itself
while it lies within ``+-DIRECT``; beyond, the token says the sign and the bit length of the excess, whose bits below the leading
one are raw::

    0 .. 2 * DIRECT                      -DIRECT .. DIRECT
    2 * DIRECT + 1 + 2 * length + sign   excess of 2**length .. 2**(length + 1) - 1

Most phases have neither shifts nor excesses, and one subtraction a voxel gives their residuals.
"""

import numpy as np

from voxz.entropy.bits import get_bits, put_bits
from voxz.jit import apart_kernel, at

DIRECT = 110
LARGEST_LENGTH = 16
TOKENS = 2 * DIRECT + 1 + 2 * (LARGEST_LENGTH + 1)
LARGEST_SHIFT = 16

LARGEST_RESIDUAL = (1 << 16) - 1
"""Samples have 16 bits: only damaged residuals are larger, and are limited to this."""


@apart_kernel
def tokenise(residuals, tables, shifts, tokens, counts, raw):  # type: ignore[no-untyped-def]
    """Fill the token of each residual, the token counts of each table, and the raw bits; return how many bits.

    Residuals are within ``+-LARGEST_RESIDUAL``, so a voxel has at most 17 raw bits.

    Parameters
    ----------
    residuals : int32 (voxels,)
    tables : uint8 (voxels,), table of each
    shifts : int64 (tables,), raw low bits
    tokens : uint8 (voxels,), filled
    counts : int64 (tables, TOKENS), added to
    raw : int64 (words,), zeros at first, bits from the lowest on
    """
    bit = np.int64(0)
    for i in range(residuals.size):
        table = tables[i]
        shift = np.int64(shifts[table])
        residual = np.int64(residuals[i])
        value = residual >> shift
        token = value + DIRECT
        if value < -DIRECT or value > DIRECT:
            excess = abs(value) - DIRECT
            length = 0
            while (excess >> (length + 1)) > 0:
                length += 1
            bit = put_bits(raw, bit, excess - (np.int64(1) << length), length)
            token = 2 * DIRECT + 1 + 2 * length + (1 if value < 0 else 0)
        if shift > 0:
            bit = put_bits(raw, bit, residual & ((np.int64(1) << shift) - 1), shift)
        tokens[i] = token
        counts[table, token] += 1
    return bit


@apart_kernel
def residuals_of(tokens, contexts, count, shifts, first_shifted, raw, bit, residuals, unusual):  # type: ignore[no-untyped-def]
    """Turn the tokens of a phase of a row into residuals; return the position behind the raw bits that were read.

    Parameters
    ----------
    tokens : uint8 (count or more,)
    contexts : int16 (count or more,)
    count : tokens
    shifts : int64 (contexts,), raw low bits in each context
    first_shifted : first context that has raw low bits
    raw : uint32 (words,), with room behind the end, see `walk.Source`
    bit : position of the next raw bit
    residuals : int32 (count or more,), filled, within ``+-LARGEST_RESIDUAL``
    unusual : int32 (count + 1,), room for the places of voxels with raw bits
    """
    largest = np.uint8(0)
    last = np.int16(0)
    for x in range(count):
        token = tokens[at(x)]
        residuals[at(x)] = np.int32(np.int32(token) - DIRECT)
        largest = max(largest, token)
        last = max(last, contexts[at(x)])
    if largest <= 2 * DIRECT and last < first_shifted:
        return bit
    some = 0
    for x in range(count):
        unusual[at(some)] = x
        some += np.int64(tokens[at(x)] > 2 * DIRECT) | np.int64(contexts[at(x)] >= first_shifted)
    for i in range(some):
        x = np.int64(unusual[i])
        token = np.int64(tokens[at(x)])
        shift = np.int64(shifts[at(contexts[at(x)])])
        value = token - DIRECT
        if token > 2 * DIRECT:
            length = (token - 2 * DIRECT - 1) >> 1
            value = DIRECT + (np.int64(1) << length) + get_bits(raw, bit, length)
            bit += length
            if (token - 2 * DIRECT - 1) & 1:
                value = -value
        if shift > 0:
            value = (value << shift) | get_bits(raw, bit, shift)
            bit += shift
        residuals[at(x)] = np.int32(min(max(value, -LARGEST_RESIDUAL), LARGEST_RESIDUAL))
    return bit
