"""Bytes of a file that are no samples, packed: plain, zlib or LZMA, whichever is smallest.

The first byte is the method, as in the codec `stored`, of which this is the stronger half: 0 plain, 1 zlib, 3 LZMA1 without a
header (lc 3, lp 0, pb 2, with an end marker; the window is their length, rounded up to a power of two between 4 KiB and
8 MiB). What does not shrink is stored, without trying LZMA on all of it.
"""

import lzma
import zlib
from typing import Any

from voxz.codecs.stored import PLAIN, ZLIB, decode_bytes
from voxz.errors import CorruptError

LZMA = 3
LARGEST = 1 << 26
"""Bytes that a payload may unpack to."""

_SMALL = 1 << 16
"""Bytes up to this length are tried with zlib too, whose streams have less to learn."""

_PROBE = 1 << 15
_PROBES = 4


def pack(data: bytes) -> bytes:
    """Payload of `data`."""
    packed = [bytes([PLAIN]) + data]
    if len(data) <= _SMALL:
        packed.append(bytes([ZLIB]) + zlib.compress(data, 9))
    if len(data) <= _SMALL or _shrinks(data):
        packed.append(
            bytes([LZMA]) + lzma.compress(data, lzma.FORMAT_RAW, filters=_filters(len(data), 9 if len(data) <= 1 << 20 else 6))
        )
    return min(packed, key=len)


def unpack(payload: bytes, length: int, most: int = LARGEST) -> bytes:
    """The `length` bytes of a payload; damage, or a length above `most`, raises `CorruptError`."""
    if length > most:
        raise CorruptError(f"a part of the file announces {length} bytes, expected at most {most}")
    if payload[:1] != bytes([LZMA]):
        return decode_bytes(payload, length)
    unpacker = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=_filters(length, 6))
    try:
        data = unpacker.decompress(payload[1:], length + 1)
        if len(data) == length and not unpacker.eof:
            data += unpacker.decompress(b"", 1)
    except lzma.LZMAError:
        data = b""
    if len(data) != length or not unpacker.eof or unpacker.unused_data:
        raise CorruptError(f"a part of the file does not unpack to the {length} bytes that were expected")
    return data


def _filters(length: int, preset: int) -> list[dict[str, Any]]:
    """LZMA1 with a window for `length` bytes."""
    window = min(max(1 << (length - 1).bit_length(), 1 << 12), 1 << 23) if length else 1 << 12
    return [{"id": lzma.FILTER_LZMA1, "preset": preset, "dict_size": window, "lc": 3, "lp": 0, "pb": 2}]


def _shrinks(data: bytes) -> bool:
    """Whether a few samples of the data shrink at all: compressed pictures do not, and would take LZMA long to find out."""
    step = max(_PROBE, len(data) // _PROBES)
    probes = [data[at : at + _PROBE] for at in range(0, len(data), step)]
    return sum(len(zlib.compress(probe, 1)) for probe in probes) < 0.99 * sum(map(len, probes))
