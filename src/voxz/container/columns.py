"""Columns of whole numbers: ``varint bytes | varints``, read all at once."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from voxz.container.cursor import Cursor
from voxz.entropy.varint import varint
from voxz.errors import CorruptError

Column = NDArray[np.int64]

LARGEST_SUM = 1 << 56
"""What sizes may add up to, far from where a sum of 64 bits ends."""


def pack(numbers: Iterable[int]) -> bytes:
    """Bytes of a column of numbers that are not negative."""
    body = b"".join(map(varint, numbers))
    return varint(len(body)) + body


def unpack(cursor: Cursor) -> Column:
    """The next column."""
    data = np.frombuffer(cursor.take(cursor.number()), np.uint8)
    if not data.size:
        return np.zeros(0, np.int64)
    if data.max() < 0x80:
        return data.astype(np.int64)
    ends = np.flatnonzero(data < 0x80)
    starts = np.concatenate([[0], ends[:-1] + 1]) if ends.size else ends
    if not ends.size or ends[-1] != data.size - 1 or int((ends - starts).max()) >= 9:
        raise CorruptError("a column of the catalogue has a number that does not end")
    places = np.arange(data.size) - np.repeat(starts, ends - starts + 1)
    return np.add.reduceat((data & 0x7F).astype(np.int64) << (7 * places), starts)


def folded(differences: Column) -> Column:
    """Numbers of either sign as numbers that are not negative: 0, -1, 1, -2 ... become 0, 1, 2, 3 ..."""
    return np.where(differences < 0, -2 * differences - 1, 2 * differences)


def unfolded(numbers: Column) -> Column:
    """What `folded` was given."""
    return np.where(numbers & 1, -(numbers >> 1) - 1, numbers >> 1)
