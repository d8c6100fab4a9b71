"""Bytes of a file that are no samples, packed: plain, zlib or LZMA, whichever is smallest.

They are payloads of the codec `stored`, whose first byte is the method. What does not shrink is stored, without trying LZMA on
all of it.
"""

import zlib

from voxz.codecs.stored import PLAIN, ZLIB, decode_bytes, estimate, pack_lzma
from voxz.errors import CorruptError

LARGEST = 1 << 26
"""Bytes that a payload may unpack to."""

_SMALL = 1 << 16
"""Bytes up to this length are tried with zlib too, whose streams have less to learn."""

_TRIED = 1 << 20
"""Bytes up to this length are tried with LZMA whatever zlib makes of them."""

_SHRUNK = 0.99
"""Share of their length that zlib must bring longer bytes to: compressed pictures would take LZMA long to find out."""


def pack(data: bytes) -> bytes:
    """Payload of `data`."""
    packed = [bytes([PLAIN]) + data]
    if len(data) <= _SMALL:
        packed.append(bytes([ZLIB]) + zlib.compress(data, 9))
    if len(data) <= _TRIED or estimate(data, _SHRUNK * len(data)) < _SHRUNK * len(data):
        packed.append(pack_lzma(data))
    return min(packed, key=len)


def unpack(payload: bytes, length: int, most: int = LARGEST) -> bytes:
    """The `length` bytes of a payload; damage, or a length above `most`, raises `CorruptError`."""
    if length > most:
        raise CorruptError(f"a part of the file announces {length} bytes, expected at most {most}")
    return decode_bytes(payload, length)
