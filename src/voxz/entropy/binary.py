"""Binary arithmetic coder with adaptive probabilities that the caller gives with every bit.

The interval ``low .. high`` (32 bits) is cut in proportion to the probability of a one; bytes on which both ends agree
leave it (carry-free range coding as in lpaq, M. Mahoney 2007). The state is the first four numbers of an int64 array `work`.
"""

import numpy as np
from numpy.typing import NDArray

from voxz.jit import at, inlined_kernel

LOW, HIGH, CODE, POSITION = 0, 1, 2, 3
"""Places of the coder in `work`."""

_TOP = 0xFF000000
_WORD = 0xFFFFFFFF
FLUSH = 4
"""Bytes that close a stream."""


@inlined_kernel
def code_bit(bit, p, work, stream, decoding):  # type: ignore[no-untyped-def]
    """Code a bit that is 1 with probability p / 65536; return it. Beyond the end of `stream` there are zeros.

    Parameters
    ----------
    bit : 0 or 1; anything when decoding
    p : 1 to 65535
    work : int64 (4 or more,), the range, the code read last and the place in `stream`
    stream : uint8 (bytes,), written or read
    decoding : whether `stream` is decoded
    """
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


def start(work: NDArray[np.int64], payload: bytes) -> None:
    """Set the coder in `work` to its start; a decoder has read the first bytes of `payload`."""
    work[LOW], work[HIGH], work[CODE], work[POSITION] = 0, _WORD, 0, 0
    if payload:
        work[CODE] = int.from_bytes(payload[:FLUSH].ljust(FLUSH, b"\0"), "big")
        work[POSITION] = FLUSH


def finish(work: NDArray[np.int64], stream: NDArray[np.uint8]) -> bytes:
    """Bytes of a coded stream: those written, and what tells the last interval from others."""
    return stream[: int(work[POSITION])].tobytes() + int(work[HIGH]).to_bytes(FLUSH, "big")
