"""Side information: arrays of small signed integers in adaptive Golomb-Rice codes.

Each integer belongs to a column (say, "third coefficient"). A column keeps the running mean magnitude of its last
integers and derives its Rice parameter from it, as LOCO-I does (Weinberger, Seroussi, Sapiro 2000), so nothing has to be
tuned or sent. Signs are folded into the lowest bit. A quotient of `ESCAPE` ones announces 31 plain bits.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from voxz.entropy.bits import from_bytes, get_bits, put_bits, to_bytes
from voxz.entropy.varint import varint
from voxz.errors import CorruptError
from voxz.jit import kernel
from voxz.limits import affordable, at_least_a_bit

ESCAPE = 24
WINDOW = 16

BYTES_AN_INTEGER = 16
"""Memory of an integer and its column."""


@kernel
def _rice_parameter(total, count):  # type: ignore[no-untyped-def]
    """Rice parameter of a column.

    Parameters
    ----------
    total, count : running sum of its folded integers, and their number
    """
    parameter = 0
    while (count << parameter) < total and parameter < 24:
        parameter += 1
    return parameter


@kernel
def _code(values, columns, state, words, position, limit, decoding):  # type: ignore[no-untyped-def]
    """Write `values` to `words`, or read them; return the bit behind them, or -1 where that would lie behind `limit`.

    Parameters
    ----------
    values : int64 (n,), magnitudes below 2**30; decoding fills them
    columns : int64 (n,), column of each; (0,) if all are in one
    state : int64 (columns, 2), running sum and number of each, filled
    words : uint32, two more than are needed; zeros when encoding
    position, limit : the first bit, and the one that decoding ends before
    decoding : whether `words` are read
    """
    for column in range(state.shape[0]):
        state[column, 0], state[column, 1] = 4, 1
    for i in range(values.size):
        column = columns[i] if columns.size > 0 else 0
        parameter = _rice_parameter(state[column, 0], state[column, 1])
        if decoding:
            quotient = 0
            while quotient < ESCAPE and position < limit and get_bits(words, position, 1) == 1:
                quotient += 1
                position += 1
            position += 1 if quotient < ESCAPE else 0
            length = parameter if quotient < ESCAPE else 31
            if position + length > limit:
                return np.int64(-1)
            low = get_bits(words, position, length)
            position += length
            folded = (quotient << parameter) | low if quotient < ESCAPE else low
            values[i] = (folded >> 1) ^ -(folded & 1)
        else:
            value = np.int64(values[i])
            folded = (value << 1) ^ (value >> 63)
            quotient = folded >> parameter
            length = parameter if quotient < ESCAPE else 31
            ones = min(quotient, ESCAPE)
            position = put_bits(words, position, (1 << ones) - 1, ones + 1 if quotient < ESCAPE else ones)
            position = put_bits(words, position, folded & ((1 << length) - 1), length)
        state[column, 0] += folded
        state[column, 1] += 1
        if state[column, 1] == WINDOW:
            state[column, 0] >>= 1
            state[column, 1] >>= 1
    return position


class IntegerWriter:
    """Collects integer arrays, one after the other, each with its length in bytes in front."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def put(self, values: ArrayLike, columns: NDArray[np.int64] | None = None) -> None:
        """Append `values` (magnitudes below 2**30); each in the adaptive code of its column (default: all in one)."""
        array = np.asarray(values, np.int64).ravel()
        words = np.zeros(array.size * 2 + 3, np.uint32)
        used = int(_code(array, *_columns(columns), words, 0, 0, False))
        payload = to_bytes(words, used)
        self._parts += [varint(len(payload)), payload]

    def to_bytes(self) -> bytes:
        """All arrays so far."""
        return b"".join(self._parts)


class IntegerReader:
    """Reads back, in the same order, what an `IntegerWriter` wrote; damage raises `CorruptError`."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._words = from_bytes(payload)
        self._at = 0

    def take(self, count: int, columns: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """Return the next array, which must have `count` integers coded in the same `columns`."""
        length = self._length()
        at_least_a_bit(count, length, "integers of side information")
        affordable(BYTES_AN_INTEGER * count, 0, length, "integers of side information")
        first, self._at = self._at, self._at + length
        if self._at > len(self._payload):
            raise CorruptError(f"{count} integers of side information do not fit their {length} bytes")
        values = np.zeros(count, np.int64)
        end = int(_code(values, *_columns(columns), self._words, 8 * first, 8 * self._at, True))
        if end < 0 or (end + 7) // 8 != self._at:
            raise CorruptError(f"{count} integers of side information do not fit their {length} bytes")
        return values

    def repeated(self, numbers: NDArray[np.int64], times: int) -> NDArray[np.int64]:
        """Columns for an array of ``numbers.size * times`` integers, once it is known that so many can follow."""
        at_least_a_bit(numbers.size * times, self.left, "integers of side information")
        return np.repeat(numbers, times)

    @property
    def left(self) -> int:
        """Bytes that were not read yet."""
        return len(self._payload) - self._at

    def finish(self) -> None:
        """Raise `CorruptError` unless everything was read."""
        if self._at != len(self._payload):
            raise CorruptError(f"{len(self._payload) - self._at} bytes left over after the side information")

    def _length(self) -> int:
        value = shift = 0
        while True:
            if self._at >= len(self._payload) or shift > 28:
                raise CorruptError("the side information ends early")
            byte = self._payload[self._at]
            self._at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value


_ONE_COLUMN = np.zeros(0, np.int64)


def _columns(columns: NDArray[np.int64] | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Columns, and room for the state of each."""
    if columns is None or not columns.size:
        return _ONE_COLUMN, np.empty((1, 2), np.int64)
    return columns, np.empty((int(columns.max()) + 1, 2), np.int64)
