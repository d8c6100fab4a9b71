"""The adaptive counters that drive the binary coder.

A *counter* is ``probability << COUNT_BITS | count``: 22 bits of probability that the bit is 1, and how many bits it has
seen, up to a limit. It moves by ``1 / (count + 1.5)`` of the error: fast at first, then steadily.

Compiled code is fast only if few arrays are handed from kernel to kernel. So all that adapts is in one array `state`
(int32) and all else in one array `work` (int64); constants in this room name the places in them.
"""

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.labels.logistic import FLOOR, LIMIT, tables
from voxz.entropy.binary import code_bit
from voxz.jit import at, kernel

COUNT_BITS, COUNT_MASK = 8, 255
PROBABILITY_BITS = 22
HALF = 1 << (COUNT_BITS + PROBABILITY_BITS - 1)
"""A counter that has seen nothing."""

SQUASH, STRETCH, SHARE = 0, 2 * LIMIT + 1, 2 * LIMIT + 1 + 4096
TABLES_END = SHARE + COUNT_MASK + 1
"""Places of the tables in `state`."""


@kernel
def learn(bit, slot, limit, state):  # type: ignore[no-untyped-def]
    """Move the counter in `slot` towards `bit`.

    Parameters
    ----------
    bit : 0 or 1
    slot : place of the counter in `state`
    limit : bits that it counts at most, up to COUNT_MASK
    state : int32, see `walk.walk`
    """
    known = np.int64(state[at(slot)])
    count = known & COUNT_MASK
    p = known >> COUNT_BITS
    p += (((bit << PROBABILITY_BITS) - p) * np.int64(state[at(SHARE + count)])) >> 16
    state[at(slot)] = (p << COUNT_BITS) | min(count + 1, limit)


@kernel
def code_counted(bit, slot, limit, state, work, stream, decoding):  # type: ignore[no-untyped-def]
    """Code a bit with the probability of one counter, which learns from it; return it.

    Parameters
    ----------
    bit, slot, limit : as for `learn`; the bit may be anything when decoding
    state, work, stream, decoding : as for `walk.walk`
    """
    p = np.int64(state[at(slot)]) >> (COUNT_BITS + PROBABILITY_BITS - 16)
    bit = code_bit(bit, min(max(p, FLOOR), 65536 - FLOOR), work, stream, decoding)
    learn(bit, slot, limit, state)
    return bit


def fill_tables(state: NDArray[np.int32]) -> None:
    """Write the tables into `state`."""
    squash, stretch = tables()
    state[SQUASH:STRETCH] = squash
    state[STRETCH:SHARE] = stretch
    state[SHARE:TABLES_END] = 131072 // (2 * np.arange(COUNT_MASK + 1) + 3)
