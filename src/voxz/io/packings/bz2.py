"""Samples in one bzip2 stream; the level is told by its header."""

import bz2

from voxz.container.cursor import Cursor
from voxz.entropy.varint import varint
from voxz.errors import CorruptError
from voxz.volume.layout import Layout

MOST_AROUND = 1 << 20
"""Bytes of the content that may lie around the samples."""


def unpack(data: bytes, layout: Layout, skip: int = 0) -> tuple[bytes, bytes] | None:
    """Samples, and what `pack` needs; None if packing again would not give `data`. `skip` bytes come before the samples."""
    if data[:3] != b"BZh" or not b"1" <= data[3:4] <= b"9" or skip > MOST_AROUND:
        return None
    unpacker = bz2.BZ2Decompressor()
    try:
        content = unpacker.decompress(data, layout.nbytes + MOST_AROUND + 1)
    except (OSError, ValueError):
        return None
    end = skip + layout.nbytes
    if not unpacker.eof or not end <= len(content) <= layout.nbytes + MOST_AROUND:
        return None
    level, behind = data[3] - ord("0"), unpacker.unused_data
    if bz2.compress(content, level) + behind != data:
        return None
    around = [content[:skip], content[end:], behind]
    return content[skip:end], varint(level) + b"".join(varint(len(part)) + part for part in around)


def pack(samples: bytes, how: bytes, layout: Layout) -> bytes:
    """The bytes that `unpack` was given."""
    told = Cursor(how)
    level = told.number()
    if not 1 <= level <= 9 or len(samples) != layout.nbytes:
        raise CorruptError(f"{len(samples)} bytes of samples cannot be packed by bzip2 at level {level}")
    before, after, behind = (told.take(told.number()) for _ in range(3))
    told.finish()
    return bz2.compress(before + samples + after, level) + behind
