"""A picture in strips or tiles, each compressed alone, as TIFF has it: they may lie in any order, with bytes between them.

Options: TIFF's numbers of the compression and the predictor, bytes of a strip (the last may be shorter), samples of a row in it,
samples from a pixel to the next, then offset and length of each strip.
"""

import zlib

import numpy as np

from voxz.container.cursor import Cursor
from voxz.entropy.varint import varint
from voxz.errors import CorruptError
from voxz.io.packings import lzw, packbits, predictors, zlib_stream
from voxz.io.packings.zlib_search import Finder
from voxz.volume.layout import Layout

PLAIN, LZW, DEFLATE, PACKBITS = 1, 5, 8, 32773
METHODS = (PLAIN, LZW, DEFLATE, PACKBITS)


def unpack(data: bytes, layout: Layout, *options: int) -> tuple[bytes, bytes] | None:
    """Samples of all strips one after the other, and what `pack` needs; None if packing again would not give `data`."""
    method, predictor, size, row, channels, *numbers = options
    places = list(zip(numbers[::2], numbers[1::2], strict=True))
    predictors.check(predictor, row, channels, layout.dtype)
    whole = size > 0 and not (size % (row * layout.dtype.itemsize) or layout.nbytes % (row * layout.dtype.itemsize))
    if method not in METHODS or not whole or len(places) != -(-layout.nbytes // size):
        return None
    finder, parts, hows = Finder(), [], []
    for number, (start, length) in enumerate(places):
        expected = min(size, layout.nbytes - number * size)
        unpacked = _unpack_strip(data[start : start + length], method, expected, row * layout.dtype.itemsize, finder)
        if unpacked is None or len(unpacked[0]) != expected or start + length > len(data):
            return None
        parts.append(predictors.undo(unpacked[0], predictor, row, channels, layout.dtype))
        hows.append(unpacked[1])
    order = sorted(range(len(places)), key=places.__getitem__)
    gaps, at = [], 0
    for number in order:
        start, length = places[number]
        if start < at:
            return None
        gaps.append(data[at:start])
        at = start + length
    gaps.append(data[at:])
    told = b"".join(map(varint, (method, predictor, size, row, channels)))
    told += b"".join(map(varint, np.argsort(order).tolist() if order != sorted(order) else [0] * len(order)))
    told += b"".join(varint(len(gap)) + gap for gap in gaps)
    return b"".join(parts), zlib.crc32(data).to_bytes(4, "little") + told + b"".join(hows)


def pack(samples: bytes, how: bytes, layout: Layout) -> bytes:
    """The bytes that `unpack` was given; `UnsupportedError` if this zlib makes others."""
    told = Cursor(how)
    crc32 = int.from_bytes(told.take(4), "little")
    method, predictor, size, row, channels = (told.number() for _ in range(5))
    itemsize = layout.dtype.itemsize
    predictors.check(predictor, row, channels, layout.dtype)
    whole = size and not (size % (row * itemsize) or layout.nbytes % (row * itemsize))
    if method not in METHODS or len(samples) != layout.nbytes or not whole:
        raise CorruptError(f"strips of {size} bytes by method {method} are impossible")
    count = -(-layout.nbytes // size)
    if count > told.left:
        raise CorruptError("there are more strips than places")
    places = [told.number() for _ in range(count)]
    gaps = [told.take(told.number()) for _ in range(count + 1)]
    strips = []
    for number in range(count):
        part = predictors.redo(samples[number * size : number * size + size], predictor, row, channels, layout.dtype)
        strips.append(_pack_strip(part, method, told))
    told.finish()
    order = sorted(range(count), key=places.__getitem__)
    data = b"".join(gap + strips[number] for gap, number in zip(gaps, order, strict=False)) + gaps[-1]
    return zlib_stream.refuse_repacked(data, crc32)


def _unpack_strip(data: bytes, method: int, size: int, row: int, finder: Finder) -> tuple[bytes, bytes] | None:
    if method == PLAIN:
        return data[:size], varint(len(data[size:])) + data[size:]
    if method == LZW:
        return lzw.unpack(data, size)
    if method == PACKBITS:
        return packbits.unpack(data, size, row)
    unwrapped = zlib_stream.unwrap(data, size, finder)
    if unwrapped is None:
        return None
    content, how, length = unwrapped
    return content, varint(len(data) - length) + data[length:] + how


def _pack_strip(content: bytes, method: int, how: Cursor) -> bytes:
    if method == PLAIN:
        return content + how.take(how.number())
    if method == LZW:
        return lzw.pack(content, how)
    if method == PACKBITS:
        return packbits.pack(content, how)
    behind = how.take(how.number())
    return zlib_stream.wrap(content, how) + behind
