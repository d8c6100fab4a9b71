"""Finding the steps that tell a piece of bytes from its reference (`delta`).

They are found greedily: after a difference, the first place where the next bytes agree again, at the same distance or, by a
table of all 8-byte strings of the reference, further on.
"""

import numpy as np
from numpy.typing import NDArray

from voxz.jit import allocating_kernel, kernel

GRAM = 8
"""Bytes that must agree where the distance changes."""

SHORT_GRAM = 4
"""Bytes that must agree where it does not."""

_HASHES = 1 << 13


@kernel
def _hash(data: NDArray[np.uint8], at: int) -> int:
    """Hash of GRAM bytes, below _HASHES.

    Parameters
    ----------
    data : uint8 (bytes,)
    at : place of the first of them
    """
    value = 0
    for k in range(GRAM):
        value = (value * 31 + int(data[at + k])) & 0xFFFFF
    return value % _HASHES


@kernel
def _agree(a: NDArray[np.uint8], at: int, b: NDArray[np.uint8], there: int, count: int) -> bool:
    """Whether `count` bytes agree; behind an end nothing does.

    Parameters
    ----------
    a, b : uint8 (bytes,)
    at, there : place of the first byte in `a` and in `b`
    count : bytes
    """
    if at + count > a.size or there + count > b.size:
        return False
    same = 0
    while same < count and a[at + same] == b[there + same]:
        same += 1
    return same == count


@allocating_kernel
def align(reference: NDArray[np.uint8], piece: NDArray[np.uint8], steps: NDArray[np.int64]) -> int:
    """Write steps to the rows of `steps`; return how many.

    Parameters
    ----------
    reference, piece : uint8 (bytes,)
    steps : int64 (rows, 3), filled: bytes that agree, bytes of the piece that do not, and how far the reference moves on
    """
    first = np.full(_HASHES, -1, np.int64)
    following = np.full(max(1, reference.size), -1, np.int64)
    for at in range(reference.size - GRAM, -1, -1):
        value = _hash(reference, at)
        following[at] = first[value]
        first[value] = at
    at, there, count = 0, 0, 0
    while at < piece.size:
        start = at
        while at < piece.size and there < reference.size and piece[at] == reference[there]:
            at += 1
            there += 1
        copied, start, found = at - start, at, there
        while at < piece.size:
            distance = at - start
            if distance and _agree(piece, at, reference, there + distance, SHORT_GRAM):
                found = there + distance
                break
            if at + GRAM <= piece.size:
                value = _hash(piece, at)
                while first[value] >= 0 and first[value] < there:
                    first[value] = following[first[value]]
                if first[value] >= 0 and _agree(piece, at, reference, first[value], GRAM):
                    found = first[value]
                    break
            at += 1
        steps[count] = (copied, at - start, found - there)
        count += 1
        there = found
    return count
