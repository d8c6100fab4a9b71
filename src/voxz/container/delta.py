"""What a piece of bytes takes over from one that is much like it: the header of the next slice from that of the last.

A piece is told by steps ``(copy, new, skip)`` over a reference: take `copy` bytes of the reference, then `new` bytes that are
given, then pass over `skip` bytes of the reference. LZMA alone finds such matches too, but spends bytes on saying where they are;
in a series the steps of all headers are alike, and cost almost nothing once told.

The steps are found greedily: after a difference, the first place where the next bytes agree again, at the same distance or, by a
table of all 8-byte strings of the reference, further on. Any steps are valid; the decoder does not depend on how they were found.
"""

import numpy as np
from numpy.typing import NDArray

from voxz.container.cursor import Cursor
from voxz.entropy.varint import varint
from voxz.errors import CorruptError
from voxz.jit import kernel

LARGEST = 1 << 20
"""Longer pieces have no reference and are none."""

_GRAM = 8
"""Bytes that must agree where the distance changes."""

_NEAR = 4
"""Bytes that must agree where it does not."""

_HASHES = 1 << 13


@kernel
def _hash(data: NDArray[np.uint8], at: int) -> int:
    value = 0
    for k in range(_GRAM):
        value = (value * 31 + int(data[at + k])) & 0xFFFFF
    return value % _HASHES


@kernel
def _agree(a: NDArray[np.uint8], at: int, b: NDArray[np.uint8], there: int, count: int) -> bool:
    """Whether `count` bytes agree; behind an end nothing does."""
    if at + count > a.size or there + count > b.size:
        return False
    same = 0
    while same < count and a[at + same] == b[there + same]:
        same += 1
    return same == count


@kernel
def _align(reference: NDArray[np.uint8], piece: NDArray[np.uint8], steps: NDArray[np.int64]) -> int:
    """Write steps to the rows of `steps`; return how many."""
    first = np.full(_HASHES, -1, np.int64)
    following = np.full(max(1, reference.size), -1, np.int64)
    for at in range(reference.size - _GRAM, -1, -1):
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
            if distance and _agree(piece, at, reference, there + distance, _NEAR):
                found = there + distance
                break
            if at + _GRAM <= piece.size:
                value = _hash(piece, at)
                while first[value] >= 0 and first[value] < there:
                    first[value] = following[first[value]]
                if first[value] >= 0 and _agree(piece, at, reference, first[value], _GRAM):
                    found = first[value]
                    break
            at += 1
        steps[count] = (copied, at - start, found - there)
        count += 1
        there = found
    return count


def told_by(reference: bytes, piece: bytes) -> tuple[bytes, bytes]:
    """Steps, as varints, and the new bytes that tell `piece` from `reference`; all new where little agrees."""
    steps = np.empty((len(piece) // _NEAR + 2, 3), np.int64)
    count = _align(np.frombuffer(reference, np.uint8), np.frombuffer(piece, np.uint8), steps)
    used = steps[:count]
    if used[:, 0].sum() * 2 < len(piece):
        return varint(0) + varint(len(piece)) + varint(0), piece
    new, at = [], 0
    for copied, given, _ in used.tolist():
        new.append(piece[at + copied : at + copied + given])
        at += copied + given
    return b"".join(map(varint, used.ravel().tolist())), b"".join(new)


def retold(reference: bytes, length: int, steps: Cursor, new: Cursor) -> bytes:
    """The piece of `length` bytes again; `CorruptError` for steps that leave the reference or the piece."""
    parts, done, there = [], 0, 0
    while done < length:
        copied, given, skipped = steps.number(), steps.number(), steps.number()
        if copied + given == 0 or copied + given > length - done or there + copied + skipped > len(reference):
            raise CorruptError("the steps of a piece of the file lead out of it")
        parts += [reference[there : there + copied], new.take(given)]
        done += copied + given
        there += copied + skipped
    return b"".join(parts)
