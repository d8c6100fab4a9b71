"""The adaptive counters that drive the binary coder.

A *counter* is ``probability << COUNT_BITS | count``: 22 bits of probability that the bit is 1, and how many bits it has
seen, up to a limit. It moves by ``1 / (count + 1.5)`` of the error: fast at first, then steadily.

Compiled code is fast only if few arrays are handed from kernel to kernel. So all that adapts is in one array `model`
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
"""Places of the tables in `model`."""


@kernel
def learn(bit, slot, limit, model):  # type: ignore[no-untyped-def]
    """Move the counter in `slot` towards `bit`.

    Parameters
    ----------
    bit : 0 or 1
    slot : place of the counter in `model`
    limit : bits that it counts at most, up to COUNT_MASK
    model : int32, see `walk.walk`
    """
    state = np.int64(model[at(slot)])
    count = state & COUNT_MASK
    p = state >> COUNT_BITS
    p += (((bit << PROBABILITY_BITS) - p) * np.int64(model[at(SHARE + count)])) >> 16
    model[at(slot)] = (p << COUNT_BITS) | min(count + 1, limit)


@kernel
def code_counted(bit, slot, limit, model, work, stream, decoding):  # type: ignore[no-untyped-def]
    """Code a bit with the probability of one counter, which learns from it; return it.

    Parameters
    ----------
    bit, slot, limit : as for `learn`; the bit may be anything when decoding
    model, work, stream, decoding : as for `walk.walk`
    """
    p = np.int64(model[at(slot)]) >> (COUNT_BITS + PROBABILITY_BITS - 16)
    bit = code_bit(bit, min(max(p, FLOOR), 65536 - FLOOR), work, stream, decoding)
    learn(bit, slot, limit, model)
    return bit


def fill_tables(model: NDArray[np.int32]) -> None:
    """Write the tables into `model`."""
    squash, stretch = tables()
    model[SQUASH:STRETCH] = squash
    model[STRETCH:SHARE] = stretch
    model[SHARE:TABLES_END] = 131072 // (2 * np.arange(COUNT_MASK + 1) + 3)
