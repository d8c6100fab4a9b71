"""The codec siren: a volume or series as a function of position, fitted to it (`voxz.codecs.siren`, `voxz.train`).

::

    samples -> special values and constant background, each with a bit plane that says where
            -> a fitted field -> with a bound: residuals of it, predicted and coded, or corrections where it is broken

Fitting needs torch and is done by `voxz.train.siren.fit_volume`, which hands fields to `encode_field`; `encode_brick` cannot
take samples as they are. Decoding needs neither, and gives the same samples everywhere: there are only sums, products and
quotients of IEEE doubles in a fixed order behind the integer decoder.
"""

import math
import struct
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.channels import from_series, to_series
from voxz.codecs.corrections import apply_corrections, encode_corrections, limits_of
from voxz.codecs.fidelity import EXACT, Fidelity
from voxz.codecs.masked import Planes, Prepared, read_planes
from voxz.codecs.numbers import SIREN
from voxz.codecs.payload import PartReader, PartWriter
from voxz.codecs.predictive import codec as predictive
from voxz.codecs.siren.field import Field
from voxz.codecs.siren.field_payload import read_field, write_field
from voxz.codecs.siren.interpolation import Positions
from voxz.codecs.special_values import MOST_SPECIALS
from voxz.errors import CorruptError, needs_newer

FIELD, NOTHING = 0, 1
"""What a payload holds; NOTHING: all samples are special or background."""

_BACKGROUND, _CORRECTED, _RESIDUAL = 1, 2, 4
"""Flags."""

RESIDUAL_LEVEL = 5

Series = NDArray[np.generic]


@dataclass(frozen=True)
class _Head:
    """Fixed fields of a payload; `low` and `high` are the range of the samples that the field gives."""

    kind: int
    specials: int
    flags: int
    low: float
    high: float

    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<BBBdd")

    @classmethod
    def read(cls, reader: PartReader, dtype: np.dtype[np.generic]) -> "_Head":
        head = cls(*reader.head(cls.LAYOUT))
        if head.kind > NOTHING or head.flags > _BACKGROUND + _CORRECTED + _RESIDUAL:
            raise needs_newer(f"a siren brick is of kind {head.kind} with flags {head.flags}")
        lowest, highest = limits_of(dtype)
        if head.specials > MOST_SPECIALS or not lowest <= head.low <= head.high <= highest:
            raise CorruptError(f"the range {head.low} to {head.high} of a siren brick does not fit {dtype}")
        if head.flags & _RESIDUAL and (dtype.kind == "f" or head.flags & _CORRECTED):
            raise CorruptError("a siren brick has residuals that do not fit its samples")
        return head


def encode_brick(samples: NDArray[np.generic], level: int, fidelity: Fidelity = EXACT) -> bytes | None:
    """Return None: samples have to be fitted first."""
    del samples, level, fidelity
    return None


def encode_field(prepared: Prepared, field: Field | None, bound: float = math.inf) -> bytes:
    """Payload of a brick that `field` gives (None: all samples are special or background), each sample within `bound`."""
    kind = NOTHING if field is None else FIELD
    flags = _BACKGROUND if prepared.background else 0
    body = prepared.front()
    if field is not None:
        writer = PartWriter(b"")
        write_field(writer, field)
        body += writer.to_bytes()
    behind = b""
    if field is not None and math.isfinite(bound):
        behind, flag = _within(prepared, field, bound)
        flags |= flag
    return _Head.LAYOUT.pack(kind, len(prepared.specials), flags, prepared.low, prepared.high) + body + behind


def render(prepared: Prepared, field: Field) -> Series:
    """Samples ``(series, z, y, x)`` that `field` gives a brick, in its type; missing ones have any value."""
    found = np.zeros(prepared.series.shape, prepared.series.dtype)
    _fill(found, field, field.own_positions(), prepared.low, prepared.high)
    return found


def _within(prepared: Prepared, field: Field, bound: float) -> tuple[bytes, int]:
    """Parts that bring every sample within `bound`, and their flag: corrections where few are needed, else residuals."""
    series, missing, found = prepared.series, prepared.missing, render(prepared, field)
    sparse = encode_corrections(series, found, ~missing, bound)
    if not sparse:
        return b"", 0
    if series.dtype.kind in "iu":
        difference = np.where(missing, 0, series.astype(np.int64) - found.astype(np.int64))
        if np.abs(difference).max() < 1 << 30:
            residual = from_series(difference.astype(np.int32), prepared.shape)
            fidelity = Fidelity.within(float(math.floor(bound)))
            payload = predictive.encode_brick(np.ascontiguousarray(residual), RESIDUAL_LEVEL, fidelity)
            if payload is not None and len(payload) + 4 < len(sparse):
                writer = PartWriter(b"")
                writer.part(payload)
                return writer.to_bytes(), _RESIDUAL
    return sparse, _CORRECTED


def decode_brick(payload: bytes, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    """Samples of a payload; damage raises `CorruptError`."""
    reader = PartReader(payload)
    head, planes, field = _read(reader, shape, dtype)
    samples = np.zeros((shape[0] * shape[4], *shape[1:4]), dtype)
    if field is not None:
        _fill(samples, field, field.own_positions(), head.low, head.high)
    if head.flags & _RESIDUAL:
        residual = to_series(predictive.decode_brick(reader.part(), shape, np.dtype(np.int32)))
        moved = samples.astype(np.int64) + residual.astype(np.int64)
        samples = np.clip(moved, *limits_of(dtype)).astype(dtype)
    for pattern, plane in planes:
        samples[plane] = pattern
    if head.flags & _CORRECTED:
        apply_corrections(samples, reader)
    reader.finish()
    return np.ascontiguousarray(from_series(samples, shape))


def decode_part(
    codec: int, payload: bytes, shape: tuple[int, ...], dtype: np.dtype[np.generic], box: tuple[slice, ...]
) -> NDArray[np.generic]:
    """Samples of a box ``(series, z, y, x)`` of a brick; the function is evaluated there only, unless residuals follow it."""
    assert codec == SIREN
    series = (shape[0] * shape[4], *shape[1:4])
    head, planes, field = _read(PartReader(payload), shape, dtype)
    if field is None or head.flags & (_CORRECTED | _RESIDUAL):
        return decode_brick(payload, shape, dtype)[box]
    positions = tuple(p[part] for p, part in zip(field.own_positions(), box[1:4], strict=True))
    samples = np.zeros((series[0], *map(len, positions)), dtype)
    _fill(samples, field, (positions[0], positions[1], positions[2]), head.low, head.high)
    for pattern, plane in planes:
        samples[plane[(slice(None), *box[1:4])]] = pattern
    return np.ascontiguousarray(from_series(samples, shape)[box[0]])


def resample_brick(
    codec: int, payload: bytes, shape: tuple[int, ...], dtype: np.dtype[np.generic], positions: Positions
) -> NDArray[np.generic]:
    """Samples ``(series, z, y, x, channels)`` at the outer product of `positions`, in voxels from the first of the brick.

    Background and special values are those of the nearest voxel; residuals for a bound are of the voxels and left out.
    """
    assert codec == SIREN
    series = (shape[0] * shape[4], *shape[1:4])
    head, planes, field = _read(PartReader(payload), shape, dtype)
    samples = np.zeros((series[0], *map(len, positions)), dtype)
    if field is not None:
        _fill(samples, field, positions, head.low, head.high)
    nearest = [np.clip(np.floor(p + 0.5).astype(np.int64), 0, n - 1) for p, n in zip(positions, shape[1:4], strict=True)]
    for pattern, plane in planes:
        samples[plane[np.ix_(np.arange(series[0]), *nearest)]] = pattern
    return np.ascontiguousarray(from_series(samples, shape))


def _read(reader: PartReader, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> tuple[_Head, Planes, Field | None]:
    """Head, planes and field in front of a payload."""
    head = _Head.read(reader, dtype)
    planes = read_planes(reader, head.specials, bool(head.flags & _BACKGROUND), shape, dtype)
    grid = (shape[1], shape[2], shape[3])
    field = read_field(reader, shape[0] * shape[4], grid) if head.kind == FIELD else None
    return head, planes, field


def _fill(samples: Series, field: Field, positions: Positions, low: float, high: float) -> None:
    """Evaluate a field into `samples` ``(series, z, y, x)``."""
    first = 0
    with np.errstate(all="ignore"):
        for values in field.evaluate(positions):
            if not np.isfinite(values).all():
                raise CorruptError("a siren brick gives values that are not finite")
            nearest = np.floor(values + 0.5) if samples.dtype.kind in "iu" else values
            samples[:, first : first + values.shape[1]] = np.clip(nearest, low, high).astype(samples.dtype)
            first += values.shape[1]
