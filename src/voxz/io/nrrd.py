"""NRRD and NHDR (teem.sourceforge.net/nrrd/format.html): a text header, and samples behind it or in files of their own.

Axes without a direction in space (colours, vectors, gradient directions) may be the fastest ones. Up to four values of such an
axis are channels of a voxel; more are seen as the slowest axis.
"""

import math
import re
from dataclasses import dataclass
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

FORMAT = "nrrd"
MOST_CHANNELS = 4
MOST_SKIPPED_LINES = 1 << 16

TYPES = {
    **dict.fromkeys(("signed char", "int8", "int8_t"), "i1"),
    **dict.fromkeys(("uchar", "unsigned char", "uint8", "uint8_t"), "u1"),
    **dict.fromkeys(("short", "short int", "signed short", "signed short int", "int16", "int16_t"), "i2"),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), "u2"),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t"), "i4"),
    **dict.fromkeys(("uint", "unsigned int", "uint32", "uint32_t"), "u4"),
    **dict.fromkeys(
        ("longlong", "long long", "long long int", "signed long long", "signed long long int", "int64", "int64_t"), "i8"
    ),
    **dict.fromkeys(("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"), "u8"),
    "float": "f4",
    "double": "f8",
}

_RAW, _GZIP, _BZ2 = "raw", "deflate", "bz2"
ENCODINGS = {"raw": _RAW, "gzip": _GZIP, "gz": _GZIP, "bzip2": _BZ2, "bz2": _BZ2}

_DOMAIN_KINDS = ("domain", "space", "time", "???", "none", "")
_RIGHT_IS_LEFT = ("left-posterior-superior", "lps", "left-posterior-superior-time", "lpst")
_SIGNS = {
    "right-anterior-superior": (1, 1),
    "ras": (1, 1),
    "right-anterior-superior-time": (1, 1),
    "rast": (1, 1),
    "left-anterior-superior": (-1, 1),
    "las": (-1, 1),
    "left-anterior-superior-time": (-1, 1),
    "last": (-1, 1),
    **dict.fromkeys(_RIGHT_IS_LEFT, (-1, -1)),
}
"""Signs of the first two coordinates in RAS, by the name of the space; in others there is no affine."""


@dataclass(frozen=True)
class Header:
    """Fields by their names, the names of data files of a LIST, and the bytes that the header takes."""

    fields: dict[str, str]
    listed: tuple[str, ...]
    length: int


def recognise(head: bytes, name: str) -> bool:
    """Whether the file begins with NRRD's magic."""
    return re.match(rb"NRRD000\d\r?\n", head) is not None


def parse(file: BinaryIO, size: int, name: str, beside: Beside) -> ForeignFile:
    """Where the samples lie, in this file or in those that it names.

    Raises `CorruptError` if the header contradicts itself or a file ends before its samples do, `UnsupportedError` for types and
    encodings that are kept as they are.
    """
    header = read_header(read_start(file))
    fields = header.fields
    kind, encoding = fields.get("type", "").lower(), ENCODINGS.get(fields.get("encoding", "").lower())
    if kind not in TYPES or encoding is None:
        raise UnsupportedError(
            f"NRRD samples of type {kind[:20]!r}, encoding {fields.get('encoding', '')[:20]!r}, are kept as they are"
        )
    big = fields.get("endian", "little").lower() == "big"
    dtype = np.dtype(TYPES[kind]).newbyteorder(">" if big else "<")
    sizes = integers(fields.get("sizes", ""))
    if not sizes or min(sizes) < 1 or len(sizes) != integer(fields.get("dimension", "")):
        raise CorruptError(f"the NRRD header has the sizes {sizes[:20]} and the dimension {fields.get('dimension', '')[:20]!r}")
    check_shape(sizes, dtype.itemsize)
    files, inner = data_files(header, sizes)
    whole, order = _layout(sizes, dtype, fields)
    space = Space(_affine(fields, order, whole), ())
    if not files:
        stretch = _stretch(file, size, header.length, encoding, fields, *_seen(sizes, dtype, order, whole))
        return ForeignFile(FORMAT, {name: (stretch,)}, space)
    if len(files) == 1:
        data = beside(files[0])
        stretch = _stretch(data, size_of(data), 0, encoding, fields, *_seen(sizes, dtype, order, whole))
        return ForeignFile(FORMAT, {files[0]: (stretch,)}, space)
    part, part_order = _layout(inner, dtype, fields)
    stretches: dict[str, tuple[Stretch, ...]] = {}
    for number, other in enumerate(files):
        data = beside(other)
        seen = _seen(inner, dtype, part_order, part)
        stretches[other] = (_stretch(data, size_of(data), 0, encoding, fields, *seen, (FORMAT, name), (float(number),)),)
    if len(stretches) != len(files):
        raise CorruptError("the NRRD header names a data file twice")
    return ForeignFile(FORMAT, stretches, space)


def read_header(start: bytes) -> Header:
    """The header that a file begins with: up to the first empty line, or its end."""
    fields: dict[str, str] = {}
    listed: list[str] = []
    at = start.find(b"\n") + 1
    if not at or not recognise(start, ""):
        raise CorruptError("this is no NRRD header")
    in_list = False
    while at < len(start):
        end = start.find(b"\n", at)
        end = len(start) if end < 0 else end
        line = start[at:end].decode("latin-1").rstrip("\r")
        at = min(end + 1, len(start))
        if in_list:
            listed += [line] if line else []
            continue
        if not line:
            return Header(fields, tuple(listed), at)
        key, colon, value = line.partition(":")
        if line.startswith("#") or not colon or value.startswith("="):
            continue
        fields.setdefault(key.strip().lower().replace(" ", ""), value.strip())
        in_list = key.strip().lower() in ("data file", "datafile") and value.split()[:1] == ["LIST"]
    return Header(fields, tuple(listed), at)


def data_files(header: Header, sizes: list[int]) -> tuple[list[str], list[int]]:
    """Names of the data files, none if the samples follow the header; and sizes of what each of several holds."""
    said = header.fields.get("datafile", "")
    words = said.split()
    if not said:
        return [], sizes
    if words[0] == "LIST":
        files, numbers = list(header.listed), words[1:]
    elif len(words) >= 4 and re.search(r"%\d*d", words[0]) and re.fullmatch(r"[^%]*%\d*d[^%]*", words[0]):
        first, last, step = (integer(word) for word in words[1:4])
        if not step or (last - first) // step >= MOST_FILES:
            raise CorruptError(f"the NRRD header has the data files {said[:60]!r}")
        files, numbers = [words[0] % number for number in range(first, last + (1 if step > 0 else -1), step)], words[4:]
    else:
        return [said], sizes
    if not 0 < len(files) <= MOST_FILES:
        raise CorruptError("the NRRD header lists no data files")
    axes_each = integer(numbers[0]) if numbers else len(sizes) - 1
    if len(files) == 1:
        return files, sizes
    if axes_each == len(sizes) and sizes[-1] % len(files) == 0:
        each = sizes[-1] // len(files)
        return files, [*sizes[:-1], each] if each > 1 else sizes[:-1]
    if not 1 <= axes_each < len(sizes) or math.prod(sizes[axes_each:]) != len(files):
        raise CorruptError(f"the NRRD header has {len(files)} data files of {axes_each} axes for the sizes {sizes}")
    return files, sizes[:axes_each]


def _layout(sizes: list[int], dtype: np.dtype[np.generic], fields: dict[str, str]) -> tuple[Layout, list[int]]:
    """Layout as it is seen, and its axes: numbers of those of the header, fastest first; a channel axis is left out."""
    beyond = _beyond_space(fields, len(sizes))
    order = sorted(range(len(sizes)), key=lambda axis: axis in beyond) if 0 in beyond else list(range(len(sizes)))
    channels = 1
    if 0 in beyond and 1 < sizes[0] <= MOST_CHANNELS and len(sizes) > 1:
        channels, order = sizes[0], list(range(1, len(sizes)))
    return Layout(tuple(sizes[axis] for axis in order), dtype, first_axis_fastest=True, channels=channels), order


def _seen(sizes: list[int], dtype: np.dtype[np.generic], order: list[int], layout: Layout) -> tuple[Layout, View]:
    if layout.channels > 1 or order == sorted(order):
        return layout, IDENTITY
    count = len(sizes)
    return layout, axes(tuple(sizes[::-1]), tuple(count - 1 - axis for axis in order[::-1]))


def _beyond_space(fields: dict[str, str], count: int) -> set[int]:
    """Axes that are no directions in space or time."""
    kinds = fields.get("kinds", "").lower().split()
    directions = _directions(fields)
    return {
        axis
        for axis in range(count)
        if (axis < len(kinds) and kinds[axis] not in _DOMAIN_KINDS)
        or (not kinds and axis < len(directions) and directions[axis] is None)
    }


def _directions(fields: dict[str, str]) -> list[list[float] | None]:
    said = fields.get("spacedirections", "")
    return [None if word == "none" else decimals(word.strip("()")) for word in re.findall(r"none|\([^)]*\)", said)]


def _affine(fields: dict[str, str], order: list[int], layout: Layout) -> NDArray[np.float64] | None:
    signs = _SIGNS.get(fields.get("space", "").lower())
    directions = _directions(fields)
    origin = decimals(fields.get("spaceorigin", "(0,0,0)").strip("()"))
    columns = [directions[axis] for axis in order[:3] if axis < len(directions)]
    if signs is None or len(columns) < 3 or any(column is None or len(column) < 3 for column in columns) or len(origin) < 3:
        return None
    affine = affine_of([column[:3] for column in columns if column is not None], origin[:3])
    if affine is not None:
        affine[0] *= signs[0]
        affine[1] *= signs[1]
        affine += 0.0
    return affine


def _stretch(
    file: BinaryIO,
    size: int,
    start: int,
    encoding: str,
    fields: dict[str, str],
    layout: Layout,
    view: View,
    key: tuple[str, str] | None = None,
    position: tuple[float, ...] = (),
) -> Stretch:
    lines = integer(fields.get("lineskip", "0"))
    skip = integer(fields.get("byteskip", "0"))
    start = _after_lines(file, start, lines)
    if encoding != _RAW:
        file.seek(start)
        magic = file.read(3)
        if (encoding == _GZIP and magic[:2] == b"\x1f\x8b") or (encoding == _BZ2 and magic == b"BZh"):
            return Stretch(start, size - start, layout, encoding, key, position, view, (skip,) if skip > 0 else ())
        if encoding == _BZ2 or start:
            raise CorruptError(f"the NRRD header announces {encoding}, but the samples are not packed so")
    start = size - layout.nbytes if skip < 0 else start + skip
    check_room(start, layout.nbytes, size)
    return Stretch(start, layout.nbytes, layout, "raw", key, position, view)


def _after_lines(file: BinaryIO, start: int, lines: int) -> int:
    if not 0 <= lines <= MOST_SKIPPED_LINES:
        raise CorruptError(f"the NRRD header skips {lines} lines")
    file.seek(start)
    for _ in range(lines):
        start += len(file.readline(1 << 20))
        file.seek(start)
    return start
