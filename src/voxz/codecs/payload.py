"""A payload of several parts: fixed fields as they are, everything else with its length (u32) in front.

Integers of a brick that has absent samples are a part too: a payload of the predictive codec.
"""

import struct
from typing import Any

from voxz.errors import CorruptError

_LENGTH = struct.Struct("<I")


class PartWriter:
    """Collects parts."""

    def __init__(self, head: bytes) -> None:
        self._pieces = [head]

    def raw(self, piece: bytes) -> None:
        """Append bytes whose number the reader knows."""
        self._pieces.append(piece)

    def part(self, piece: bytes) -> None:
        """Append bytes with their number in front."""
        self._pieces += [_LENGTH.pack(len(piece)), piece]

    def to_bytes(self) -> bytes:
        """All so far."""
        return b"".join(self._pieces)


class PartReader:
    """Reads back what a `PartWriter` wrote; damage raises `CorruptError`."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._at = 0

    def exactly(self, length: int) -> bytes:
        """Return the next `length` bytes."""
        piece = self._payload[self._at : self._at + length]
        if len(piece) < length:
            raise CorruptError(f"a brick ends {length - len(piece)} bytes early")
        self._at += length
        return piece

    def head(self, fields: struct.Struct) -> tuple[Any, ...]:
        """Return the next fixed fields."""
        return fields.unpack(self.exactly(fields.size))

    def part(self) -> bytes:
        """Return the next part."""
        (length,) = self.head(_LENGTH)
        return self.exactly(int(length))

    def finish(self) -> None:
        """Raise `CorruptError` unless everything was read."""
        if self._at != len(self._payload):
            raise CorruptError(f"{len(self._payload) - self._at} bytes left over after the parts of a brick")
