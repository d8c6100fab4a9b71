"""What the elements of a DICOM file say: values by tag, as bytes, text or numbers, at the top level and within sequences."""

import math
import struct

import numpy as np
from numpy.typing import NDArray

from voxz.io.dicom.elements import ITEM, LENGTH, PARENT, TAG, UNDEFINED, VALUE, Elements, ReadAt

LONGEST_VALUE = 1 << 20
"""Longer values are read up to here."""

TOP = -1
"""Row that holds the elements of the top level."""


class Attributes:
    """Values of the elements of a file, read when they are asked for. Where an element comes twice, the first one counts."""

    def __init__(self, elements: Elements, read_at: ReadAt) -> None:
        self._read_at = read_at
        self._order = ">" if elements.big else "<"
        self._rows = elements.rows
        parents = elements.rows[:, PARENT]
        self._by_parent = np.argsort(parents, kind="stable")
        self._parents = parents[self._by_parent]
        self._top = self._tagged(TOP)

    def _inside(self, inside: int) -> NDArray[np.int64]:
        """Rows that the item or sequence `inside` holds, in their order."""
        first, last = np.searchsorted(self._parents, (inside, inside + 1))
        return self._by_parent[first:last]

    def _tagged(self, inside: int) -> dict[int, int]:
        """Rows of the elements of an item, by tag."""
        rows = self._inside(inside)[::-1]
        return dict(zip(self._rows[rows, TAG].tolist(), rows.tolist(), strict=True))

    def row(self, tag: int, inside: int = TOP) -> int | None:
        """Row of an element of the item `inside`; None if it has none."""
        return (self._top if inside == TOP else self._tagged(inside)).get(tag)

    def items(self, tag: int, inside: int = TOP) -> list[int]:
        """Rows of the items of a sequence; none if it is not there."""
        row = self.row(tag, inside)
        if row is None:
            return []
        rows = self._inside(row)
        return [int(n) for n in rows[self._rows[rows, TAG] == ITEM]]

    def item(self, *tags: int, inside: int = TOP) -> int | None:
        """Row of the first item of the last of nested sequences; None if one is missing or empty."""
        for tag in tags:
            items = self.items(tag, inside)
            if not items:
                return None
            inside = items[0]
        return inside

    def tags(self) -> list[int]:
        """Tags of the top level."""
        return list(self._top)

    def raw(self, tag: int, inside: int = TOP) -> bytes:
        """Bytes of a value; empty if it is not there."""
        row = self.row(tag, inside)
        if row is None or self._rows[row, LENGTH] == UNDEFINED:
            return b""
        return self.read(int(self._rows[row, VALUE]), int(self._rows[row, LENGTH]))

    def read(self, start: int, length: int) -> bytes:
        """Bytes of the file, at most `LONGEST_VALUE`."""
        return self._read_at(start, min(length, LONGEST_VALUE))

    def text(self, tag: int, inside: int = TOP) -> str:
        """A value as text, without padding; empty if it is not there."""
        return self.raw(tag, inside).decode("latin-1").strip("\0 ")

    def texts(self, tag: int, inside: int = TOP) -> list[str]:
        """The values of an element that may have several."""
        text = self.text(tag, inside)
        return [part.strip() for part in text.split("\\")] if text else []

    def short(self, tag: int, inside: int = TOP) -> int | None:
        """A number of 16 bits (US); None if it is not there."""
        data = self.raw(tag, inside)[:2]
        return int(struct.unpack(self._order + "H", data)[0]) if len(data) == 2 else None

    def double(self, tag: int, inside: int = TOP) -> float | None:
        """A number of 64 bits (FD); None if it is not there or not finite."""
        data = self.raw(tag, inside)[:8]
        number = float(struct.unpack(self._order + "d", data)[0]) if len(data) == 8 else math.nan
        return number if math.isfinite(number) else None

    def decimals(self, tag: int, inside: int = TOP) -> list[float]:
        """Numbers written as text (DS, IS); empty if they are not there, or one is none or not finite."""
        try:
            numbers = [float(part) for part in self.texts(tag, inside)]
        except ValueError:
            return []
        return numbers if all(map(math.isfinite, numbers)) else []

    def decimal(self, tag: int, inside: int = TOP) -> float | None:
        """The first number written as text; None if there is none."""
        numbers = self.decimals(tag, inside)
        return numbers[0] if numbers else None
