"""AFNI, .HEAD and .BRIK(.gz): a text header, and sub-bricks one after the other in a file of their own.

Sub-bricks may be of different types: each run of equal ones is an array (afni.nimh.nih.gov, README.attributes).
"""

import contextlib
import itertools
import re
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from voxz.errors import CorruptError, UnsupportedError
from voxz.io.foreign_file import Beside, ForeignFile, Space, Stretch
from voxz.io.header_text import ByteOrder, affine_of, check_room, check_shape, decimals, integers, read_text, size_of
from voxz.volume.layout import Layout

FORMAT = "afni"
TYPES = {0: "u1", 1: "i2", 2: "i4", 3: "f4", 4: "f8", 5: "c8"}
"""Numbers of BRICK_TYPES; 6 is RGB bytes."""

_RGB = 6
_ATTRIBUTE = re.compile(r"type\s*=\s*(string|integer|float)-attribute\s+name\s*=\s*(\S+)\s+count\s*=\s*(\d+)\s*\n", re.IGNORECASE)


def recognise(head: bytes, name: str) -> bool:
    """Whether it is the text of a .HEAD file."""
    return re.match(rb"\s*type\s*=\s*(string|integer|float)-attribute\s", head, re.IGNORECASE) is not None


def parse(file: BinaryIO, size: int, name: str, beside: Beside) -> ForeignFile:
    """Where the samples lie in the .BRIK file.

    Raises `CorruptError` if the header contradicts itself or the .BRIK file ends early, `UnsupportedError` if there is none.
    """
    attributes = _attributes(read_text(file, size))
    shape = integers(attributes.get("DATASET_DIMENSIONS", ""))[:3]
    kinds = integers(attributes.get("BRICK_TYPES", ""))
    if len(shape) != 3 or min(shape) < 1 or not kinds or any(kind not in (*TYPES, _RGB) for kind in kinds):
        raise CorruptError(f"the AFNI header has the sizes {shape} and the types {kinds[:20]}")
    order: ByteOrder = ">" if attributes.get("BYTEORDER_STRING", "").strip().startswith("'MSB") else "<"
    brick, data = _brick(name, beside)
    length, at, stretches = size_of(data), 0, []
    for kind, run in itertools.groupby(kinds):
        count = len(list(run))
        dtype = np.dtype("u1" if kind == _RGB else TYPES[kind]).newbyteorder(order)
        check_shape([*shape, count], dtype.itemsize)
        seen = (*shape, count) if count > 1 else tuple(shape)
        layout = Layout(seen, dtype, first_axis_fastest=True, channels=3 if kind == _RGB else 1)
        check_room(at, layout.nbytes, length)
        stretches.append(Stretch(at, layout.nbytes, layout))
        at += layout.nbytes
    factors = [factor or 1.0 for factor in decimals(attributes.get("BRICK_FLOAT_FACS", ""))]
    scaling = tuple((factor, 0.0) for factor in (factors if len(set(factors)) > 1 else factors[:1]))
    axes = ("x", "y", "z", "t") if len(kinds) > 1 else ("x", "y", "z")
    space = Space(_affine(attributes), axes, () if scaling == ((1.0, 0.0),) or len(stretches) > 1 else scaling)
    return ForeignFile(FORMAT, {brick: tuple(stretches)}, space)


def _attributes(text: str) -> dict[str, str]:
    found = list(_ATTRIBUTE.finditer(text))
    ends = [*(match.start() for match in found[1:]), len(text)] if found else []
    return {match[2].upper(): text[match.end() : end] for match, end in zip(found, ends, strict=True)}


def _brick(name: str, beside: Beside) -> tuple[str, BinaryIO]:
    stem = re.sub(r"\.head$", "", name, flags=re.IGNORECASE)
    for ending in (".BRIK", ".BRIK.gz", ".brik", ".brik.gz"):
        with contextlib.suppress(UnsupportedError):
            return stem + ending, beside(stem + ending)
    raise UnsupportedError(f"{name} has no .BRIK file beside it")


def _affine(attributes: dict[str, str]) -> NDArray[np.float64] | None:
    """Indices to mm: AFNI counts to the left, to the back and up."""
    numbers = decimals(attributes.get("IJK_TO_DICOM_REAL", "") or attributes.get("IJK_TO_DICOM", ""))
    if len(numbers) < 12:
        return None
    matrix = np.array(numbers[:12]).reshape(3, 4)
    return affine_of(matrix[:, :3].T, matrix[:, 3], lps=True)
