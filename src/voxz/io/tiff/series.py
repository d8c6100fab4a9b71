"""Which axes the pages of a TIFF file make, by the description that ImageJ, OME or tifffile write into the first page."""

import json
import math
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxz.io.header_text import LARGEST_HEADER

_MM = {
    "nm": 1e-6,
    "pm": 1e-9,
    "µm": 1e-3,
    "μm": 1e-3,
    "um": 1e-3,
    "micron": 1e-3,
    "\\u00B5m": 1e-3,
    "mm": 1.0,
    "cm": 10.0,
    "inch": 25.4,
}
"""Millimetres of a unit."""

_PIXELS = re.compile(r"<(?:\w+:)?Pixels\b([^>]{0,4096})>")
_IMAGEJ_LINE = re.compile(r"^(\w+)=(.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Series:
    """Pages that make one image.

    Attributes
    ----------
    lengths : of the axes of its pages, slowest first; the last is z
    axes : their names
    strides : how many pages on the next one along each axis lies
    voxel : size along x, y, z, mm; None where it is not told
    """

    lengths: tuple[int, ...]
    axes: tuple[str, ...]
    strides: tuple[int, ...]
    voxel: tuple[float | None, float | None, float | None] = (None, None, None)

    @property
    def pages(self) -> int:
        """How many there are."""
        return math.prod(self.lengths)

    def position(self, page: int) -> tuple[float, ...]:
        """Place of a page along each axis."""
        return tuple(float(page // stride % length) for stride, length in zip(self.strides, self.lengths, strict=True))

    def affine(self) -> NDArray[np.float64] | None:
        """Voxel sizes, mm, without a direction; None if they are not told."""
        x, y, z = self.voxel
        if x is None or y is None:
            return None
        sizes = np.array([x, y, z if z is not None else 1.0, 1.0])
        return np.diag(sizes) if np.isfinite(sizes).all() and (sizes > 0).all() else None


def described(text: str, pages: int, channels: int, in_plane: tuple[float | None, float | None]) -> list[Series]:
    """Images that the description announces for so many pages (one may stand for all); one of all pages if it does not."""
    found: list[Series] = []
    if len(text) > LARGEST_HEADER:
        text = ""
    if "<OME" in text or ":OME" in text:
        found = [_ome(attributes, channels) for attributes in _PIXELS.findall(text)]
    elif text.startswith("ImageJ="):
        found = _imagej(dict(_IMAGEJ_LINE.findall(text)), in_plane)
    elif text.startswith('{"shape"'):
        found = _shaped(text, pages, channels)
    announced = sum(series.pages for series in found)
    if found and announced > 0 and (announced == pages or (pages == 1 and len(found) == 1)):
        return found
    return [Series((pages,), ("z",), (1,))]


def _ome(attributes: str, channels: int) -> Series:
    said = dict(re.findall(r'(\w+)\s*=\s*"([^"]*)"', attributes))
    lengths = {axis: _count(said.get(f"Size{axis}", "1")) for axis in "ZCT"}
    lengths["C"] = lengths["C"] // channels if channels > 1 and lengths["C"] % channels == 0 else lengths["C"]
    strides, stride = {}, 1
    for axis in said.get("DimensionOrder", "XYZCT")[2:5]:
        if axis in lengths:
            strides[axis] = stride
            stride *= lengths[axis]
    if len(strides) != 3:
        strides = {"Z": 1, "C": lengths["Z"], "T": lengths["Z"] * lengths["C"]}
    x, y, z = (
        _size(
            said.get(f"PhysicalSize{axis}", ""),
            said.get(f"PhysicalSize{axis}Unit", "µm").replace("&#181;", "µ").replace("&#xB5;", "µ"),
        )
        for axis in "XYZ"
    )
    return Series(tuple(lengths[axis] for axis in "TCZ"), ("t", "c", "z"), tuple(strides[axis] for axis in "TCZ"), (x, y, z))


def _imagej(said: dict[str, str], in_plane: tuple[float | None, float | None]) -> list[Series]:
    c, z, t = (_count(said.get(name, "1")) for name in ("channels", "slices", "frames"))
    images = _count(said.get("images", "1"))
    if c * z * t != images:
        c, z, t = 1, images, 1
    unit = said.get("unit", "")
    x, y = (_size(str(size), unit) if size else None for size in in_plane)
    return [Series((t, c, z), ("t", "c", "z"), (c * z, 1, c), (x, y, _size(said.get("spacing", ""), unit)))]


def _shaped(text: str, pages: int, channels: int) -> list[Series]:
    """The shape of the array, as tifffile writes it as JSON."""
    try:
        shape = [int(length) for length in json.loads(text)["shape"]]
    except (ValueError, TypeError, KeyError, RecursionError):
        return []
    beside = shape[:-3] if channels > 1 and len(shape) > 2 and shape[-1] == channels else shape[:-2]
    if len(beside) > 3 or not beside or min(beside) < 1:
        return []
    strides = [math.prod(beside[axis + 1 :]) for axis in range(len(beside))]
    return [Series(tuple(beside), ("", "", "z")[-len(beside) :], tuple(strides))]


def _count(text: str) -> int:
    return int(text) if re.fullmatch(r"[1-9]\d{0,8}", text) else 1


def _size(text: str, unit: str) -> float | None:
    try:
        size = float(text) * _MM[unit]
    except (ValueError, KeyError):
        return None
    return size if math.isfinite(size) and size > 0 else None
