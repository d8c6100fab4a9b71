"""PNG (ISO/IEC 15948): pictures of 8 and 16 bits a sample, not interlaced. Numbered files of a folder are one array."""

from typing import BinaryIO

import numpy as np

from voxz.errors import CorruptError, UnsupportedError
from voxz.io.foreign_file import Beside, ForeignFile, Space, Stretch
from voxz.io.header_text import check_room, check_shape
from voxz.io.numbered import numbered
from voxz.volume.layout import Layout

FORMAT = "png"
SIGNATURE = b"\x89PNG\r\n\x1a\n"
MOST_CHUNKS = 1 << 20
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples of a pixel by the type of colour; 3 are numbers in a palette."""


def recognise(head: bytes, name: str) -> bool:
    """Whether it begins with PNG's signature."""
    return head[:8] == SIGNATURE


def parse(file: BinaryIO, size: int, name: str, beside: Beside) -> ForeignFile:
    """Where the compressed picture lies.

    Raises `CorruptError` if the file ends early, `UnsupportedError` for interlaced pictures and samples of less than 8 bits.
    """
    file.seek(0)
    head = file.read(33)
    if len(head) < 33 or head[:8] != SIGNATURE or head[12:16] != b"IHDR":
        raise CorruptError("this is no PNG header")
    width, height = int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    depth, colour, interlaced = head[24], head[25], head[28]
    if depth not in (8, 16) or colour not in CHANNELS or interlaced or not width or not height:
        raise UnsupportedError("interlaced PNG pictures, and those of less than 8 bits, are kept as they are")
    dtype = np.dtype("u1" if depth == 8 else ">u2")
    check_shape([width, height, CHANNELS[colour]], dtype.itemsize)
    start, end = _pixels(file, size)
    layout = Layout((width, height), dtype, first_axis_fastest=True, channels=CHANNELS[colour])
    key, position = numbered(name)
    stretch = Stretch(start, end - start, layout, "png", (FORMAT, *key, colour), position)
    return ForeignFile(FORMAT, {name: (stretch,)}, Space(None, ("x", "y")))


def _pixels(file: BinaryIO, size: int) -> tuple[int, int]:
    """From the first IDAT chunk to the end of the last of those that follow it."""
    at, start = len(SIGNATURE), 0
    for _ in range(MOST_CHUNKS):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            break
        if start and head[4:] != b"IDAT":
            return start, at
        start = start or (at if head[4:] == b"IDAT" else 0)
        at += 12 + int.from_bytes(head[:4], "big")
        check_room(0, at, size)
    raise CorruptError("the PNG file ends before its picture does")
