"""Deflate with what is around it: the header and checksum of zlib or gzip, or nothing. Headers are kept, checksums made anew."""

import zlib

from voxz.container.cursor import Cursor
from voxz.entropy.varint import varint
from voxz.errors import CorruptError, RepackingError
from voxz.io.packings.zlib_replay import WINDOW, replay
from voxz.io.packings.zlib_search import Finder

GZIP = b"\x1f\x8b\x08"

_RAW, _ZLIB, _GZIP = 0, 1, 2
_CHECKSUM_BYTES = {_RAW: 0, _ZLIB: 4, _GZIP: 8}
_UNKNOWN_SYSTEM = 255
_KEPT = 4
"""Added to the form: the checksum is not that of the content, it is kept."""


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
    how = (finder or Finder()).find(data[head:end], content, window, _levels(data, form))
    if how is None:
        return None
    kept = checksum != _checksum(form, content)
    how = bytes([form + _KEPT * kept]) + varint(head) + data[:head] + (checksum if kept else b"") + how
    return content, how, end + len(checksum)


class Wrapper:
    """Makes a stream again, from its content part by part."""

    def __init__(self, how: Cursor) -> None:
        self._form = how.take(1)[0]
        if self._form & ~_KEPT not in _CHECKSUM_BYTES:
            raise CorruptError(f"deflate has no form {self._form}")
        self._head = how.take(how.number())
        self._kept = how.take(_CHECKSUM_BYTES[self._form - _KEPT]) if self._form & _KEPT else None
        self._replay = replay(how)
        self._sum, self._size = zlib.adler32(b"") if self._form == _ZLIB else 0, 0

    def write(self, data: bytes | memoryview) -> bytes:
        """What is known of the stream with the next part of the content."""
        self._sum = zlib.adler32(data, self._sum) if self._form == _ZLIB else zlib.crc32(data, self._sum)
        self._size += len(data)
        head, self._head = self._head, b""
        return head + self._replay.write(data)

    def finish(self) -> bytes:
        """The rest of the stream."""
        return self.write(b"") + self._replay.finish() + (self._checksum() if self._kept is None else self._kept)

    def _checksum(self) -> bytes:
        if self._form == _RAW:
            return b""
        return self._sum.to_bytes(4, "big") if self._form == _ZLIB else gzip_trailer(self._sum, self._size)


def wrap(content: bytes, how: Cursor) -> bytes:
    """The stream again."""
    wrapper = Wrapper(how)
    return wrapper.write(content) + wrapper.finish()


def gzip_how(header: bytes, how: bytes) -> bytes:
    """What `wrap` needs for a gzip stream with this header, whose checksum is that of its content."""
    return bytes([_GZIP]) + varint(len(header)) + header + how


def gzip_trailer(crc32: int, size: int) -> bytes:
    """The last bytes of a gzip stream."""
    return crc32.to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little")


def refuse_repacked(data: bytes, crc32: int) -> bytes:
    """`data`, if it is what was unpacked; `RepackingError` if this zlib, or this libdeflate, packs differently."""
    if zlib.crc32(data) != crc32:
        raise RepackingError("the zlib of this Python, or the libdeflate of its imagecodecs,")
    return data


def _head(data: bytes) -> tuple[int, int]:
    """Form of a stream, and bytes of its header."""
    if data[:3] == GZIP and (length := gzip_header(data)):
        return _GZIP, length
    if len(data) > 1 and data[0] & 0x0F == zlib.DEFLATED and data[0] >> 4 < 8 and not data[1] & 0x20:
        return (_ZLIB, 2) if int.from_bytes(data[:2], "big") % 31 == 0 else (_RAW, 0)
    return _RAW, 0


def _levels(data: bytes, form: int) -> tuple[int, ...]:
    """Levels that the header of a stream hints at."""
    if form == _ZLIB:
        return ((1,), (5, 4, 3, 2), (6,), (9, 7, 8))[data[1] >> 6]
    return gzip_levels(data) if form == _GZIP else ()


def gzip_levels(header: bytes) -> tuple[int, ...]:
    """Levels that the header of a gzip file hints at; older Pythons have the mark of level 9 for all of them."""
    best = (9, 1, 6) if header[9] == _UNKNOWN_SYSTEM else (9,)
    return {2: best, 4: (1,)}.get(header[8], (6, 5, 4, 3, 2, 7, 8))


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
        return gzip_trailer(zlib.crc32(content), len(content))
    return b""
