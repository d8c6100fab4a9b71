"""MGH and MGZ, FreeSurfer's format: a header of 284 bytes, big-endian samples, and what programs left behind them.

The header has the size of a voxel, the directions of the axes and the place of the middle voxel, if they are known (FreeSurfer's
wiki, FsTutorial/MghFormat).
"""

import struct
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from voxz.errors import CorruptError
from voxz.io.foreign_file import Beside, ForeignFile, Space, Stretch
from voxz.io.header_text import affine_of, check_room, check_shape
from voxz.volume.layout import Layout

FORMAT = "mgh"
HEADER = 284
TYPES = {0: ">u1", 1: ">i4", 3: ">f4", 4: ">i2", 10: ">u2"}

_UNKNOWN_DIRECTIONS = ((-1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, 1.0, 0.0))
"""Of the axes, where the header does not tell: coronal slices, x to the left, y down, z to the front."""


def recognise(head: bytes, name: str) -> bool:
    """Whether the header is one of version 1."""
    return len(head) >= HEADER and head[:4] == b"\0\0\0\1" and int.from_bytes(head[20:24], "big") in TYPES


def parse(file: BinaryIO, size: int, name: str, beside: Beside) -> ForeignFile:
    """Where the samples lie. `CorruptError` if the header is impossible or the file ends before they do."""
    file.seek(0)
    header = file.read(HEADER)
    if len(header) < HEADER or not recognise(header, name):
        raise CorruptError("this is no MGH header")
    shape, dtype = list(struct.unpack_from(">4i", header, 4)), np.dtype(TYPES[int.from_bytes(header[20:24], "big")])
    check_shape(shape, dtype.itemsize)
    layout = Layout(tuple(shape if shape[3] != 1 else shape[:3]), dtype, first_axis_fastest=True)
    check_room(HEADER, layout.nbytes, size)
    axes = ("x", "y", "z", "t")[: len(layout.shape)]
    return ForeignFile(FORMAT, {name: (Stretch(HEADER, layout.nbytes, layout),)}, Space(_affine(header, shape), axes))


def _affine(header: bytes, shape: list[int]) -> NDArray[np.float64] | None:
    known = int.from_bytes(header[28:30], "big")
    numbers = np.frombuffer(header, ">f4", 15, 30).astype(np.float64)
    spacing, directions, middle = numbers[:3], numbers[3:12].reshape(3, 3), numbers[12:]
    if not known:
        spacing, directions, middle = np.ones(3), np.array(_UNKNOWN_DIRECTIONS), np.zeros(3)
    steps = directions * spacing[:, None]
    return affine_of(steps, middle - np.array(shape[:3]) / 2 @ steps)
