"""Plain bits in a stream of 32-bit words, least significant bit first."""

import numpy as np
from numpy.typing import NDArray

from voxz.jit import at, inlined_kernel, kernel

MASK = 0xFFFFFFFF


@kernel
def put_bits(words, position, value, length):  # type: ignore[no-untyped-def]
    """Write bits; return the position behind them.

    Parameters
    ----------
    words : int64 or uint32 (words,), zeros at first, with one more than the bits need
    position : number of the first bit
    value : its low bits are written
    length : 0 to 32
    """
    word = position >> 5
    shifted = value << (position & 31)
    words[word] |= shifted & MASK
    words[word + 1] |= shifted >> 32
    return position + length


@inlined_kernel
def get_bits(words, position, length):  # type: ignore[no-untyped-def]
    """Read `length` (0..31) bits at bit `position`; the caller keeps one spare word at the end of `words` (uint32)."""
    word = position >> 5
    pair = np.int64(words[at(word)]) | ((np.int64(words[at(word + 1)]) & 0x7FFFFFFF) << 32)
    return (pair >> (position & 31)) & ((1 << length) - 1)


def to_bytes(words: NDArray[np.int64] | NDArray[np.uint32], bit_length: int) -> bytes:
    """The first `bit_length` bits of `words`, as whole bytes."""
    return words[: (bit_length + 31) >> 5].astype("<u4").tobytes()[: (bit_length + 7) >> 3]


def from_bytes(payload: bytes) -> NDArray[np.uint32]:
    """Words of `payload`, filled up with zeros, with two spare words behind."""
    padded = payload + bytes(8 + -len(payload) % 4)
    return np.frombuffer(padded, "<u4").astype(np.uint32)
