"""Deflate with what is around it: the header and checksum of zlib or gzip, or nothing. Headers are kept, checksums made anew."""

import zlib

from voxz.container.cursor import Cursor
from voxz.entropy.varint import varint
from voxz.errors import CorruptError, UnsupportedError
from voxz.io.packings.zlib_replay import WINDOW, Finder, replay

GZIP = b"\x1f\x8b\x08"

_RAW, _ZLIB, _GZIP = 0, 1, 2
_CHECKSUM_BYTES = {_RAW: 0, _ZLIB: 4, _GZIP: 8}
_KEPT = 4
"""Added to the form: the checksum is not that of the content, it is kept."""

REPACKED = (
    "the zlib of this Python packs differently from the one that packed this file, so the file cannot be made again byte for "
    "byte here; its samples are intact and can be read with voxz.open"
)


def unwrap(data: bytes, limit: int, finder: Finder | None = None) -> tuple[bytes, bytes, int] | None:
    """Content of the stream that `data` begins with, what `wrap` needs, and how many bytes of `data` the stream takes.

    None if it is none, has more than `limit` bytes of content, or cannot be made again.
    """
    form, head = _head(data)
    unpacker = zlib.decompressobj(-WINDOW)
    try:
        content = unpacker.decompress(memoryview(data)[head:], limit + 1)
    except zlib.error:
        return None
    if not unpacker.eof or len(content) > limit:
        return None
    end = len(data) - len(unpacker.unused_data)
    checksum = data[end : end + _CHECKSUM_BYTES[form]]
    if len(checksum) < _CHECKSUM_BYTES[form]:
        return None
    window = (data[0] >> 4) + 8 if form == _ZLIB else WINDOW
    how = (finder or Finder()).find(data[head:end], content, window)
    if how is None:
        return None
    kept = checksum != _checksum(form, content)
    how = bytes([form + _KEPT * kept]) + varint(head) + data[:head] + (checksum if kept else b"") + how
    return content, how, end + len(checksum)


def wrap(content: bytes, how: Cursor) -> bytes:
    """The stream again."""
    form = how.take(1)[0]
    if form & ~_KEPT not in _CHECKSUM_BYTES:
        raise CorruptError(f"deflate has no form {form}")
    head = how.take(how.number())
    kept = how.take(_CHECKSUM_BYTES[form - _KEPT]) if form & _KEPT else None
    return head + replay(content, how) + (_checksum(form, content) if kept is None else kept)


def refuse_repacked(data: bytes, crc32: int) -> bytes:
    """`data`, if it is what was unpacked; `UnsupportedError` if this zlib packs differently."""
    if zlib.crc32(data) != crc32:
        raise UnsupportedError(REPACKED)
    return data


def _head(data: bytes) -> tuple[int, int]:
    """Form of a stream, and bytes of its header."""
    if data[:3] == GZIP and (length := gzip_header(data)):
        return _GZIP, length
    if len(data) > 1 and data[0] & 0x0F == zlib.DEFLATED and data[0] >> 4 < 8 and not data[1] & 0x20:
        return (_ZLIB, 2) if int.from_bytes(data[:2], "big") % 31 == 0 else (_RAW, 0)
    return _RAW, 0


def gzip_header(data: bytes) -> int:
    """Bytes of the header of a gzip file; 0 if it has none, or it does not end (RFC 1952)."""
    if len(data) < 10 or data[:3] != GZIP:
        return 0
    flags, at = data[3], 10
    if flags & 4:
        at += 2 + int.from_bytes(data[at : at + 2], "little")
    for flag in (8, 16):
        if flags & flag:
            at = data.find(b"\0", at) + 1
            if not at:
                return 0
    at += flags & 2
    return at if at <= len(data) else 0


def _checksum(form: int, content: bytes) -> bytes:
    if form == _ZLIB:
        return zlib.adler32(content).to_bytes(4, "big")
    if form == _GZIP:
        return zlib.crc32(content).to_bytes(4, "little") + (len(content) & 0xFFFFFFFF).to_bytes(4, "little")
    return b""
