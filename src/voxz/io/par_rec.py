"""PAR/REC, Philips' research format: a text header with a line for each slice, and slices in a file of their own.

The header itself says which numbers its lines have, so all versions (3 to 4.2) are read alike. The affine is that of nibabel's
parrec module: rotations about the axes of the scanner, about the middle of the volume.
"""

import contextlib
import math
import re
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from voxz.errors import CorruptError, UnsupportedError
from voxz.io.foreign_file import Beside, ForeignFile, Space, Stretch
from voxz.io.header_text import affine_of, check_room, check_shape, decimals, integer, integers, read_text, size_of
from voxz.volume.layout import Layout

FORMAT = "par-rec"
MOST_SLICES = 1 << 20

_ORDER = (
    "image_type_mr",
    "dynamic scan number",
    "label type",
    "diffusion b value number",
    "gradient orientation number",
    "cardiac phase number",
    "echo number",
    "slice number",
)
"""What tells slices apart, slowest first; the place is the last."""

_INDEX = "index in REC file"

_COLUMN = re.compile(r"#\s+(.+?)\s*\((?:(\d+)\*)?(integer|float|string)\)\s*$")
_GENERAL = re.compile(r"\.\s+(.*?)\s*:\s*(.*)")

_TO_PSL = {
    1: ((0, 1, 0), (0, 0, 1), (1, 0, 0)),
    2: ((1, 0, 0), (0, -1, 0), (0, 0, -1)),
    3: ((0, 0, 1), (0, -1, 0), (1, 0, 0)),
}
"""Transverse, sagittal and coronal slices to posterior, superior, left."""

_PSL_TO_RAS = ((0, 0, -1), (-1, 0, 0), (0, 1, 0))

Row = dict[str, list[str]]


def recognise(head: bytes, name: str) -> bool:
    """Whether it is the text of a .PAR file."""
    return head.lstrip()[:1] == b"#" and b"image export tool" in head[:4096]


def parse(file: BinaryIO, size: int, name: str, beside: Beside) -> ForeignFile:
    """Where the slices lie in the .REC file.

    Raises `CorruptError` if the header contradicts itself or the .REC file ends early, `UnsupportedError` if there is none.
    """
    general, rows = _read(read_text(file, size))
    if not 0 < len(rows) <= MOST_SLICES:
        raise CorruptError(f"the PAR header has {len(rows)} slices")
    rec, data = _rec(name, beside)
    length = size_of(data)
    at, stretches = 0, []
    for row in _in_file_order(rows):
        layout = _layout(row, general)
        check_room(at, layout.nbytes, length)
        position = tuple(float(_number(row, column)) for column in _ORDER if column in row)
        stretches.append(Stretch(at, layout.nbytes, layout, key=(FORMAT, name), position=position))
        at += layout.nbytes
    return ForeignFile(FORMAT, {rec: tuple(stretches)}, Space(_affine(general, rows), (), _scaling(rows)))


def _read(text: str) -> tuple[dict[str, str], list[Row]]:
    """General facts, and a row for each slice."""
    general: dict[str, str] = {}
    columns: list[tuple[str, int]] = []
    rows: list[Row] = []
    for line in text.splitlines():
        if found := _GENERAL.match(line):
            general[found[1].lower()] = found[2]
        elif found := _COLUMN.match(line):
            columns.append((re.sub(r"\s*[(<].*", "", found[1]), int(found[2] or 1)))
        elif line.strip() and not line.startswith(("#", ".")):
            words, at = line.split(), 0
            row: Row = {}
            for column, count in columns:
                row.setdefault(column, words[at : at + count])
                at += count
            if at > len(words) or not columns:
                raise CorruptError("a line of the PAR header has fewer numbers than it announces")
            rows.append(row)
    return general, rows


def _in_file_order(rows: list[Row]) -> list[Row]:
    """Slices by their place in the REC file; as they are listed if the header does not number them from 0 on."""
    if any(len(row.get(_INDEX, ())) != 1 for row in rows):
        return rows
    places = [_number(row, _INDEX) for row in rows]
    return (
        [row for _, row in sorted(zip(places, rows, strict=True), key=lambda pair: pair[0])]
        if sorted(places) == list(range(len(rows)))
        else rows
    )


def _rec(name: str, beside: Beside) -> tuple[str, BinaryIO]:
    stem = re.sub(r"\.par$", "", name, flags=re.IGNORECASE)
    for ending in (".REC", ".rec", ".Rec"):
        with contextlib.suppress(UnsupportedError):
            return stem + ending, beside(stem + ending)
    raise UnsupportedError(f"{name} has no .REC file beside it")


def _number(row: Row, column: str) -> int:
    if len(row.get(column, ())) != 1:
        raise CorruptError(f"the PAR header has no {column!r}")
    return integer(row[column][0])


def _numbers(row: Row, column: str) -> list[float]:
    return decimals(" ".join(row.get(column, ())))


def _layout(row: Row, general: dict[str, str]) -> Layout:
    in_general = general.get("recon resolution (x, y)", "")
    resolution = integers(" ".join(row["recon resolution"])) if "recon resolution" in row else integers(in_general)
    bits = (
        _number(row, "image pixel size")
        if "image pixel size" in row
        else integer(general.get("image pixel size [8 or 16 bits]", ""))
    )
    if len(resolution) != 2 or min(resolution) < 1 or bits not in (8, 16):
        raise CorruptError(f"the PAR header has slices of {resolution} pixels of {bits} bits")
    check_shape(resolution, bits // 8)
    return Layout(tuple(resolution), np.dtype("<u2" if bits == 16 else "u1"), first_axis_fastest=True)


def _scaling(rows: list[Row]) -> tuple[tuple[float, float], ...]:
    """Slope and intercept of the values that the console shows, if all slices have the same."""
    pairs = {(*_numbers(row, "rescale slope"), *_numbers(row, "rescale intercept")) for row in rows}
    pair = next(iter(pairs))
    return ((pair[0], pair[1]),) if len(pairs) == 1 and len(pair) == 2 else ()


def _affine(general: dict[str, str], rows: list[Row]) -> NDArray[np.float64] | None:
    row = rows[0]
    orientation = _numbers(row, "slice orientation")
    spacing = [*_numbers(row, "pixel spacing"), sum(_numbers(row, "slice thickness") + _numbers(row, "slice gap"))]
    resolution = _numbers(row, "recon resolution")
    angles = decimals(general.get("angulation midslice(ap,fh,rl)[degr]", ""))
    place = decimals(general.get("off centre midslice(ap,fh,rl) [mm]", ""))
    if (
        len(orientation) != 1
        or orientation[0] not in _TO_PSL
        or [len(v) for v in (spacing, resolution, angles, place)] != [3, 2, 3, 3]
    ):
        return None
    slices = len({_number(line, "slice number") for line in rows})
    middle = (np.array([*resolution, slices]) - 1) / 2
    by_ap, by_fh, by_rl = (math.radians(angle) for angle in angles)
    if not np.isfinite([by_ap, by_fh, by_rl, *middle]).all():
        return None
    steps = _about(2, by_rl) @ _about(0, by_ap) @ _about(1, by_fh) @ np.array(_TO_PSL[int(orientation[0])]) * spacing
    turned = np.array(_PSL_TO_RAS, np.float64)
    return affine_of((turned @ steps).T, turned @ (np.array(place) - steps @ middle))


def _about(axis: int, angle: float) -> NDArray[np.float64]:
    """Rotation about an axis, radians."""
    out, (one, other) = np.eye(3), ((axis + 1) % 3, (axis + 2) % 3)
    out[one, one] = out[other, other] = math.cos(angle)
    out[one, other], out[other, one] = -math.sin(angle), math.sin(angle)
    return out
