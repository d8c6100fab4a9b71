"""Binary arithmetic coder and the adaptive counters that drive it.

The interval ``low .. high`` (32 bits) is cut in proportion to the probability of a one; bytes on which both ends agree
leave it (carry-free range coding as in lpaq, M. Mahoney 2007).

A *counter* is ``probability << COUNT_BITS | count``: 22 bits of probability that the bit is 1, and how many bits it has
seen, up to a limit. It moves by ``1 / (count + 1.5)`` of the error: fast at first, then steadily.

Compiled code is fast only if few arrays are handed from kernel to kernel. So all that adapts is in one array `model`
(int32) and all else in one array `work` (int64); constants in this room name the places in them.
"""

import numpy as np
from numpy.typing import NDArray

from voxz.jit import kernel
from voxz.segments.logistic import FLOOR, LIMIT, tables

at = np.uint64
"""Index type of the inner loops: unsigned, so that compiled code needs no test for indices counted from the end."""

COUNT_BITS, COUNT_MASK = 8, 255
PROBABILITY_BITS = 22
HALF = 1 << (COUNT_BITS + PROBABILITY_BITS - 1)
"""A counter that has seen nothing."""

LOW, HIGH, CODE, POSITION = 0, 1, 2, 3
"""Places of the coder in `work`."""

SQUASH, STRETCH, SHARE = 0, 2 * LIMIT + 1, 2 * LIMIT + 1 + 4096
TABLES_END = SHARE + COUNT_MASK + 1
"""Places of the tables in `model`."""

_TOP = 0xFF000000
_WORD = 0xFFFFFFFF
FLUSH = 4
"""Bytes that close a stream."""


@kernel
def code_bit(bit, p, work, stream, decoding):  # type: ignore[no-untyped-def]
    """Code a bit that is 1 with probability p / 65536; return it. Beyond the end of `stream` there are zeros."""
    low, high = work[LOW], work[HIGH]
    middle = low + (((high - low) * p) >> 16)
    if decoding:
        bit = np.int64(work[CODE] <= middle)
    low, high = (low, middle) if bit else (middle + 1, high)
    while ((low ^ high) & _TOP) == 0:
        position = work[POSITION]
        if decoding:
            byte = np.int64(0)
            if position < stream.size:
                byte = np.int64(stream[at(position)])
            work[CODE] = ((work[CODE] << 8) & _WORD) | byte
        elif position < stream.size:
            stream[at(position)] = high >> 24
        work[POSITION] = position + 1
        low = (low << 8) & _WORD
        high = ((high << 8) & _WORD) | 255
    work[LOW], work[HIGH] = low, high
    return bit


@kernel
def learn(bit, slot, limit, model):  # type: ignore[no-untyped-def]
    """Move the counter in `slot` towards `bit`."""
    state = np.int64(model[at(slot)])
    count = state & COUNT_MASK
    p = state >> COUNT_BITS
    p += (((bit << PROBABILITY_BITS) - p) * np.int64(model[at(SHARE + count)])) >> 16
    model[at(slot)] = (p << COUNT_BITS) | min(count + 1, limit)


@kernel
def code_counted(bit, slot, limit, model, work, stream, decoding):  # type: ignore[no-untyped-def]
    """Code a bit with the probability of one counter, which learns from it; return it."""
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


def start(work: NDArray[np.int64], payload: bytes) -> None:
    """Set the coder in `work` to its start; a decoder has read the first bytes of `payload`."""
    work[LOW], work[HIGH], work[CODE], work[POSITION] = 0, _WORD, 0, 0
    if payload:
        work[CODE] = int.from_bytes(payload[:FLUSH].ljust(FLUSH, b"\0"), "big")
        work[POSITION] = FLUSH


def finish(work: NDArray[np.int64], stream: NDArray[np.uint8]) -> bytes:
    """Bytes of a coded stream: those written, and what tells the last interval from others."""
    return stream[: int(work[POSITION])].tobytes() + int(work[HIGH]).to_bytes(FLUSH, "big")
