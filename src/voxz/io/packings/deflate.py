"""Samples in one stream of zlib, gzip or raw deflate, with what lies around them in it and behind it."""

import zlib

from voxz.container.cursor import Cursor
from voxz.entropy.varint import varint
from voxz.errors import CorruptError
from voxz.io.packings import zlib_stream
from voxz.volume.layout import Layout

MOST_AROUND = 1 << 20
"""Bytes of the content that may lie around the samples."""


def unpack(data: bytes, layout: Layout, skip: int = 0) -> tuple[bytes, bytes] | None:
    """Samples, and what `pack` needs; None if packing again would not give `data`. `skip` bytes come before the samples."""
    unwrapped = zlib_stream.unwrap(data, layout.nbytes + MOST_AROUND)
    if unwrapped is None:
        return None
    content, how, length = unwrapped
    end = skip + layout.nbytes
    if len(content) < end or skip > MOST_AROUND:
        return None
    around = [content[:skip], content[end:], data[length:]]
    told = b"".join(varint(len(part)) + part for part in around) + zlib.crc32(data).to_bytes(4, "little")
    return content[skip:end], told + how


def pack(samples: bytes, how: bytes, layout: Layout) -> bytes:
    """The bytes that `unpack` was given; `UnsupportedError` if this zlib makes others."""
    if len(samples) != layout.nbytes:
        raise CorruptError(f"got {len(samples)} bytes of samples, expected {layout.nbytes}")
    told = Cursor(how)
    before, after, behind = (told.take(told.number()) for _ in range(3))
    crc32 = int.from_bytes(told.take(4), "little")
    data = zlib_stream.wrap(before + samples + after, told) + behind
    told.finish()
    return zlib_stream.refuse_repacked(data, crc32)
