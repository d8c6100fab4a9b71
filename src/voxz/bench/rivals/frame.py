"""The few bytes around what a rival codes, so that its file stands on its own: shape, type, offset and the parts' lengths.

About 20 bytes, and two or three more for every part, are counted as size of the rival.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from voxz.entropy.varint import varint
from voxz.volume.layout import DTYPES, Layout


@dataclass(frozen=True)
class Frame:
    """A rival's file."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int
    parts: list[bytes]


def pack(frame: Frame) -> bytes:
    """Bytes of a frame."""
    code = Layout(frame.shape, frame.dtype, first_axis_fastest=False).dtype_code()
    zigzag = 2 * frame.offset if frame.offset >= 0 else -2 * frame.offset - 1
    numbers = [code, len(frame.shape), *frame.shape, zigzag, len(frame.parts), *map(len, frame.parts)]
    return b"".join([*map(varint, numbers), *frame.parts])


def unpack(blob: bytes) -> Frame:
    """Undo `pack`."""
    at = 0

    def take() -> int:
        nonlocal at
        value = shift = 0
        while blob[at] & 128:
            value |= (blob[at] & 127) << shift
            at, shift = at + 1, shift + 7
        at += 1
        return value | blob[at - 1] << shift

    dtype = np.dtype(DTYPES[take()])
    shape = tuple(take() for _ in range(take()))
    zigzag = take()
    lengths = [take() for _ in range(take())]
    parts = []
    for length in lengths:
        parts.append(blob[at : at + length])
        at += length
    return Frame(shape, dtype, zigzag // 2 if zigzag % 2 == 0 else -(zigzag + 1) // 2, parts)
