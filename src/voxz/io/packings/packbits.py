"""PackBits, row by row, as TIFF has it: the way of the encoder, or its control bytes."""

import numpy as np

from voxz.container.cursor import Cursor
from voxz.entropy.varint import varint
from voxz.errors import CorruptError
from voxz.io.packings.rle import RULES, plan, redo, undo

_BY_CONTROLS = len(RULES)


def unpack(data: bytes, size: int, row: int) -> tuple[bytes, bytes] | None:
    """Content of `size` bytes in rows of `row`, and what `pack` needs; None if it cannot be made again."""
    plane, controls = np.zeros(size, np.uint8), np.empty(len(data), np.uint8)
    read, count = undo(np.frombuffer(data, np.uint8), plane, controls)
    if read < 0:
        return None
    controls, content, behind = controls[:count], plane.tobytes(), data[read:]
    told = varint(len(behind)) + behind
    for number in range(_BY_CONTROLS):
        how = varint(row) + varint(number) + told
        if np.array_equal(_planned(content, number, row), controls):
            return content, how
    return content, varint(row) + varint(_BY_CONTROLS) + varint(count) + controls.tobytes() + told


def pack(content: bytes, how: Cursor) -> bytes:
    """The stream again."""
    row, number = how.number(), how.number()
    if number > _BY_CONTROLS or not row:
        raise CorruptError(f"PackBits has no rule {number} for rows of {row} bytes")
    by_controls = number == _BY_CONTROLS
    controls = np.frombuffer(how.take(how.number()), np.uint8) if by_controls else _planned(content, number, row)
    out = np.empty(len(content) + len(controls), np.uint8)
    length = redo(np.frombuffer(content, np.uint8), controls, out)
    if length < 0:
        raise CorruptError("the controls of a PackBits stream do not fit its content")
    return out[:length].tobytes() + how.take(how.number())


def _planned(content: bytes, number: int, row: int) -> "np.ndarray[tuple[int], np.dtype[np.uint8]]":
    rule, plane = RULES[number], np.frombuffer(content, np.uint8)
    controls = np.empty(len(plane), np.uint8)
    return controls[: plan(plane, row, rule.first, rule.within, rule.short_end, rule.lone_rest, controls)]
