"""Samples that a lossy transform does not code, and what brings the others within a bound.

Special values (NaN, infinities) and constant background stand in front of a payload, each as a bit plane that says where it is;
corrections of samples that are off by more than a bound stand behind it. Part of the wavelet codec and of siren.
"""

import math
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.background import Background
from voxz.codecs.parts import PartReader, PartWriter
from voxz.entropy.integers import IntegerReader, IntegerWriter
from voxz.entropy.plane import decode_plane, encode_plane
from voxz.errors import CorruptError
from voxz.predict.special import Specials

_ROOM = 1 - 2.0**-20
"""Corrections of floats are multiples of that much less than twice the bound, to leave room for rounding."""

VALUE = struct.Struct("<d")

Planes = list[tuple[np.generic, NDArray[np.bool_]]]
"""A sample, and where it is."""


def missing_of(shape: tuple[int, ...], specials: Specials, background: Background | None) -> NDArray[np.bool_]:
    """Which samples ``(series, z, y, x)`` are not coded."""
    missing = np.zeros(shape, np.bool_)
    for _, plane in specials:
        missing |= plane
    if background is not None:
        missing |= background.mask
    return missing


def front(dtype: np.dtype[np.generic], specials: Specials, background: Background | None) -> bytes:
    """Parts that say where special samples and background are."""
    writer = PartWriter(b"")
    for pattern, plane in specials:
        writer.raw(pattern.to_bytes(dtype.itemsize, "little"))
        writer.part(encode_plane(plane))
    if background is not None:
        writer.raw(VALUE.pack(float(background.value)))
        writer.part(encode_plane(background.mask[None]))
    return writer.to_bytes()


def read_planes(
    reader: PartReader, specials: int, background: bool, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> Planes:
    """Inverse of `front` for samples of `shape` ``(series, z, y, x)``."""
    planes: Planes = []
    for _ in range(specials):
        pattern = np.frombuffer(reader.exactly(dtype.itemsize), dtype)[0]
        planes.append((pattern, decode_plane(reader.part(), shape)))
    if background:
        (value,) = reader.head(VALUE)
        lowest, highest = limits_of(dtype)
        if not lowest <= value <= highest or (dtype.kind != "f" and value != int(value)):
            raise CorruptError(f"the background {value} of a brick does not fit {dtype}")
        planes.append((dtype.type(value), np.broadcast_to(decode_plane(reader.part(), (1, *shape[1:])), shape)))
    return planes


def limits_of(dtype: np.dtype[Any]) -> tuple[float, float]:
    """Least and largest sample."""
    limits = np.iinfo(dtype) if dtype.kind in "iu" else np.finfo(dtype)
    return float(limits.min), float(limits.max)


def corrections(series: NDArray[Any], decoded: NDArray[Any], missing: NDArray[np.bool_], bound: float) -> bytes:
    """Parts that bring every sample within `bound`; empty if all are."""
    known, found = np.where(missing, 0, series), np.where(missing, 0, decoded)
    error = known.astype(np.float64) - found.astype(np.float64)
    unit = 2 * math.floor(bound) + 1.0 if series.dtype.kind in "iu" else 2 * bound * _ROOM
    limit = math.floor(bound) if series.dtype.kind in "iu" else bound * _ROOM
    wrong = np.abs(error) > limit
    if not wrong.any():
        return b""
    writer, side = PartWriter(VALUE.pack(unit)), IntegerWriter()
    writer.part(encode_plane(wrong))
    side.put(np.rint(error[wrong] / unit).astype(np.int64))
    writer.part(side.to_bytes())
    return writer.to_bytes()


def correct(samples: NDArray[Any], reader: PartReader) -> None:
    """Apply what `_corrections` found."""
    (unit,) = reader.head(VALUE)
    wrong = decode_plane(reader.part(), samples.shape)
    side = IntegerReader(reader.part())
    moved = samples[wrong].astype(np.float64) + side.take(int(np.count_nonzero(wrong))) * unit
    side.finish()
    samples[wrong] = np.clip(moved, *limits_of(samples.dtype)).astype(samples.dtype)
