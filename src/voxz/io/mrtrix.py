"""MRtrix, .mif and .mih (mrtrix.readthedocs.io, image formats): axes in any order and direction in the file.

``layout: -0,-1,+2,+3`` gives, for each axis, its rank by speed, the fastest 0, and whether it runs against the file. Samples are
seen with the axes of ``dim``, the first one fastest, in the direction of the transform.
"""

import re
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from voxz.errors import CorruptError, UnsupportedError
from voxz.io.foreign_file import Beside, ForeignFile, Space, Stretch
from voxz.io.header_text import MOST_FILES, affine_of, check_room, check_shape, decimals, integer, integers, read_start, size_of
from voxz.volume.layout import Layout
from voxz.volume.view import IDENTITY, View, axes

FORMAT = "mrtrix"

_TYPE = re.compile(r"(uint|int|float|cfloat)(8|16|32|64)(le|be)?")


def recognise(head: bytes, name: str) -> bool:
    """Whether it begins as an image of MRtrix does."""
    return re.match(rb"mrtrix image[ \t]*\r?\n", head) is not None


def parse(file: BinaryIO, size: int, name: str, beside: Beside) -> ForeignFile:
    """Where the samples lie, in this file or in those that it names.

    Raises `CorruptError` if the header contradicts itself or a file ends before its samples do, `UnsupportedError` for bits.
    """
    fields, places = _header(read_start(file))
    shape, dtype = integers(fields.get("dim", "")), _dtype(fields.get("datatype", ""))
    check_shape(shape, dtype.itemsize)
    layout = Layout(tuple(shape), dtype, first_axis_fastest=True)
    view = _view(shape, fields.get("layout", ""))
    space = Space(_affine(fields), ("x", "y", "z", "t")[: len(shape)], _scaling(fields))
    if not shape or not 0 < len(places) <= MOST_FILES:
        raise CorruptError("the MRtrix header has no sizes, or names no data")
    if len(places) > 1:
        return ForeignFile(FORMAT, _parts(places, shape, dtype, fields, name, beside), space)
    other, start = places[0]
    if other == ".":
        check_room(start, layout.nbytes, size)
        return ForeignFile(FORMAT, {name: (Stretch(start, layout.nbytes, layout, view=view),)}, space)
    check_room(start, layout.nbytes, size_of(beside(other)))
    return ForeignFile(FORMAT, {other: (Stretch(start, layout.nbytes, layout, view=view),)}, space)


def _parts(
    places: list[tuple[str, int]],
    shape: list[int],
    dtype: np.dtype[np.generic],
    fields: dict[str, str],
    name: str,
    beside: Beside,
) -> dict[str, tuple[Stretch, ...]]:
    """Samples in several files, each with an equal part of them along the slowest axis."""
    ranks = _ranks(fields.get("layout", ""), len(shape))
    slowest = max(range(len(shape)), key=lambda axis: ranks[axis][0])
    if ranks[slowest][1] or slowest != len(shape) - 1 or shape[slowest] % len(places):
        raise UnsupportedError("MRtrix samples in several files that run against their axis are kept as they are")
    each = shape[-1] // len(places)
    inner = [*shape[:-1], each]
    view = _view(inner, fields.get("layout", ""))
    layout = Layout(tuple(inner if each > 1 else inner[:-1]), dtype, first_axis_fastest=True)
    stretches: dict[str, tuple[Stretch, ...]] = {}
    for number, (other, start) in enumerate(places):
        check_room(start, layout.nbytes, size_of(beside(other)))
        stretches[other] = (Stretch(start, layout.nbytes, layout, "raw", (FORMAT, name), (float(number),), view),)
    if len(stretches) != len(places):
        raise CorruptError("the MRtrix header names a data file twice")
    return stretches


def _header(start: bytes) -> tuple[dict[str, str], list[tuple[str, int]]]:
    """Fields, lines of one name joined; and the names of data files with the places of their samples."""
    if not recognise(start, ""):
        raise CorruptError("this is no MRtrix header")
    end = re.search(rb"^END[ \t]*\r?$", start, re.MULTILINE)
    if end is None:
        raise CorruptError("the MRtrix header does not end")
    fields: dict[str, str] = {}
    places = []
    for line in start[: end.start()].decode("latin-1").splitlines()[1:]:
        key, colon, value = (part.strip() for part in line.partition(":"))
        if key.lower() == "file":
            other, _, offset = value.rpartition(" ") if re.search(r" \d+$", value) else (value, "", "0")
            places.append((other.strip(), integer(offset)))
        elif colon:
            fields[key.lower()] = f"{fields[key.lower()]}\n{value}" if key.lower() in fields else value
    return fields, places


def _dtype(said: str) -> np.dtype[np.generic]:
    found = _TYPE.fullmatch(said.lower())
    if found is None or (found[1] == "cfloat" and found[2] in ("8", "16")) or (found[1] == "float" and found[2] == "8"):
        raise UnsupportedError(f"MRtrix samples of type {said[:20]!r} are kept as they are")
    size = int(found[2]) // 8 * (2 if found[1] == "cfloat" else 1)
    return np.dtype(
        f"{'>' if found[3] == 'be' else '<'}{ {'uint': 'u', 'int': 'i', 'float': 'f', 'cfloat': 'c'}[found[1]] }{size}"
    )


def _ranks(said: str, count: int) -> list[tuple[int, bool]]:
    """For each axis, its rank by speed and whether it is reversed."""
    words = [word.strip() for word in said.split(",")]
    ranks = [(integer(word.lstrip("+-")), word.startswith("-")) for word in words]
    if sorted(rank for rank, _ in ranks) != list(range(count)):
        raise CorruptError(f"the MRtrix header has the layout {said[:40]!r} for {count} axes")
    return ranks


def _view(shape: list[int], said: str) -> View:
    ranks, count = _ranks(said, len(shape)), len(shape)
    by_speed = sorted(range(count), key=lambda axis: ranks[axis][0])[::-1]
    order = tuple(by_speed.index(axis) for axis in reversed(range(count)))
    against = tuple(count - 1 - axis for axis in range(count) if ranks[axis][1] and shape[axis] > 1)
    if order == tuple(range(count)) and not against:
        return IDENTITY
    return axes(tuple(shape[axis] for axis in by_speed), order, against)


def _affine(fields: dict[str, str]) -> NDArray[np.float64] | None:
    spacing, rows = decimals(fields.get("vox", "")), decimals(fields.get("transform", ""))
    if len(spacing) < 3 or len(rows) not in (12, 16):
        return None
    transform = np.array(rows[:12]).reshape(3, 4)
    return affine_of((transform[:, :3] * np.array(spacing[:3])).T, transform[:, 3])


def _scaling(fields: dict[str, str]) -> tuple[tuple[float, float], ...]:
    """MRtrix writes offset and slope."""
    said = decimals(fields.get("scaling", ""))
    return ((said[1], said[0]),) if len(said) == 2 and said != [0.0, 1.0] else ()
