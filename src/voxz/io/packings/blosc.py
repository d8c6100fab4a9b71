"""Samples in a buffer of Blosc, as Zarr's chunks have them. Packed by the package numcodecs, when the file is restored, too.

Options: number of the compressor, level, shuffle, bytes of a block (0: what Blosc takes).
"""

import zlib

import numpy as np

from voxz.container.cursor import Cursor
from voxz.entropy.varint import varint
from voxz.errors import CorruptError
from voxz.io.packings.numcodecs_package import numcodecs, refuse_repacked, unpacked
from voxz.volume.layout import Layout

NAMES = ("blosclz", "lz4", "lz4hc", "snappy", "zlib", "zstd")
SHUFFLES = ("noshuffle", "shuffle", "bitshuffle")

_HEADER = 16
_LARGEST_BLOCK = 1 << 30


def unpack(data: bytes, layout: Layout, *options: int) -> tuple[bytes, bytes] | None:
    """Samples, and what `pack` needs; None if it is no such buffer, or the package is not there."""
    name, level, shuffle, block = options
    sizes = [int.from_bytes(data[at : at + 4], "little") for at in (4, 12)]
    sound = len(data) >= _HEADER and data[0] == 2 and sizes == [layout.nbytes, len(data)]
    if not sound or not (0 <= level <= 9 and 0 <= shuffle <= 2 and 0 <= block <= _LARGEST_BLOCK):
        return None
    samples = unpacked("blosc", data, layout.nbytes)
    told = bytes([name, level, shuffle, data[3]]) + varint(block)
    return None if samples is None else (samples, zlib.crc32(data).to_bytes(4, "little") + told)


def pack(samples: bytes, how: bytes, layout: Layout) -> bytes:
    """The bytes that `unpack` was given; `UnsupportedError` if this Blosc makes others."""
    told = Cursor(how)
    crc32, (name, level, shuffle, size), block = int.from_bytes(told.take(4), "little"), told.take(4), told.number()
    told.finish()
    sound = name < len(NAMES) and level <= 9 and shuffle < len(SHUFFLES) and block <= _LARGEST_BLOCK and size
    if not sound or len(samples) != layout.nbytes:
        raise CorruptError("impossible settings of Blosc")
    items = np.frombuffer(samples, f"V{size}" if len(samples) % size == 0 else "V1")
    packer = numcodecs("blosc").Blosc(NAMES[name], level, shuffle, block)
    return refuse_repacked(bytes(packer.encode(items)), crc32)
