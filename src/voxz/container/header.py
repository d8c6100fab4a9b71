"""The fixed header of a file and the entries of its index: each field declared once, for writing and reading.

All numbers are little-endian. Fields named ``reserved`` must be zero, so that a later version can give them a meaning.
"""

import math
import struct
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np

from voxz.errors import CorruptError
from voxz.volume.bricks import Extent, Grid
from voxz.volume.layout import DTYPES, MOST_AXES, Layout

FORMATS = {"array": 0, "nifti": 1, "nifti-pair": 2, "npy": 3, "bytes": 4}

TARGETS = {"lossless": 0, "max-error": 1, "psnr": 2, "bits": 3, "ratio": 4, "fitted": 5}
LOSSLESS = TARGETS["lossless"]

UNITS = {"stored": 0, "scaled": 1, "noise": 2}
"""Units of a largest error that was asked for."""

LARGEST_AXIS = 1 << 40


@dataclass(frozen=True)
class Record:
    """A dataclass whose fields are written in order, each with the `struct` code named in `CODES`."""

    CODES: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def layout(cls) -> struct.Struct:
        """Binary layout of all fields."""
        return struct.Struct("<" + "".join(cls.CODES))

    def pack(self) -> bytes:
        """Bytes of the record."""
        values: list[Any] = []
        for field in fields(self):
            value = getattr(self, field.name)
            values += value if isinstance(value, tuple) else [value]
        return self.layout().pack(*values)

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """Record from its bytes; non-zero reserved fields raise `CorruptError`."""
        flat = iter(cls.layout().unpack(data))
        values: dict[str, Any] = {}
        for field, code in zip(fields(cls), cls.CODES, strict=True):
            count = int(code[:-1] or 1) if code[-1] != "s" else 1
            taken = tuple(next(flat) for _ in range(count))
            values[field.name] = taken if count > 1 else taken[0]
            if field.name.startswith("reserved") and values[field.name] != 0:
                raise CorruptError("a reserved field of the file is not zero; a newer voxz may be needed")
        return cls(**values)


@dataclass(frozen=True)
class Header(Record):
    """What the file is. `extent` is that of a brick ``(series, z, y, x)``; `shape` is filled up with ones."""

    CODES: ClassVar[tuple[str, ...]] = (*"QBBBBBBBBBBH", "7Q", "4I", "I", "32s", "32s")

    file_length: int
    format: int
    dtype: int
    big_endian: int
    ndim: int
    first_axis_fastest: int
    channels: int
    gzip_level: int
    gzip_identical: int
    level: int
    target: int
    reserved: int
    shape: tuple[int, ...]
    extent: Extent
    chunks: int
    samples_sha256: bytes
    original_sha256: bytes

    @classmethod
    def describe(cls, layout: Layout, grid: Grid, file_format: str, level: int, target: int) -> "Header":
        """Header of a file about to be written; lengths and sums come later (`dataclasses.replace`)."""
        return cls(
            file_length=0,
            format=FORMATS[file_format],
            dtype=layout.dtype_code(),
            big_endian=int(layout.dtype.str[0] == ">"),
            ndim=len(layout.shape),
            first_axis_fastest=int(layout.first_axis_fastest),
            channels=layout.channels,
            gzip_level=0,
            gzip_identical=0,
            level=level,
            target=target,
            reserved=0,
            shape=layout.shape + (1,) * (MOST_AXES - len(layout.shape)),
            extent=grid.extent,
            chunks=len(fixed_chunks(target)) + len(grid),
            samples_sha256=bytes(32),
            original_sha256=bytes(32),
        )

    def layout_of_samples(self) -> Layout:
        """Layout of the samples; impossible fields raise `CorruptError`."""
        limits = {
            "format": len(FORMATS),
            "big_endian": 2,
            "first_axis_fastest": 2,
            "ndim": MOST_AXES + 1,
            "gzip_level": 10,
            "gzip_identical": 2,
            "level": 10,
            "target": len(TARGETS),
        }
        wrong = [name for name, limit in limits.items() if getattr(self, name) >= limit]
        wrong += ["dtype"] if self.dtype not in DTYPES else []
        wrong += ["channels"] if not 1 <= self.channels <= 4 else []
        wrong += ["shape"] if math.prod(self.shape) > LARGEST_AXIS or any(n != 1 for n in self.shape[self.ndim :]) else []
        wrong += ["extent"] if 0 in self.extent else []
        if wrong:
            raise CorruptError(f"impossible values in the header: {', '.join(wrong)}")
        dtype = np.dtype((">" if self.big_endian else "<") + DTYPES[self.dtype])
        return Layout(self.shape[: self.ndim], dtype, bool(self.first_axis_fastest), self.channels)

    @property
    def target_name(self) -> str:
        """Name of the target."""
        return next(name for name, number in TARGETS.items() if number == self.target)

    @property
    def format_name(self) -> str:
        """Name of the foreign format."""
        return next(name for name, number in FORMATS.items() if number == self.format)


@dataclass(frozen=True)
class Loss(Record):
    """What a lossy file promises and what was measured when it was written, in stored units.

    Attributes
    ----------
    asked : the target's number, as given, in `unit`
    bound : no sample is farther off than this; infinity if nothing was promised
    largest_error : the farthest one
    mean_square : mean squared error of the `counted` samples
    counted : samples that are not constant background, or all of them
    peak : max - min of all samples, for the PSNR
    noise : standard deviation of the noise where it was estimated, else 0
    unit : of the largest error that was asked for, see `UNITS`
    counts_background : 1 if constant background is among the `counted` samples
    """

    CODES: ClassVar[tuple[str, ...]] = (*"ddddQddBBH",)

    asked: float
    bound: float
    largest_error: float
    mean_square: float
    counted: int
    peak: float
    noise: float
    unit: int = UNITS["stored"]
    counts_background: int = 0
    reserved: int = 0

    @property
    def exact(self) -> bool:
        """Whether the bound leaves no room for loss, so that the original comes back."""
        return self.bound == 0

    @property
    def unit_name(self) -> str:
        """Name of the unit."""
        return next(name for name, number in UNITS.items() if number == self.unit)


BRICK, HEAD, COMPANION, TAIL, LOSS = 0, 1, 2, 3, 4
"""Kinds of chunks; every file has one each of HEAD, COMPANION and TAIL, lossy ones a LOSS."""
ANCILLARY = 128
"""Kinds from here on may be ignored by a reader that does not know them."""


def fixed_chunks(target: int) -> tuple[int, ...]:
    """Kinds of which a file with this target has one each."""
    return (HEAD, COMPANION, TAIL) if target == LOSSLESS else (HEAD, COMPANION, TAIL, LOSS)


@dataclass(frozen=True)
class Entry(Record):
    """One chunk: where it lies, what it is, its checksum, and how many bytes it decodes to."""

    CODES: ClassVar[tuple[str, ...]] = tuple("BBHIQQQ")

    kind: int
    codec: int
    reserved: int
    crc32: int
    offset: int
    length: int
    raw_length: int
