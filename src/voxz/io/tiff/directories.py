"""The directories of a TIFF file: tags of each page, and those of the pages below it (TIFF 6.0; BigTIFF by AWare Systems)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from voxz.errors import CorruptError, LimitError
from voxz.io.header_text import ByteOrder

MOST_PAGES = 1 << 20
MOST_TAGS = 1 << 12

TYPES = {
    1: "u1",
    2: "S1",
    3: "u2",
    4: "u4",
    5: "u8",
    6: "i1",
    7: "u1",
    8: "i2",
    9: "i4",
    10: "u8",
    11: "f4",
    12: "f8",
    13: "u4",
    16: "u8",
    17: "i8",
    18: "u8",
}
"""Types of values by their number; fractions (5, 10) are read as 8 bytes."""

_FRACTIONS = (5, 10)

SUB_DIRECTORIES = 330


@dataclass(frozen=True)
class Directory:
    """A page: for each tag its type, count and the place of its values.

    Attributes
    ----------
    depth : 0 for pages of the file, 1 for those below one of them
    """

    file: BinaryIO
    size: int
    order: ByteOrder
    tags: dict[int, tuple[int, int, int]]
    depth: int

    def numbers(self, tag: int) -> NDArray[np.int64]:
        """Whole numbers of a tag; empty if there is none."""
        values = self._values(tag)
        return values.astype(np.int64) if values.dtype.kind in "ui" else np.zeros(0, np.int64)

    def number(self, tag: int, default: int) -> int:
        """The first number of a tag."""
        values = self.numbers(tag)
        return int(values[0]) if values.size else default

    def fraction(self, tag: int) -> float | None:
        """A fraction; None if there is none."""
        if self.tags.get(tag, (0, 0, 0))[0] not in _FRACTIONS:
            return None
        values = self._values(tag).view(f"{self.order}u4")
        return float(values[0]) / float(values[1]) if values.size > 1 and values[1] else None

    def text(self, tag: int) -> str:
        """A text; empty if there is none."""
        values = self._values(tag)
        return values.tobytes().split(b"\0")[0].decode("utf-8", "replace") if values.dtype.kind in "Su" else ""

    def _values(self, tag: int) -> NDArray[np.generic]:
        kind, count, place = self.tags.get(tag, (1, 0, 0))
        if kind not in TYPES:
            return np.zeros(0, np.uint8)
        dtype = np.dtype(TYPES[kind]).newbyteorder(self.order)
        length = count * dtype.itemsize
        if not 0 <= place <= place + length <= self.size:
            raise CorruptError(f"the values of TIFF tag {tag} lie beyond the end of the file")
        self.file.seek(place)
        return np.frombuffer(self.file.read(length), dtype)


def directories(file: BinaryIO, size: int) -> Iterator[Directory]:
    """All pages of the file, each followed by those below it.

    Raises `CorruptError` if a directory lies beyond the end or they go round in circles, `LimitError` if there are too many.
    """
    file.seek(0)
    head = file.read(16)
    if len(head) < 8 or head[:2] not in (b"II", b"MM"):
        raise CorruptError("this is no TIFF header")
    order: ByteOrder = "<" if head[:2] == b"II" else ">"
    big = _integer(head[2:4], order) == 43
    seen: set[int] = set()
    at = _integer(head[8:16] if big else head[4:8], order)
    while at:
        directory, at = _read(file, size, order, big, at, 0, seen)
        yield directory
        for below in directory.numbers(SUB_DIRECTORIES).tolist():
            following = below
            while following and following not in seen:
                child, following = _read(file, size, order, big, following, 1, seen)
                yield child


def _integer(data: bytes, order: ByteOrder) -> int:
    return int.from_bytes(data, "little" if order == "<" else "big")


def _read(file: BinaryIO, size: int, order: ByteOrder, big: bool, at: int, depth: int, seen: set[int]) -> tuple[Directory, int]:
    """The directory at a place, and the place of the next."""
    if at in seen:
        raise CorruptError("the directories of the TIFF file go round in circles")
    seen.add(at)
    if len(seen) > MOST_PAGES:
        raise LimitError(f"the TIFF file has more than {MOST_PAGES} pages")
    count_bytes, entry, place_bytes = (8, 20, 8) if big else (2, 12, 4)
    file.seek(min(at, size))
    count = _integer(file.read(count_bytes), order)
    length = count * entry + place_bytes
    if count > MOST_TAGS or at + count_bytes + length > size:
        raise CorruptError("a directory of the TIFF file lies beyond its end")
    data = file.read(length)
    tags: dict[int, tuple[int, int, int]] = {}
    for number in range(count):
        row = data[number * entry : (number + 1) * entry]
        tag, kind = _integer(row[:2], order), _integer(row[2:4], order)
        values = _integer(row[4 : entry - place_bytes], order)
        inside = values * np.dtype(TYPES.get(kind, "u1")).itemsize <= place_bytes
        own = at + count_bytes + number * entry + entry - place_bytes
        tags.setdefault(tag, (kind, values, own if inside else _integer(row[-place_bytes:], order)))
    return Directory(file, size, order, tags, depth), _integer(data[-place_bytes:], order)
