"""Analyze 7.5, .hdr and .img, from before NIfTI: a header of 348 bytes and samples in a file of their own.

The first axis runs to the left, as SPM and nibabel take it. The middle of the volume is the origin, unless SPM wrote one.
"""

import contextlib
import re
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from voxz.errors import CorruptError, UnsupportedError
from voxz.io.foreign_file import Beside, ForeignFile, Space, Stretch
from voxz.io.header_text import ByteOrder, affine_of, check_room, check_shape, size_of
from voxz.volume.layout import Layout

FORMAT = "analyze"
HEADER = 348
TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 32: "c8", 64: "f8", 128: "u1", 130: "i1", 132: "u2", 136: "u4"}
"""Numbers of `datatype`; from 130 on those of SPM 2."""

_RGB = 128
_NIFTI = (b"ni1\0", b"n+1\0")


def recognise(head: bytes, name: str) -> bool:
    """Whether it is a header of 348 bytes in either byte order, and not NIfTI's."""
    sizes = (HEADER.to_bytes(4, "little"), HEADER.to_bytes(4, "big"))
    return len(head) >= HEADER and head[:4] in sizes and head[344:348] not in _NIFTI


def parse(file: BinaryIO, size: int, name: str, beside: Beside) -> ForeignFile:
    """Where the samples lie in the .img file.

    Raises `CorruptError` if the header is impossible or the .img file ends early, `UnsupportedError` if there is none.
    """
    file.seek(0)
    header = file.read(HEADER)
    if not recognise(header, name):
        raise CorruptError("this is no Analyze header")
    order: ByteOrder = "<" if header[0] == HEADER & 0xFF else ">"
    dim = np.frombuffer(header, f"{order}i2", 8, 40).tolist()
    kind = int(np.frombuffer(header, f"{order}i2", 1, 70)[0])
    if not 1 <= dim[0] <= 7 or kind not in TYPES:
        raise CorruptError(f"the Analyze header has {dim[0]} axes and samples of type {kind}")
    shape, dtype = dim[1 : dim[0] + 1], np.dtype(TYPES[kind]).newbyteorder(order)
    check_shape(shape, dtype.itemsize)
    while len(shape) > 3 and shape[-1] == 1:
        shape.pop()
    layout = Layout(tuple(shape), dtype, first_axis_fastest=True, channels=3 if kind == _RGB else 1)
    offset = float(np.frombuffer(header, f"{order}f4", 1, 108)[0])
    if not 0 <= offset < 1 << 40:
        raise CorruptError("the Analyze header has an impossible offset of the samples")
    image, data = _image(name, beside)
    check_room(int(offset), layout.nbytes, size_of(data))
    scale = float(np.frombuffer(header, f"{order}f4", 1, 112)[0])
    scaling = ((scale, 0.0),) if np.isfinite(scale) and scale not in (0.0, 1.0) else ()
    space = Space(_affine(header, order, dim), ("x", "y", "z", "t")[: len(shape)], scaling)
    return ForeignFile(FORMAT, {image: (Stretch(int(offset), layout.nbytes, layout),)}, space)


def _image(name: str, beside: Beside) -> tuple[str, BinaryIO]:
    stem = re.sub(r"\.hdr(\.gz)?$", "", name, flags=re.IGNORECASE)
    for ending in (".img", ".img.gz", ".IMG"):
        with contextlib.suppress(UnsupportedError):
            return stem + ending, beside(stem + ending)
    raise UnsupportedError(f"{name} has no .img file beside it")


def _affine(header: bytes, order: str, dim: list[int]) -> NDArray[np.float64] | None:
    lengths = np.array([dim[axis] if axis <= dim[0] else 1 for axis in (1, 2, 3)], np.float64)
    spacing = np.frombuffer(header, f"{order}f4", 3, 80).astype(np.float64) * (-1, 1, 1)
    origin = np.frombuffer(header, f"{order}i2", 3, 253).astype(np.float64)
    known = origin.any() and (origin > -lengths).all() and (origin < 2 * lengths).all()
    middle = origin - 1 if known else (lengths - 1) / 2
    return affine_of(np.diag(spacing), -middle * spacing)
