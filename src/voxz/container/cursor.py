"""Reading bytes and numbers from the front of a part of the file, never beyond its end."""

from voxz.errors import CorruptError


class Cursor:
    """Bytes that are taken from the front; `CorruptError` when there are too few."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    @property
    def left(self) -> int:
        """Bytes that were not taken yet."""
        return len(self._data) - self._at

    def take(self, length: int) -> bytes:
        """The next `length` bytes."""
        if length > len(self._data) - self._at:
            raise CorruptError(f"a part of the file ends {length - len(self._data) + self._at} bytes early")
        self._at += length
        return self._data[self._at - length : self._at]

    def number(self) -> int:
        """The next varint, below 2**63."""
        at, value = self._at, 0
        if at < len(self._data) and self._data[at] < 0x80:  # most are small
            self._at += 1
            return self._data[at]
        for shift, byte in zip(range(0, 63, 7), self._data[at : at + 9], strict=False):
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                self._at += shift // 7 + 1
                return value
        raise CorruptError("a number in the file does not end")

    def finish(self) -> None:
        """`CorruptError` unless all bytes were taken."""
        if self._at != len(self._data):
            raise CorruptError(f"a part of the file has {len(self._data) - self._at} bytes more than it needs")
