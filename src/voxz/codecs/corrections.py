"""What brings the samples of a lossy payload within a bound, where they are not: whole numbers of units, or samples themselves.

A unit is twice the bound, or less where floats are coarse. Samples that would still be off, because their type has no value near
enough, come exactly. Parts: f64 unit; the bit plane of the corrected samples; their integers; the bit plane of exact samples (no
bytes without any); their bytes.
"""

import math
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.payload import PartReader, PartWriter
from voxz.entropy.integers import IntegerReader, IntegerWriter
from voxz.entropy.plane import decode_plane, encode_plane
from voxz.errors import CorruptError
from voxz.jit import apart_kernel, at

LARGEST_CORRECTION = (1 << 29) - 1
"""Units that a sample is corrected by at most; others come exactly."""

_UNIT = struct.Struct("<d")

_ROOM = 1 - 2.0**-20
"""Floats are corrected beyond that much of the bound, so that no rounding can decide."""

FARTHEST = 64
"""One sample in so many is moved at most to lessen squared errors."""

CLUSTERED = 0.5
"""Bytes that say where corrected samples are, to those if they lay anywhere, at least."""

Series = NDArray[Any]
Plane = NDArray[np.bool_]


def encode_corrections(series: Series, decoded: Series, known: NDArray[np.bool_], bound: float) -> bytes:
    """Parts that bring every `known` sample of `decoded` within `bound` of `series`; empty if all are."""
    whole = series.dtype.kind in "iu"
    limit = math.floor(bound) if whole else bound * _ROOM
    off = np.zeros(known.shape, np.bool_)
    if not _mark_off(_kernel_floats(series).ravel(), _kernel_floats(decoded).ravel(), known.ravel(), limit, off.ravel()):
        return b""
    unit = 2.0 * limit + 1 if whole else 2 * _reach(decoded[known], limit)
    original = series[off].astype(np.float64)
    with np.errstate(over="ignore"):
        units = np.rint((original - decoded[off].astype(np.float64)) / unit)
    moved = _moved(decoded[off], np.clip(units, -LARGEST_CORRECTION, LARGEST_CORRECTION), unit)
    exact = (np.abs(units) > LARGEST_CORRECTION) | ~(np.abs(moved.astype(np.float64) - original) <= limit)
    return _parts(unit, _spread(~exact, off), units[~exact], _spread(exact, off), series[off][exact])


@apart_kernel
def _mark_off(series, decoded, known, limit, off):  # type: ignore[no-untyped-def]
    """Mark samples that are farther off than a limit; return how many.

    Parameters
    ----------
    series, decoded : numbers (samples,)
    known : bool (samples,), which count
    limit : float64
    off : bool (samples,), filled
    """
    count = np.int64(0)
    for i in range(series.size):
        far = abs(np.float64(series[at(i)]) - np.float64(decoded[at(i)])) > limit
        off[at(i)] = far & known[at(i)]
        count += np.int64(off[at(i)])
    return count


def _kernel_floats(series: Series) -> Series:
    """The same samples in a type that kernels have: there are no floats of 16 bits."""
    return series.astype(np.float32) if series.dtype == np.float16 else np.ascontiguousarray(series)


def encode_farthest(series: Series, decoded: Series, squares: float, longest: float) -> bytes:
    """Parts that take `squares` from the sum of squared errors: the samples that are farthest off come one unit nearer.

    Empty if that takes more than one sample in FARTHEST, or surely more than the `longest` number of bytes.
    """
    with np.errstate(invalid="ignore"):  # infinities stand where they stood
        error = series.astype(np.float64) - decoded.astype(np.float64)
    error[~np.isfinite(error)] = 0.0
    size = np.abs(error)
    most = size.size // FARTHEST
    if not most:
        return b""
    farthest = np.sort(np.partition(size.ravel(), size.size - most)[-most:])[::-1]
    number, sums = np.arange(1, most + 1), np.cumsum(farthest)
    unit = np.maximum(np.rint(sums / number), 1.0) if series.dtype.kind in "iu" else sums / number
    enough = unit * (2 * sums - number * unit) >= squares
    if not enough.any():
        return b""
    count = int(np.argmax(enough)) + 1
    if count * math.log2(size.size / count) / 8 * CLUSTERED > longest:
        return b""
    moved = size > farthest[count - 1]
    equal = np.flatnonzero(size.ravel() == farthest[count - 1])
    moved.ravel()[equal[: count - int(np.count_nonzero(moved))]] = True
    return _parts(float(unit[count - 1]), moved, np.sign(error[moved]), np.zeros_like(moved), series[:0].ravel())


def _parts(unit: float, wrong: Plane, units: NDArray[np.float64], exact: Plane, samples: Series) -> bytes:
    """Parts with the `units` of `wrong` samples and the bytes of `exact` ones."""
    writer, side = PartWriter(_UNIT.pack(unit)), IntegerWriter()
    writer.part(encode_plane(wrong))
    side.put(units.astype(np.int64))
    writer.part(side.to_bytes())
    writer.part(encode_plane(exact) if exact.any() else b"")
    writer.part(samples.astype(samples.dtype.newbyteorder("<")).tobytes())
    return writer.to_bytes()


def apply_corrections(samples: Series, reader: PartReader) -> None:
    """Apply what `encode_corrections` found, in place; damage raises `CorruptError`."""
    (unit,) = reader.head(_UNIT)
    if not 0 < unit < math.inf:
        raise CorruptError(f"the unit of corrections must be above 0 (got {unit})")
    wrong = decode_plane(reader.part(), samples.shape)
    side = IntegerReader(reader.part())
    units = side.take(int(np.count_nonzero(wrong)))
    side.finish()
    samples[wrong] = _moved(samples[wrong], units.astype(np.float64), unit)
    plane, values = reader.part(), reader.part()
    exact = decode_plane(plane, samples.shape) if plane else np.zeros(samples.shape, np.bool_)
    if len(values) != np.count_nonzero(exact) * samples.dtype.itemsize:
        raise CorruptError(f"{np.count_nonzero(exact)} exact samples do not take {len(values)} bytes")
    samples[exact] = np.frombuffer(values, samples.dtype.newbyteorder("<"))


def limits_of(dtype: np.dtype[Any]) -> tuple[float, float]:
    """Least and largest sample."""
    limits = np.iinfo(dtype) if dtype.kind in "iu" else np.finfo(dtype)
    return float(limits.min), float(limits.max)


def _reach(decoded: Series, limit: float) -> float:
    """Half a unit for floats: the limit, less what rounding to their type may add, if that leaves something."""
    with np.errstate(over="ignore", invalid="ignore"):
        rounding = float(np.spacing(np.abs(decoded).max(initial=0)))
    return limit - rounding if rounding < limit / 4 else limit


def _moved(samples: Series, units: NDArray[np.float64], unit: float) -> Series:
    with np.errstate(over="ignore"):
        moved = samples.astype(np.float64) + units * unit
    return np.asarray(np.clip(moved, *limits_of(samples.dtype)).astype(samples.dtype))


def _spread(chosen: NDArray[np.bool_], known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Plane of those of the `known` samples that are `chosen`."""
    plane = np.zeros(known.shape, np.bool_)
    plane[known] = chosen
    return plane
