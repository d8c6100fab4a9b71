"""MINC1: a netCDF file (classic format, big-endian) whose variable "image" holds the samples, its axes the slowest first."""

import math
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from voxz.container.cursor import Cursor
from voxz.errors import CorruptError, UnsupportedError
from voxz.io.foreign_file import Beside, ForeignFile, Space, Stretch
from voxz.io.header_text import affine_of, check_room, check_shape, read_start
from voxz.volume.layout import Layout

FORMAT = "minc1"
MOST_ITEMS = 1 << 16
"""Dimensions, variables or attributes of a list."""

MOST_SLICES = 1 << 16
"""Slices that have a range of values each."""

TYPES = {1: "i1", 2: "S1", 3: ">i2", 4: ">i4", 5: ">f4", 6: ">f8"}
_DIMENSIONS, _VARIABLES, _ATTRIBUTES = 10, 11, 12
_SPATIAL = {"xspace": 0, "yspace": 1, "zspace": 2}

Value = str | NDArray[np.float64]


@dataclass(frozen=True)
class Variable:
    """A variable: its axes by their numbers, attributes, type, and where its first value lies."""

    axes: tuple[int, ...]
    kind: int
    size: int
    start: int
    attributes: dict[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Header:
    """Names and lengths of dimensions, variables by name, number of records, and bytes of a record."""

    dimensions: list[tuple[str, int]]
    variables: dict[str, Variable]
    records: int

    def is_record(self, variable: Variable) -> bool:
        """Whether its slowest axis is the one that grows, whose values lie apart."""
        return bool(variable.axes) and self.dimensions[variable.axes[0]][1] == 0

    def shape(self, variable: Variable) -> list[int]:
        """Lengths of its axes, slowest first."""
        return [self.dimensions[axis][1] or self.records for axis in variable.axes]


def recognise(head: bytes, name: str) -> bool:
    """Whether it is a netCDF file of the classic format with MINC's variable."""
    return head[:4] in (b"CDF\1", b"CDF\2") and (
        b"xspace" in head or b"yspace" in head or name.lower().endswith((".mnc", ".mnc.gz"))
    )


def parse(file: BinaryIO, size: int, name: str, beside: Beside) -> ForeignFile:
    """Where the samples of the image lie.

    Raises `CorruptError` if the header contradicts itself or the file ends early, `UnsupportedError` if it has no image.
    """
    header = read_header(read_start(file))
    image = header.variables.get("image")
    if image is None or not image.axes or image.kind == 2:
        raise UnsupportedError("the netCDF file has no image of MINC")
    dtype, shape = _dtype(image), header.shape(image)
    check_shape(shape, dtype.itemsize)
    names = [header.dimensions[axis][0] for axis in image.axes]
    space = Space(
        affine({key: variable.attributes for key, variable in header.variables.items()}, names),
        tuple(name.removesuffix("space") for name in reversed(names)),
        _scaling(header, image, file, size),
    )
    if not header.is_record(image):
        layout = Layout(tuple(shape[::-1]), dtype, first_axis_fastest=True)
        check_room(image.start, layout.nbytes, size)
        return ForeignFile(FORMAT, {name: (Stretch(image.start, layout.nbytes, layout),)}, space)
    layout = Layout(tuple(shape[:0:-1]), dtype, first_axis_fastest=True)
    step = sum(variable.size for variable in header.variables.values() if header.is_record(variable))
    if not layout.nbytes or header.records * step > size:
        raise CorruptError(f"the netCDF header has {header.records} records of {step} bytes")
    stretches = []
    for record in range(header.records):
        check_room(image.start + record * step, layout.nbytes, size)
        stretches.append(
            Stretch(image.start + record * step, layout.nbytes, layout, key=(FORMAT, name), position=(float(record),))
        )
    return ForeignFile(FORMAT, {name: tuple(stretches)}, space)


def read_header(start: bytes) -> Header:
    """Lists of the classic format (docs.unidata.ucar.edu, NetCDF classic format specification)."""
    if start[:3] != b"CDF" or start[3:4] not in (b"\1", b"\2"):
        raise CorruptError("this is no netCDF header")
    cursor = Cursor(start)
    offset_bytes = 4 if cursor.take(4)[3] == 1 else 8
    records = _integer(cursor)
    dimensions = [(_name(cursor), _integer(cursor)) for _ in range(_count(cursor, _DIMENSIONS))]
    _attributes(cursor)
    variables = {}
    for _ in range(_count(cursor, _VARIABLES)):
        name = _name(cursor)
        axes = tuple(_integer(cursor) for _ in range(_bounded(_integer(cursor))))
        attributes = _attributes(cursor)
        kind, size = _integer(cursor), _integer(cursor)
        start_at = int.from_bytes(cursor.take(offset_bytes), "big")
        if kind not in TYPES or any(axis >= len(dimensions) for axis in axes):
            raise CorruptError(f"the netCDF variable {name[:20]!r} has an unknown type or axis")
        variables[name] = Variable(axes, kind, size, start_at, attributes)
    return Header(dimensions, variables, 0 if records == 0xFFFFFFFF else records)


def _integer(cursor: Cursor) -> int:
    return int.from_bytes(cursor.take(4), "big")


def _bounded(count: int) -> int:
    if count > MOST_ITEMS:
        raise CorruptError(f"a list of the netCDF header has {count} items, expected at most {MOST_ITEMS}")
    return count


def _count(cursor: Cursor, tag: int) -> int:
    found, count = _integer(cursor), _bounded(_integer(cursor))
    if found not in (0, tag) or (found == 0 and count):
        raise CorruptError("the lists of the netCDF header are in disorder")
    return count


def _name(cursor: Cursor) -> str:
    length = _integer(cursor)
    return cursor.take(-(-length // 4) * 4)[:length].decode("latin-1")


def _attributes(cursor: Cursor) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for _ in range(_count(cursor, _ATTRIBUTES)):
        name, kind, count = _name(cursor), _integer(cursor), _integer(cursor)
        if kind not in TYPES:
            raise CorruptError(f"the netCDF attribute {name[:20]!r} has an unknown type")
        length = count * np.dtype(TYPES[kind]).itemsize
        data = cursor.take(-(-length // 4) * 4)[:length]
        found[name] = data.decode("latin-1").rstrip("\0") if kind == 2 else np.frombuffer(data, TYPES[kind]).astype(np.float64)
    return found


def _dtype(image: Variable) -> np.dtype[np.generic]:
    """Type of the samples; MINC keeps whether they have a sign in an attribute, bytes have none by default."""
    dtype = np.dtype(TYPES[image.kind])
    sign = image.attributes.get("signtype", "unsigned" if image.kind == 1 else "signed__")
    if dtype.kind == "i" and isinstance(sign, str) and sign.startswith("unsigned"):
        return np.dtype(dtype.str.replace("i", "u"))
    return dtype


def affine(said: dict[str, dict[str, Value]], names: list[str]) -> NDArray[np.float64] | None:
    """Affine of an image with axes of these `names`, slowest first, from the attributes of the variables named like them."""
    spatial = [name for name in reversed(names) if name in _SPATIAL]
    if len(spatial) != 3 or list(reversed(names))[:3] != spatial:
        return None
    steps, origin = [], np.zeros(3)
    for name in spatial:
        direction = np.eye(3)[_SPATIAL[name]]
        cosines, step, start = (said.get(name, {}).get(key) for key in ("direction_cosines", "step", "start"))
        if isinstance(cosines, np.ndarray) and cosines.shape == (3,):
            direction = cosines
        steps.append(direction * (step[0] if isinstance(step, np.ndarray) and step.size else 1.0))
        origin = origin + direction * (start[0] if isinstance(start, np.ndarray) and start.size else 0.0)
    return affine_of(np.array(steps), origin)


def _scaling(header: Header, image: Variable, file: BinaryIO, size: int) -> tuple[tuple[float, float], ...]:
    """Slope and intercept, one pair or one for each slice; none if MINC keeps them otherwise."""
    bounds = [header.variables.get(name) for name in ("image-min", "image-max")]
    valid = valid_range(image.attributes, _dtype(image))
    slices = tuple(header.shape(image)[:-2])
    if valid is None or any(
        bound is None
        or bound.axes != image.axes[: min(len(bound.axes), len(slices))]
        or bound.kind not in (5, 6)
        or header.is_record(bound)
        for bound in bounds
    ):
        return ()
    values = []
    for bound in bounds:
        assert bound is not None
        dtype, shape = np.dtype(TYPES[bound.kind]), header.shape(bound)
        count = math.prod(shape)
        check_room(bound.start, count * dtype.itemsize, size)
        file.seek(bound.start)
        values.append(np.frombuffer(file.read(count * dtype.itemsize), dtype).astype(np.float64).reshape(shape))
    return slopes(values[0], values[1], valid, slices, slices)


def slopes(
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    valid: tuple[float, float],
    slices: tuple[int, ...],
    stored: tuple[int, ...],
) -> tuple[tuple[float, float], ...]:
    """Slope and intercept of slices whose samples in the `valid` range stand for `low` to `high`; one if all agree.

    Bounds are those of slices, or of whole volumes: their axes are the slowest of `slices`, which lie slowest first. Of each as
    many are `stored` as the last argument says; the ones beyond the image are like the last.
    """
    low, high = (bound.reshape(()) if bound.size == 1 else bound for bound in (low, high))
    if low.shape != high.shape or low.shape != slices[: low.ndim] or not low.size:
        return ()
    if not (np.isfinite(low).all() and np.isfinite(high).all()) or math.prod(stored) > MOST_SLICES:
        return ()
    rises = (high - low) / (valid[1] - valid[0])
    pairs = np.stack([rises, low - valid[0] * rises], axis=-1).reshape(*low.shape, *[1] * (len(slices) - low.ndim), 2)
    if (pairs == pairs.reshape(-1, 2)[0]).all():
        pairs = pairs.reshape(-1, 2)[:1]
    else:
        beyond = [(0, most - count) for most, count in zip(stored, slices, strict=True)]
        pairs = np.pad(np.broadcast_to(pairs, (*slices, 2)), [*beyond, (0, 0)], mode="edge").reshape(-1, 2)
    return tuple((slope, intercept) for slope, intercept in pairs.tolist())


def valid_range(attributes: dict[str, Value], dtype: np.dtype[np.generic]) -> tuple[float, float] | None:
    """Range of the samples; None for floats, which are values themselves."""
    if dtype.kind == "f":
        return None
    whole = np.iinfo(dtype.str)
    said = attributes.get("valid_range")
    if isinstance(said, np.ndarray) and said.size == 2 and said[0] != said[1] and np.isfinite(said).all():
        return float(said.min()), float(said.max())
    low, high = attributes.get("valid_min"), attributes.get("valid_max")
    if isinstance(low, np.ndarray) and isinstance(high, np.ndarray) and low.size == high.size == 1 and low[0] != high[0]:
        return float(low[0]), float(high[0])
    return float(whole.min), float(whole.max)
