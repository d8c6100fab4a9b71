"""The picture of a PNG file: IDAT chunks, deflate, and a filter for each row (ISO/IEC 15948). Filters are kept, not guessed."""

import zlib

import numpy as np

from voxz.container.cursor import Cursor
from voxz.entropy.varint import varint
from voxz.errors import CorruptError
from voxz.io.packings import zlib_stream
from voxz.jit import kernel
from voxz.volume.layout import Layout

MOST_FILTERS = 4
_IDAT = b"IDAT"


@kernel
def undo(rows, filters, pixel):  # type: ignore[no-untyped-def]
    """Undo the filters of rows of bytes, in place; neighbours lie `pixel` bytes apart.

    Parameters
    ----------
    rows : uint8 (rows, bytes), changed
    filters : uint8 (rows,), 0 to MOST_FILTERS
    pixel : bytes of a pixel
    """
    for y in range(rows.shape[0]):
        for x in range(rows.shape[1]):
            rows[y, x] = (np.int64(rows[y, x]) + predicted(rows, y, x, filters[y], pixel)) & 255


@kernel
def redo(rows, filters, pixel):  # type: ignore[no-untyped-def]
    """Filter rows of bytes, in place.

    Parameters
    ----------
    rows, filters, pixel : as for `undo`
    """
    for y in range(rows.shape[0] - 1, -1, -1):
        for x in range(rows.shape[1] - 1, -1, -1):
            rows[y, x] = (np.int64(rows[y, x]) - predicted(rows, y, x, filters[y], pixel)) & 255


@kernel
def predicted(rows, y, x, kind, pixel):  # type: ignore[no-untyped-def]
    """What a filter takes off a byte.

    Parameters
    ----------
    rows, pixel : as for `undo`
    y, x : place of the byte
    kind : number of the filter
    """
    left = np.int64(rows[y, x - pixel]) if x >= pixel else np.int64(0)
    if kind == 1:
        return left
    up = np.int64(rows[y - 1, x]) if y > 0 else np.int64(0)
    if kind == 2:
        return up
    if kind == 3:
        return (left + up) >> 1
    if kind == 0:
        return np.int64(0)
    corner = np.int64(rows[y - 1, x - pixel]) if y > 0 and x >= pixel else np.int64(0)
    by_left, by_up, by_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
    if by_left <= by_up and by_left <= by_corner:
        return left
    return up if by_up <= by_corner else corner


def unpack(data: bytes, layout: Layout, *options: int) -> tuple[bytes, bytes] | None:
    """Samples, and what `pack` needs; None if packing again would not give `data`."""
    split = _chunks(data)
    if split is None:
        return None
    stream, lengths = split
    height, width = (1, *layout.memory_shape)[-2:]
    pixel = layout.channels * layout.dtype.itemsize
    unwrapped = zlib_stream.unwrap(stream, height * (1 + width * pixel))
    if unwrapped is None or len(unwrapped[0]) != height * (1 + width * pixel):
        return None
    content, how, length = unwrapped
    lines = np.frombuffer(content, np.uint8).reshape(height, -1)
    filters, rows = lines[:, 0].copy(), lines[:, 1:].copy()
    if height and filters.max() > MOST_FILTERS:
        return None
    undo(rows, filters, pixel)
    behind = stream[length:]
    told = varint(len(lengths)) + b"".join(map(varint, lengths)) + varint(len(behind)) + behind + filters.tobytes()
    return rows.tobytes(), zlib.crc32(data).to_bytes(4, "little") + told + how


def pack(samples: bytes, how: bytes, layout: Layout) -> bytes:
    """The bytes that `unpack` was given; `UnsupportedError` if this zlib makes others."""
    if len(samples) != layout.nbytes or not layout.memory_shape or not layout.nbytes:
        raise CorruptError(f"{len(samples)} bytes of samples do not make a picture")
    told = Cursor(how)
    crc32, count = int.from_bytes(told.take(4), "little"), told.number()
    if count > told.left:
        raise CorruptError("a picture has more chunks than lengths")
    lengths = [told.number() for _ in range(count)]
    behind = told.take(told.number())
    height = (1, *layout.memory_shape)[-2]
    filters = np.frombuffer(told.take(height), np.uint8)
    if filters.max() > MOST_FILTERS:
        raise CorruptError(f"a row of a picture has the filter {filters.max()}, expected 0 to {MOST_FILTERS}")
    rows = np.frombuffer(samples, np.uint8).reshape(height, -1).copy()
    redo(rows, filters, layout.channels * layout.dtype.itemsize)
    stream = zlib_stream.wrap(np.concatenate([filters[:, None], rows], axis=1).tobytes(), told) + behind
    told.finish()
    out, at = [], 0
    for length in lengths:
        body = _IDAT + stream[at : at + length]
        out.append(len(body[4:]).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big"))
        at += length
    return zlib_stream.refuse_repacked(b"".join(out), crc32)


def _chunks(data: bytes) -> tuple[bytes, list[int]] | None:
    """The stream of IDAT chunks that follow each other, and their lengths; None if they contradict themselves."""
    parts, at = [], 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        body = data[at + 4 : at + 8 + length]
        if body[:4] != _IDAT or zlib.crc32(body).to_bytes(4, "big") != data[at + 8 + length : at + 12 + length]:
            return None
        parts.append(body[4:])
        at += 12 + length
    return b"".join(parts), list(map(len, parts))
