"""Lossless JPEG (ISO/IEC 10918-1, annex H; Huffman, predictors 1 to 7), undone and done again with the stream's own tables.

A sample is predicted from its finished neighbours; the difference, modulo 2**16, is coded as its number of bits (a Huffman code)
and those bits. Nothing else is free: predictor, tables and restarts stand in the stream, so that the same samples give the same
bits, except for how the last byte is filled. `how` holds the bytes before and behind the entropy-coded data, and that.

Streams of one scan in which all components are sampled alike are undone, without point transform; others are none of this
packing. Samples of signed layouts with fewer bits than their type are two's complement of the stream's precision.
"""

import functools

import numpy as np
from numpy.typing import NDArray

from voxz.container.cursor import Cursor
from voxz.entropy.varint import varint
from voxz.errors import CorruptError
from voxz.io.packings import dicom_items
from voxz.io.packings.jpeg_stream import SOF_LOSSLESS, JpegStream, in_layout, out_of_layout, read_head
from voxz.jit import kernel
from voxz.volume.layout import Layout

MOST_EXPANSION = 32
"""Bits of samples for each bit of a stream, at most: no code is shorter than one bit."""


@kernel
def remove_stuffing(data, start, out, ends, most):  # type: ignore[no-untyped-def]
    """Copy entropy-coded data without the bytes that follow 0xFF; returns bytes written, restarts passed, and where it ended.

    Parameters
    ----------
    data : uint8 (bytes,), the stream
    start : first byte of the entropy-coded data
    out : uint8 (`most` or more,), filled
    ends : int64 (restarts,), filled with the bytes written before each restart
    most : bytes to write at most
    """
    written, restarts, i = 0, 0, start
    while i < data.shape[0] and written < most:
        byte = data[i]
        if byte == 0xFF:
            if i + 1 >= data.shape[0]:
                break
            following = data[i + 1]
            if following == 0:
                i += 1
            elif 0xD0 <= following <= 0xD7 and restarts < ends.shape[0] and following == 0xD0 + (restarts & 7):
                ends[restarts] = written
                restarts += 1
                i += 2
                continue
            else:
                break
        out[written] = byte
        written += 1
        i += 1
    return written, restarts, i


@kernel
def predict(samples, y, x, c, first_row, predictor, middle):  # type: ignore[no-untyped-def]
    """Prediction of a sample.

    Parameters
    ----------
    samples : uint16 (rows, columns, components)
    y, x, c : place of the sample
    first_row : rows before it lie behind a restart
    predictor : 1 to 7 (table H.1)
    middle : prediction of the first sample
    """
    if y == first_row:
        return np.int64(samples[y, x - 1, c]) if x > 0 else np.int64(middle)
    above = np.int64(samples[y - 1, x, c])
    if x == 0 or predictor == 2:
        return above
    left = np.int64(samples[y, x - 1, c])
    if predictor == 1:
        return left
    corner = np.int64(samples[y - 1, x - 1, c])
    if predictor == 3:
        return corner
    if predictor == 4:
        return left + above - corner
    if predictor == 5:
        return left + ((above - corner) >> 1)
    if predictor == 6:
        return above + ((left - corner) >> 1)
    return (left + above) >> 1


@kernel
def decode(data, ends, samples, codes, tables, predictor, middle, restart_rows):  # type: ignore[no-untyped-def]
    """Decode entropy-coded data without stuffing; returns their bits, -1 if damaged.

    Parameters
    ----------
    data : uint8 (bytes,)
    ends : int64 (restarts + 1,), place behind the data up to each restart, and behind all
    samples : uint16 (rows, columns, components), filled
    codes : uint16 (tables, 65536), for each 16 bits the code they begin with, as ``length << 8 | symbol``; 0 for none
    tables : int64 (components,), table of each
    predictor, middle : as for `predict`
    restart_rows : rows between restarts; 0 for none
    """
    rows, columns, components = samples.shape
    position, bits, have, restart, first_row = 0, np.int64(0), 0, 0, 0
    end = ends[0]
    for y in range(rows):
        if restart_rows and y and y % restart_rows == 0:
            position, bits, have, first_row = end, np.int64(0), 0, y
            restart += 1
            end = ends[restart]
        for x in range(columns):
            for c in range(components):
                while have < 32:
                    bits <<= 8
                    if position < end:
                        bits |= np.int64(data[position])
                    else:
                        bits |= 0xFF
                    position += 1
                    have += 8
                code = np.int64(codes[tables[c], (bits >> (have - 16)) & 0xFFFF])
                length = code >> 8
                if length == 0:
                    return -1
                size = code & 0xFF
                have -= length
                if size == 16:
                    difference = np.int64(32768)
                elif size == 0:
                    difference = np.int64(0)
                else:
                    have -= size
                    difference = (bits >> have) & ((1 << size) - 1)
                    if difference >> (size - 1) == 0:
                        difference -= (1 << size) - 1
                bits &= (np.int64(1) << have) - 1
                samples[y, x, c] = (predict(samples, y, x, c, first_row, predictor, middle) + difference) & 0xFFFF
        if position - have // 8 > end:
            return -1
    return 8 * position - have


@kernel
def put_byte(out, i, byte):  # type: ignore[no-untyped-def]
    """Write a byte of entropy-coded data, with one of stuffing where it needs it; returns the place behind it."""
    out[i] = byte
    if byte == 0xFF:
        out[i + 1] = 0
        return i + 2
    return i + 1


@kernel
def encode(samples, out, words, lengths, tables, predictor, middle, restart_rows, fill):  # type: ignore[no-untyped-def]
    """Write the entropy-coded data of samples; returns how many bytes, or -1 if a difference has no code.

    Parameters
    ----------
    samples : uint16 (rows, columns, components)
    out : uint8 (bytes,), long enough, filled
    words, lengths : int64 (tables, 17), code of each symbol and its bits; 0 bits for none
    tables, predictor, middle, restart_rows : as for `decode`
    fill : 1 if bytes are filled up with ones, else 0
    """
    rows, columns, components = samples.shape
    i, bits, have, restarts, first_row = 0, np.int64(0), 0, 0, 0
    for y in range(rows):
        if restart_rows and y and y % restart_rows == 0:
            if have:
                i = put_byte(out, i, ((bits << (8 - have)) | ((1 << (8 - have)) - 1 if fill else 0)) & 0xFF)
            out[i] = 0xFF
            out[i + 1] = 0xD0 + (restarts & 7)
            i += 2
            bits, have, first_row = np.int64(0), 0, y
            restarts += 1
        for x in range(columns):
            for c in range(components):
                predicted = predict(samples, y, x, c, first_row, predictor, middle)
                difference = (np.int64(samples[y, x, c]) - predicted) & 0xFFFF
                if difference > 32768:
                    difference -= 65536
                magnitude, size = abs(difference), 0
                while magnitude >> size:
                    size += 1
                length = lengths[tables[c], size]
                if length == 0:
                    return -1
                bits = bits << length | words[tables[c], size]
                have += length
                if 0 < size < 16:
                    bits = bits << size | (difference if difference > 0 else difference + (1 << size) - 1)
                    have += size
                while have >= 8:
                    have -= 8
                    i = put_byte(out, i, (bits >> have) & 0xFF)
                bits &= (np.int64(1) << have) - 1
    if have:
        i = put_byte(out, i, ((bits << (8 - have)) | ((1 << (8 - have)) - 1 if fill else 0)) & 0xFF)
    return i


@functools.lru_cache(maxsize=16)
def _codes(counts: bytes, symbols: bytes) -> tuple[NDArray[np.uint16], NDArray[np.int64], NDArray[np.int64]] | None:
    """Tables of a Huffman code for `decode` and `encode`; None if it is none that differences can have."""
    if len(counts) != 16 or len(symbols) != sum(counts) or not symbols or max(symbols) > 16:
        return None
    table, words, lengths = np.zeros(1 << 16, np.uint16), np.zeros(17, np.int64), np.zeros(17, np.int64)
    word = number = 0
    for length in range(1, 17):
        for _ in range(counts[length - 1]):
            if word >= 1 << length:
                return None
            symbol = symbols[number]
            table[word << (16 - length) : (word + 1) << (16 - length)] = length << 8 | symbol
            words[symbol], lengths[symbol] = word, length
            word, number = word + 1, number + 1
        word <<= 1
    return table, words, lengths


_NO_CODE = np.zeros(1 << 16, np.uint16), np.zeros(17, np.int64), np.zeros(17, np.int64)


class _Coder:
    """What both directions need of the head of a stream."""

    def __init__(self, head: JpegStream, layout: Layout) -> None:
        self.shape = head.rows, head.columns, len(head.components)
        self.predictor = head.parameters[0]
        self.middle = 1 << (head.precision - 1) if head.precision else 0
        self.restart_rows = head.restart // head.columns if head.columns else 0
        numbers = sorted({table >> 4 for _, table in head.scan})
        tables = [_codes(*head.huffman.get(number, (b"", b""))) for number in numbers]
        self.tables = np.array([numbers.index(table >> 4) for _, table in head.scan], np.int64)
        known = [table for table in tables if table is not None]
        self.codes, self.words, self.lengths = (np.stack([table[k] for table in known or [_NO_CODE]]) for k in range(3))
        self.fits = (
            head.kind == SOF_LOSSLESS
            and len(known) == len(tables) > 0
            and [number for number, _ in head.scan] == [number for number, _ in head.components]
            and len({factors for _, factors in head.components}) == 1
            and 1 <= self.predictor <= 7
            and head.parameters[2] & 15 == 0
            and (head.restart == 0 or (head.columns > 0 and head.restart % head.columns == 0))
            and layout.dtype.kind in "iu"
            and layout.dtype.itemsize <= 2
            and 2 <= head.precision <= 8 * layout.dtype.itemsize
            and int(np.prod(self.shape)) * layout.dtype.itemsize == layout.nbytes > 0
        )

    def undo(self, stream: bytes, start: int) -> tuple[NDArray[np.uint16], int, int] | None:
        """Samples of the entropy-coded data from `start`, where they end, and how their last byte is filled; None if damaged."""
        data = np.frombuffer(stream, np.uint8)
        samples = np.empty(self.shape, np.uint16)
        most = -(-self.shape[0] // self.restart_rows) if self.restart_rows else 1
        clean, ends = np.empty(len(data), np.uint8), np.zeros(most, np.int64)
        written, restarts, end = remove_stuffing(data, start, clean, ends[: most - 1], len(data))
        ends[restarts] = written
        if restarts != most - 1:
            return None
        bits = decode(clean, ends, samples, self.codes, self.tables, self.predictor, self.middle, self.restart_rows)
        if bits < 0:
            return None
        used = -(-bits // 8)
        if used < written:
            _, _, end = remove_stuffing(data, start, clean, ends[: most - 1], used)
        lowest_filled = int(clean[used - 1]) & 1 if bits % 8 else 1
        return samples, int(end), lowest_filled

    def redo(self, samples: NDArray[np.uint16], fill: int) -> bytes | None:
        """Entropy-coded data of samples; None if the tables lack a code."""
        restarts = -(-self.shape[0] // self.restart_rows) if self.restart_rows else 0
        out = np.empty(8 * samples.size + 4 * restarts + 16, np.uint8)
        args = (self.words, self.lengths, self.tables, self.predictor, self.middle, self.restart_rows, fill)
        count = encode(samples, out, *args)
        return None if count < 0 else out[:count].tobytes()


def unpack(data: bytes, layout: Layout) -> tuple[bytes, bytes] | None:
    """Samples of a stream, bare or in fragments, and what `pack` needs; None if it cannot be made again."""
    unwrapped = dicom_items.unwrap(data)
    head = read_head(unwrapped[0]) if unwrapped else None
    if unwrapped is None or head is None or layout.nbytes > MOST_EXPANSION * len(data):
        return None
    stream, lengths = unwrapped
    coder = _Coder(head, layout)
    undone = coder.undo(stream, head.start) if coder.fits else None
    if undone is None:
        return None
    samples, end, fill = undone
    if int(samples.max()) >> head.precision:
        return None
    behind = stream[end:]
    how = lengths + varint(fill) + varint(head.start) + stream[: head.start] + varint(len(behind)) + behind
    return in_layout(samples, head.precision, layout), how


def pack(samples: bytes, how: bytes, layout: Layout) -> bytes:
    """The bytes that `unpack` was given."""
    told = Cursor(how)
    lengths, fill = dicom_items.take_lengths(told), told.number()
    before, behind = told.take(told.number()), told.take(told.number())
    told.finish()
    head = read_head(before)
    coder = _Coder(head, layout) if head else None
    if head is None or coder is None or not coder.fits or len(samples) != layout.nbytes:
        raise CorruptError("the head of a lossless JPEG stream does not fit its samples")
    again = coder.redo(out_of_layout(samples, head.precision, layout, coder.shape), fill)
    if again is None:
        raise CorruptError("samples of a lossless JPEG stream have no code in its tables")
    return dicom_items.wrap(before + again + behind, lengths)
