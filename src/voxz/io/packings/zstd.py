"""Samples in one frame of Zstandard, as Zarr's chunks have them. Packed by the package numcodecs, when the file is restored, too.

Options: level, and whether the frame has a checksum.
"""

import zlib

from voxz.container.cursor import Cursor
from voxz.entropy.varint import varint
from voxz.errors import CorruptError
from voxz.io.packings.numcodecs_package import numcodecs, refuse_repacked, unpacked
from voxz.volume.layout import Layout

HIGHEST, LOWEST = 22, -131072


def unpack(data: bytes, layout: Layout, *options: int) -> tuple[bytes, bytes] | None:
    """Samples, and what `pack` needs; None if it is no such frame, or the package is not there."""
    level, checksum = options
    if not data.startswith(b"\x28\xb5\x2f\xfd") or not LOWEST <= level <= HIGHEST:
        return None
    samples = unpacked("zstd", data, layout.nbytes)
    told = varint(level if level >= 0 else HIGHEST - level) + bytes([bool(checksum)])
    return None if samples is None else (samples, zlib.crc32(data).to_bytes(4, "little") + told)


def pack(samples: bytes, how: bytes, layout: Layout) -> bytes:
    """The bytes that `unpack` was given; `UnsupportedError` if this Zstandard makes others."""
    told = Cursor(how)
    crc32, number, checksum = int.from_bytes(told.take(4), "little"), told.number(), told.take(1)[0]
    told.finish()
    if number > HIGHEST - LOWEST or checksum > 1 or len(samples) != layout.nbytes:
        raise CorruptError("impossible settings of Zstandard")
    level = number if number <= HIGHEST else HIGHEST - number
    return refuse_repacked(bytes(numcodecs("zstd").Zstd(level, bool(checksum)).encode(samples)), crc32)
