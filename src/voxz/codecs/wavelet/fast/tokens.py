"""Tokens of indices: small magnitudes themselves; of larger ones the octave and the two bits below the leading one, the rest raw.

::

    0 .. DIRECT - 1                             themselves
    DIRECT + 4 * (length - SHORTEST) + two bits length is the place of the leading bit; length - 2 bits follow raw
"""

import numpy as np

from voxz.codecs.wavelet.fast.split_rows import LANES
from voxz.entropy.bits import get_bits, put_bits
from voxz.jit import apart_kernel, at

DIRECT = 64
SHORTEST, LONGEST = 6, 23
TOKENS = DIRECT + 4 * (LONGEST - SHORTEST + 1)
LARGEST_INDEX = (1 << (LONGEST + 1)) - 1


@apart_kernel
def tokens_of(sizes, count, tokens, raw, bit):  # type: ignore[no-untyped-def]
    """Fill the tokens of the magnitudes of indices; return the position behind the raw bits.

    Parameters
    ----------
    sizes : int32 (count or more,), up to LARGEST_INDEX
    count : how many, filled up
    tokens : uint8 (count or more,), filled
    raw : int64 (words,), zeros behind the position, bits from the lowest on
    bit : position of the next raw bit
    """
    largest = np.int32(0)
    for first in range(0, count, LANES):
        for lane in range(LANES):
            size = sizes[at(first + lane)]
            largest = max(largest, size)
            tokens[at(first + lane)] = np.uint8(size)
    if largest < DIRECT:
        return bit
    for i in range(count):
        size = np.int64(sizes[at(i)])
        if size >= DIRECT:
            length = SHORTEST
            while size >> (length + 1):
                length += 1
            low = length - 2
            bit = put_bits(raw, bit, size & ((1 << low) - 1), low)
            tokens[at(i)] = DIRECT + 4 * (length - SHORTEST) + ((size >> low) & 3)
    return bit


@apart_kernel
def sizes_of(tokens, count, sizes, raw, bit):  # type: ignore[no-untyped-def]
    """Fill the magnitudes of indices from their tokens; return the position behind the raw bits that were read.

    Parameters
    ----------
    tokens : uint8 (count or more,)
    count : how many, filled up
    sizes : int32 (count or more,), filled
    raw : uint32 (words,), with room behind the end
    bit : position of the next raw bit
    """
    largest = np.uint8(0)
    for first in range(0, count, LANES):
        for lane in range(LANES):
            token = tokens[at(first + lane)]
            largest = max(largest, token)
            sizes[at(first + lane)] = np.int32(token)
    if largest < DIRECT:
        return bit
    for i in range(count):
        token = np.int64(tokens[at(i)])
        if token >= DIRECT:
            low = ((token - DIRECT) >> 2) + SHORTEST - 2
            sizes[at(i)] = ((4 + (token & 3)) << low) | get_bits(raw, bit, low)
            bit += low
    return bit
