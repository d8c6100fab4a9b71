"""A payload of several parts: fixed fields as they are, everything else with its length (u32) in front.

Integers of a brick that has absent samples are a part too: a payload of the predictive codec.
"""

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.predictive import decode_present, encode_brick, encode_present
from voxz.errors import CorruptError
from voxz.fidelity import EXACT, Fidelity
from voxz.predict.learn import RIDGE
from voxz.predict.levels import DEFAULT

Present = NDArray[np.bool_] | None
"""Which samples of a brick are coded; None: all."""

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


def put_integers(
    writer: PartWriter, values: NDArray[np.int32], shape: tuple[int, ...], present: Present, level: int, ridge: float = RIDGE,
    rough: bool = False, fidelity: Fidelity = EXACT,
) -> bool:  # fmt: skip
    """Append the payload of integers, given for the samples that are present; False if their range is too wide.

    They come back as near as `fidelity` asks.
    """
    volume = values.reshape(shape) if present is None else np.zeros(shape, np.int32)
    if present is not None:
        volume[present] = values
    where = None if present is None else present[..., None]
    if present is None and not rough and level > DEFAULT and fidelity == EXACT:
        payload = encode_brick(volume[..., None], level)
    else:
        finest = DEFAULT if fidelity == EXACT else level
        payload = encode_present(volume[..., None], min(level, finest), where, ridge, rough, fidelity)
    if payload is not None:
        writer.part(payload)
    return payload is not None


def take_integers(reader: PartReader, shape: tuple[int, ...], present: Present) -> NDArray[np.int32]:
    """Inverse of `put_integers`: flat integers of the samples that are present."""
    where = None if present is None else present[..., None]
    volume = decode_present(reader.part(), (*shape, 1), np.dtype(np.int32), where)[..., 0]
    return (volume if present is None else volume[present]).ravel().astype(np.int32)
