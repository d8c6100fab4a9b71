"""What begins a file: the front, the headers of its arrays, and the index of their chunks, each field declared once.

All numbers are little-endian. Fields named ``reserved`` must be zero, so that a later version can give them a meaning.
"""

import hashlib
import math
import struct
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np

from voxz.container.cursor import Cursor
from voxz.entropy.varint import varint
from voxz.errors import CorruptError, UnsupportedError
from voxz.volume.bricks import Extent, Grid
from voxz.volume.layout import DTYPES, MOST_AXES, Layout

MAGIC = b"\xf6VOXZ\r\n\x1a"
VERSION = (1, 0)
PREFIX = struct.Struct("<8sHH")
CRC = struct.Struct("<I")

TARGETS = {"lossless": 0, "max-error": 1, "psnr": 2, "bits": 3, "ratio": 4, "fitted": 5}
LOSSLESS = TARGETS["lossless"]

UNITS = {"stored": 0, "scaled": 1, "noise": 2}
"""Units of a largest error that was asked for."""

LARGEST_AXIS = 1 << 40


def _possible(shape: tuple[int, ...]) -> bool:
    """Whether the axes are in bounds; an axis of 0 does not excuse giant ones beside it."""
    return math.prod(max(1, n) for n in shape) <= LARGEST_AXIS


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

    def possible(self) -> bool:
        """Whether an encoder could have written this: no NaN, nothing negative, known units."""
        never_negative = (self.bound, self.largest_error, self.mean_square, self.peak)
        finite = math.isfinite(self.asked) and 0 <= self.noise < math.inf
        return finite and all(n >= 0 for n in never_negative) and self.unit < len(UNITS) and self.counts_background <= 1

    @property
    def exact(self) -> bool:
        """Whether the bound leaves no room for loss, so that the original comes back."""
        return self.bound == 0

    @property
    def unit_name(self) -> str:
        """Name of the unit."""
        return next(name for name, number in UNITS.items() if number == self.unit)


@dataclass(frozen=True)
class Front(Record):
    """What begins the file, after signature and version.

    Attributes
    ----------
    length : bytes of signature, version, front, arrays, index and their checksum
    file_length : bytes of the whole file
    catalogue_length, catalogue_raw_length, catalogue_crc32 : of the catalogue, the last part of the file: its bytes, how many
        they unpack to, and their checksum; 0 if there is none
    files_sha256 : of all files, see `files_digest`; 0 if there are none
    arrays : how many arrays follow
    """

    CODES: ClassVar[tuple[str, ...]] = (*"IQIII", "32s", "I")

    length: int
    file_length: int
    catalogue_length: int
    catalogue_raw_length: int
    catalogue_crc32: int
    files_sha256: bytes
    arrays: int


@dataclass(frozen=True)
class ArrayHeader:
    """What an array is.

    Attributes
    ----------
    layout : of its samples
    extent : of a brick ``(series, z, y, x)``
    level : asked for
    target : number of the target, see `TARGETS`
    tables : chunks before the bricks, which bricks may refer to
    samples_sha256 : of the samples, as they are decoded
    loss : what is promised and was measured; None without loss
    """

    layout: Layout
    extent: Extent
    level: int
    target: int = LOSSLESS
    tables: int = 0
    samples_sha256: bytes = bytes(32)
    loss: Loss | None = None

    def pack(self) -> bytes:
        """Bytes of the header, as many whatever was measured."""
        layout = self.layout
        if not _possible(layout.shape):
            raise UnsupportedError(f"the shape {layout.shape} is too large: axes above 0 give over {LARGEST_AXIS} samples")
        flags = int(layout.dtype.str[0] == ">") | layout.first_axis_fastest << 1
        fixed = bytes([layout.dtype_code(), flags, layout.channels, len(layout.shape), self.level, self.target])
        numbers = b"".join(map(varint, (*layout.shape, *self.extent, self.tables)))
        loss = b"" if self.target == LOSSLESS else (self.loss or Loss(*[0] * 7)).pack()
        return fixed + numbers + self.samples_sha256 + loss

    @classmethod
    def unpack(cls, cursor: Cursor) -> Self:
        """The next header; impossible values raise `CorruptError`."""
        code, flags, channels, axes, level, target = cursor.take(6)
        limits = {"flags": flags < 4, "channels": 1 <= channels <= 4, "axes": axes <= MOST_AXES, "level": level <= 9}
        limits |= {"dtype": code in DTYPES, "target": target < len(TARGETS)}
        shape = tuple(cursor.number() for _ in range(axes if limits["axes"] else 0))
        a, b, c, d, tables = (cursor.number() for _ in range(5))
        limits |= {"shape": _possible(shape), "extent": min(a, b, c, d) > 0 and max(a, b, c, d) < 1 << 32}
        wrong = [name for name, possible in limits.items() if not possible]
        if wrong:
            raise CorruptError(f"impossible values in the header of an array: {', '.join(wrong)}")
        dtype = np.dtype((">" if flags & 1 else "<") + DTYPES[code])
        sums = cursor.take(32)
        loss = None if target == LOSSLESS else Loss.unpack(cursor.take(Loss.layout().size))
        if loss and not loss.possible():
            raise CorruptError(f"impossible values in the record of losses: {loss}")
        return cls(Layout(shape, dtype, bool(flags & 2), channels), (a, b, c, d), level, target, tables, sums, loss)

    @property
    def grid(self) -> Grid:
        """Bricks of the array."""
        return Grid(self.layout.canonical, self.extent)

    @property
    def target_name(self) -> str:
        """Name of the target."""
        return next(name for name, number in TARGETS.items() if number == self.target)


@dataclass(frozen=True)
class Entry(Record):
    """One chunk of an array: its codec, its checksum and its length. Chunks follow each other without gaps."""

    CODES: ClassVar[tuple[str, ...]] = tuple("BII")

    codec: int
    crc32: int
    length: int


def files_digest(files: Iterable[tuple[str, int, bytes]]) -> bytes:
    """SHA-256 over names, sizes and SHA-256 of all files; of a single file without a name, its own."""
    listed = list(files)
    if len(listed) == 1 and not listed[0][0]:
        return listed[0][2]
    whole = hashlib.sha256()
    for name, size, digest in listed:
        data = name.encode("utf-8", "surrogateescape")
        whole.update(len(data).to_bytes(8, "little") + data + size.to_bytes(8, "little") + digest)
    return whole.digest()
