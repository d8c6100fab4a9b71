"""Fragments of DICOM's encapsulated frames: items with a length each, which a packing takes off and puts on again.

A packing may also meet a bare stream, as other formats hold it.
"""

from voxz.container.cursor import Cursor
from voxz.entropy.varint import varint
from voxz.errors import CorruptError

MOST_FRAGMENTS = 1 << 16

_ITEM = b"\xfe\xff\x00\xe0"


def unwrap(data: bytes) -> tuple[bytes, bytes] | None:
    """The stream that fragments hold, and how it was cut, for `take_lengths`; None if the fragments contradict themselves."""
    if data[:4] != _ITEM:
        return data, b"\0"
    parts, at = [], 0
    while at < len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] != _ITEM or at + 8 + length > len(data):
            return None
        parts.append(data[at + 8 : at + 8 + length])
        at += 8 + length
    if len(parts) > MOST_FRAGMENTS:
        return None
    return b"".join(parts), varint(len(parts)) + b"".join(varint(len(part)) for part in parts[:-1])


def take_lengths(how: Cursor) -> list[int] | None:
    """Lengths of all fragments but the last; None for a bare stream."""
    count = how.number()
    if count > MOST_FRAGMENTS:
        raise CorruptError(f"a frame has {count} fragments, expected at most {MOST_FRAGMENTS}")
    return [how.number() for _ in range(count - 1)] if count else None


def wrap(stream: bytes, lengths: list[int] | None) -> bytes:
    """Fragments of `lengths` and one with the rest of the stream, or the bare stream."""
    if lengths is None:
        return stream
    out, at = [], 0
    for length in [*lengths, len(stream) - sum(lengths)]:
        if not 0 <= length < 1 << 32:
            raise CorruptError("the fragments of a frame are longer than its stream")
        out.append(_ITEM + length.to_bytes(4, "little") + stream[at : at + length])
        at += length
    return b"".join(out)
