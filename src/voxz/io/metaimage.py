"""MetaImage, .mha and .mhd (itk.org/Wiki/MetaIO): a text header, and samples behind it or in files of their own.

Axes are those of ITK: x to the left, y to the back.
"""

import math
import re
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from voxz.errors import CorruptError, UnsupportedError
from voxz.io.foreign_file import Beside, ForeignFile, Space, Stretch
from voxz.io.header_text import (
    MOST_FILES,
    affine_of,
    check_room,
    check_shape,
    decimals,
    integer,
    integers,
    read_start,
    size_of,
)
from voxz.volume.layout import Layout
from voxz.volume.view import IDENTITY, View, axes

FORMAT = "metaimage"
MOST_CHANNELS = 4

TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}

_DATA = re.compile(rb"^[ \t]*ElementDataFile[ \t]*=[ \t]*([^\r\n]*)(?:\r\n|\n|\r|$)", re.MULTILINE)


def recognise(head: bytes, name: str) -> bool:
    """Whether it begins with a field of MetaImage and says where the data are."""
    first = re.match(rb"[ \t]*(ObjectType|NDims|Comment|ObjectSubType)[ \t]*=", head)
    return first is not None and (_DATA.search(head) is not None or name.lower().endswith((".mha", ".mhd")))


def parse(file: BinaryIO, size: int, name: str, beside: Beside) -> ForeignFile:
    """Where the samples lie, in this file or in those that it names.

    Raises `CorruptError` if the header contradicts itself or a file ends before its samples do, `UnsupportedError` for samples
    that are kept as they are: text, and types that this does not know.
    """
    start = read_start(file)
    found = _DATA.search(start)
    if found is None:
        raise CorruptError("the MetaImage header names no data")
    fields = _fields(start[: found.end()].decode("latin-1"))
    dtype, big = TYPES.get(fields.get("ElementType", "")), _true(fields, "BinaryDataByteOrderMSB", "ElementByteOrderMSB")
    if dtype is None or fields.get("BinaryData", "True").lower().startswith("f"):
        raise UnsupportedError("MetaImage samples of this type, or as text, are kept as they are")
    kind = np.dtype(dtype).newbyteorder(">" if big else "<")
    sizes, channels = integers(fields.get("DimSize", "")), integer(fields.get("ElementNumberOfChannels", "1"))
    check_shape([*sizes, channels], kind.itemsize)
    if not sizes or channels < 1:
        raise CorruptError(f"the MetaImage header has the sizes {sizes} and {channels} channels")
    space = Space(_affine(fields, len(sizes)), ())
    said = found[1].decode("latin-1").strip()
    if said.upper() == "LOCAL":
        stretch = _stretch(size, found.end(), fields, *_seen(sizes, channels, kind))
        return ForeignFile(FORMAT, {name: (stretch,)}, space)
    files, inner = _data_files(said, start[found.end() :].decode("latin-1"), sizes)
    several = len(files) > 1
    stretches: dict[str, tuple[Stretch, ...]] = {}
    for number, other in enumerate(files):
        key, position = ((FORMAT, name), (float(number),)) if several else (None, ())
        length = size_of(beside(other))
        stretches[other] = (_stretch(length, 0, fields, *_seen(inner, channels, kind), key, position),)
    if len(stretches) != len(files):
        raise CorruptError("the MetaImage header names a data file twice")
    return ForeignFile(FORMAT, stretches, space)


def _fields(text: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in text.splitlines())
    return {key.strip(): value.strip() for key, equals, value in pairs if equals}


def _true(fields: dict[str, str], *names: str) -> bool:
    return any(fields.get(name, "").lower()[:1] in ("t", "1") for name in names)


def _data_files(said: str, behind: str, sizes: list[int]) -> tuple[list[str], list[int]]:
    """Names of the data files, and sizes of what each holds."""
    words = said.split()
    if words[:1] == ["LIST"]:
        files = [line.strip() for line in behind.splitlines() if line.strip()]
        axes_each = integer(words[1].rstrip("Dd")) if len(words) > 1 else len(sizes) - 1
    elif len(words) in (2, 3, 4) and re.fullmatch(r"[^%]*%\d*d[^%]*", words[0]):
        first, last, step = [*(integer(word) for word in words[1:]), *(1, 1, 1)[len(words) - 1 :]]
        if step < 1 or not first <= last or (last - first) // step >= MOST_FILES:
            raise CorruptError(f"the MetaImage header has the data files {said[:60]!r}")
        files, axes_each = [words[0] % number for number in range(first, last + 1, step)], len(sizes) - 1
    else:
        return [said], sizes
    if not 1 <= axes_each <= len(sizes) or len(files) > MOST_FILES or math.prod(sizes[axes_each:]) != len(files):
        raise CorruptError(f"the MetaImage header has {len(files)} data files for the sizes {sizes}")
    return files, sizes[:axes_each] if len(files) > 1 else sizes


def _seen(sizes: list[int], channels: int, dtype: np.dtype[np.generic]) -> tuple[Layout, View]:
    """Layout and view: up to four channels lie side by side, more are the slowest axis."""
    if channels <= MOST_CHANNELS:
        return Layout(tuple(sizes), dtype, first_axis_fastest=True, channels=channels), IDENTITY
    count = len(sizes)
    view = axes((*sizes[::-1], channels), (count, *range(count)))
    return Layout((*sizes, channels), dtype, first_axis_fastest=True), view


def _stretch(
    size: int,
    start: int,
    fields: dict[str, str],
    layout: Layout,
    view: View,
    key: tuple[str, str] | None = None,
    position: tuple[float, ...] = (),
) -> Stretch:
    skip = integer(fields.get("HeaderSize", "0"))
    if _true(fields, "CompressedData"):
        return Stretch(start, size - start, layout, "deflate", key, position, view)
    start = size - layout.nbytes if skip == -1 else start + max(skip, 0)
    check_room(start, layout.nbytes, size)
    return Stretch(start, layout.nbytes, layout, "raw", key, position, view)


def _affine(fields: dict[str, str], count: int) -> NDArray[np.float64] | None:
    if count < 3:
        return None
    matrix = _first(fields, "TransformMatrix", "Rotation", "Orientation")
    offset = _first(fields, "Offset", "Position", "Origin")
    spacing = _first(fields, "ElementSpacing", "ElementSize") or [1.0] * count
    directions = np.array(matrix).reshape(count, count) if len(matrix) == count * count else np.eye(count)
    place = offset if len(offset) == count else [0.0] * count
    if len(spacing) != count:
        return None
    return affine_of(directions[:3, :3] * np.array(spacing[:3])[:, None], place[:3], lps=True)


def _first(fields: dict[str, str], *names: str) -> list[float]:
    return next((decimals(fields[name]) for name in names if name in fields), [])
