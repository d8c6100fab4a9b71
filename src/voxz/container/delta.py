"""What a piece of bytes takes over from one that is much like it: the header of the next slice from that of the last.

A piece is told by steps ``(copy, new, skip)`` over a reference: take `copy` bytes of the reference, then `new` bytes that are
given, then pass over `skip` bytes of the reference. LZMA alone finds such matches too, but spends bytes on saying where they are;
in a series the steps of all headers are alike, and cost almost nothing once told.

Any steps are valid; the decoder does not depend on how they were found (`align`).
"""

import numpy as np

from voxz.container.cursor import Cursor
from voxz.entropy.varint import varint
from voxz.errors import CorruptError

LONGEST_PIECE = 1 << 20
"""Longer pieces have no reference and are none."""


def told_by(reference: bytes, piece: bytes) -> tuple[bytes, bytes]:
    """Steps, as varints, and the new bytes that tell `piece` from `reference`; all new where little agrees."""
    from voxz.container.align import SHORT_GRAM, align  # noqa: PLC0415 - kernels cost start-up time

    steps = np.empty((len(piece) // SHORT_GRAM + 2, 3), np.int64)
    count = align(np.frombuffer(reference, np.uint8), np.frombuffer(piece, np.uint8), steps)
    used = steps[:count]
    if used[:, 0].sum() * 2 < len(piece):
        return all_new(reference, piece)
    new, at = [], 0
    for copied, given, _ in used.tolist():
        new.append(piece[at + copied : at + copied + given])
        at += copied + given
    return b"".join(map(varint, used.ravel().tolist())), b"".join(new)


def all_new(reference: bytes, piece: bytes) -> tuple[bytes, bytes]:
    """The same, of a piece that takes nothing over."""
    del reference
    return varint(0) + varint(len(piece)) + varint(0), piece


def retold(reference: bytes, length: int, steps: Cursor, new: Cursor) -> bytes:
    """The piece of `length` bytes again; `CorruptError` for steps that leave the reference or the piece."""
    parts, done, there = [], 0, 0
    while done < length:
        copied, given, skipped = steps.number(), steps.number(), steps.number()
        if copied + given + skipped == 0 or copied + given > length - done or there + copied + skipped > len(reference):
            raise CorruptError("the steps of a piece of the file lead out of it")
        parts += [reference[there : there + copied], new.take(given)]
        done += copied + given
        there += copied + skipped
    return b"".join(parts)
