"""LZW as TIFF has it: codes of 9 to 12 bits, high bits first, that grow one code early (TIFF 6.0, section 13).

Encoders take the longest string that is in the table; what they are free in is when they clear it. So a stream is told by the
numbers of codes between its clear codes, which are nearly always equal, and by the bits behind the last code, where they are
not an end code and zeros.
"""

import numpy as np

from voxz.container.cursor import Cursor
from voxz.entropy.varint import varint
from voxz.errors import CorruptError
from voxz.jit import kernel

CLEAR, END, FIRST = 256, 257, 258
MOST_CODES = 4096
_HASHES = 1 << 14
_END_PREDICTED = b"\0"


@kernel
def decode(data, out, prefix, suffix, lengths, runs):  # type: ignore[no-untyped-def]
    """Undo a stream; returns the number of clear codes and the bits that were read.

    The first is -1 for a stream that is none, or does not fill `out` exactly.

    Parameters
    ----------
    data : uint8 (bytes,)
    out : uint8 (bytes,), filled
    prefix, suffix, lengths : int64 (MOST_CODES,), room: the string before the last byte of each code, that byte, and bytes in all
    runs : int64 (clear codes at most,), filled with the number of codes after each clear code
    """
    bit, width, following, previous = 0, 9, FIRST, -1
    written, clears = 0, 0
    bits = data.shape[0] * 8
    while written < out.shape[0] or clears == 0:
        if bit + width > bits:
            return -1, 0
        at = bit >> 3
        window = np.int64(data[at]) << 16
        if at + 1 < data.shape[0]:
            window |= np.int64(data[at + 1]) << 8
        if at + 2 < data.shape[0]:
            window |= np.int64(data[at + 2])
        code = (window >> (24 - width - (bit & 7))) & ((1 << width) - 1)
        bit += width
        if code == CLEAR:
            if clears == runs.shape[0]:
                return -1, 0
            runs[clears] = 0
            clears += 1
            width, following, previous = 9, FIRST, -1
            continue
        if clears == 0 or code == END:
            return -1, 0
        runs[clears - 1] += 1
        if previous < 0:
            if code > 255:
                return -1, 0
            out[written] = code
            written += 1
            previous = code
            continue
        if code > following or (code == following and following >= MOST_CODES):
            return -1, 0
        source = previous if code == following else code
        length = 1 if source < CLEAR else lengths[source]
        total = length + (1 if code == following else 0)
        if written + total > out.shape[0]:
            return -1, 0
        walk, place = source, written + length - 1
        while walk >= FIRST:
            out[place] = suffix[walk]
            walk = prefix[walk]
            place -= 1
        out[place] = walk
        if code == following:
            out[written + length] = out[written]
        if following < MOST_CODES:
            prefix[following] = previous
            suffix[following] = out[written]
            lengths[following] = (1 if previous < CLEAR else lengths[previous]) + 1
            following += 1
        written += total
        previous = code
        if following + 1 >= (1 << width) and width < 12:
            width += 1
    return clears, bit


@kernel
def encode(content, runs, out, keys, codes):  # type: ignore[no-untyped-def]
    """Write a clear code before each of the `runs` of codes; returns the bits that were written and the width of the next code.

    -1 if the runs are none of this content, or `out` is too short.

    Parameters
    ----------
    content : uint8 (bytes,)
    runs : int64 (clear codes,), codes after each
    out : uint8 (bytes,), zeros at first
    keys, codes : int64 (_HASHES,), room for a hash table: code << 8 | byte, and the code of both
    """
    at, bit, width, size = 0, 0, 9, content.shape[0]
    for run in range(runs.shape[0]):
        if bit + 12 > out.shape[0] * 8:
            return -1, 0
        bit = put(out, bit, CLEAR, width)
        width, following = 9, FIRST
        keys[:] = -1
        for count in range(runs[run]):
            if at >= size or bit + 12 > out.shape[0] * 8:
                return -1, 0
            code = np.int64(content[at])
            at += 1
            slot, fresh = 0, np.int64(-1)
            while at < size and fresh < 0:
                key = (code << 8) | np.int64(content[at])
                slot = (key * 40503) & (_HASHES - 1)
                while keys[slot] != key and keys[slot] >= 0:
                    slot = (slot + 1) & (_HASHES - 1)
                if keys[slot] == key:
                    code = np.int64(codes[slot])
                    at += 1
                else:
                    fresh = key
            bit = put(out, bit, code, width)
            if min(FIRST + count, MOST_CODES) + 1 >= (1 << width) and width < 12:
                width += 1
            if fresh >= 0 and following < MOST_CODES:
                keys[slot] = fresh
                codes[slot] = following
                following += 1
    return (bit, width) if at == size else (-1, 0)


@kernel
def put(out, bit, code, width):  # type: ignore[no-untyped-def]
    """Write a code; returns the next bit.

    Parameters
    ----------
    out : uint8 (bytes,), zeros from `bit` on
    bit : number of the first bit, high ones of a byte first
    code : whole number
    width : bits, 9 to 12
    """
    for k in range(width):
        if (code >> (width - 1 - k)) & 1:
            out[bit >> 3] |= 128 >> (bit & 7)
        bit += 1
    return bit


def unpack(data: bytes, size: int) -> tuple[bytes, bytes] | None:
    """Content of `size` bytes, and what `pack` needs; None if it cannot be made again."""
    stream, out = np.frombuffer(data, np.uint8), np.zeros(size, np.uint8)
    prefix, suffix, lengths = np.zeros((3, MOST_CODES), np.int64)
    runs = np.zeros(len(data) * 8 // 9 + 1, np.int64)
    clears, bit = decode(stream, out, prefix, suffix, lengths, runs)
    if clears < 0:
        return None
    how = varint(clears) + b"".join(varint(int(count)) for count in runs[:clears])
    content = out.tobytes()
    for tail in (_END_PREDICTED, varint(1 + len(data) - bit // 8) + data[bit // 8 :]):
        if pack(content, Cursor(how + tail)) == data:
            return content, how + tail
    return None


def pack(content: bytes, how: Cursor) -> bytes:
    """The stream again."""
    count = how.number()
    if count > how.left:
        raise CorruptError("an LZW stream has more clear codes than numbers of codes")
    runs = np.array([how.number() for _ in range(count)], np.int64)
    if runs.sum() > len(content):
        raise CorruptError("an LZW stream has more codes than bytes")
    out = np.zeros((len(content) + count) * 12 // 8 + 4, np.uint8)
    keys, codes = np.empty((2, _HASHES), np.int64)
    bit, width = encode(np.frombuffer(content, np.uint8), runs, out, keys, codes)
    if bit < 0:
        raise CorruptError("the codes of an LZW stream do not fit its content")
    tail = how.number()
    if tail:
        return out[: bit // 8].tobytes() + how.take(tail - 1)
    bit = put(out, bit, END, width)
    return out[: -(-bit // 8)].tobytes()
