"""Floats with integers in them: ranks in a palette of few values, or numbers of a scale (`predict.palette`, `predict.scales`).

Part of the codec for floats.
"""

import math
import struct

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.floats import mantissa_split as grids
from voxz.codecs.floats.palette import LARGEST_PALETTE, pack_palette, unpack_palette
from voxz.codecs.floats.scales import LARGEST_DIFFERENCE, LAST_METHOD, Scale, find_scales, from_ordered, ordered
from voxz.codecs.payload import PartReader, PartWriter
from voxz.codecs.predictive.part import Present, put_integers, take_integers
from voxz.codecs.predictive.residuals import MOST_GRADES, decode_sequence, encode_sequence
from voxz.codecs.stored import decode_bytes, encode_bytes
from voxz.errors import CorruptError

_PALETTE = struct.Struct("<I")

Floats = NDArray[np.generic]


def put_palette(
    writer: PartWriter, values: Floats, palette: NDArray[np.uint64], shape: tuple[int, ...], present: Present, level: int
) -> None:
    """Append `palette` and the ranks in it of flat `values`, the samples of a brick ``(series, z, y, x)`` that are present."""
    ranks, packed = pack_palette(values, palette)
    writer.raw(_PALETTE.pack(palette.size))
    writer.part(encode_bytes(packed, values.itemsize))
    fits = put_integers(writer, ranks, shape, present, level)
    assert fits


def take_palette(reader: PartReader, shape: tuple[int, ...], itemsize: int, present: Present) -> Floats:
    """Inverse of `put_palette`; damage raises `CorruptError`."""
    (size,) = reader.head(_PALETTE)
    if not 1 <= size <= min(LARGEST_PALETTE, math.prod(shape)):
        raise CorruptError(f"a palette for {math.prod(shape)} samples cannot have {size} values")
    palette = unpack_palette(decode_bytes(reader.part(), size * itemsize, itemsize), itemsize)
    ranks = take_integers(reader, shape, present)
    if ranks.size and (ranks.min() < 0 or ranks.max() >= size):
        raise CorruptError(f"a sample has a rank beyond the {size} values of the palette")
    return palette[ranks].view(f"f{itemsize}")


def put_scaled(writer: PartWriter, values: Floats, shape: tuple[int, ...], present: Present, level: int) -> bool:
    """Append scales, numbers and differences of flat finite `values`; False if they are no scaled integers."""
    counts = _counts(shape, present)
    scales = find_scales(values, counts)
    if scales is None:
        return False
    numbers, rebuilt = _rebuild(scales, counts, values)
    if numbers is None or rebuilt is None:
        return False
    difference = ordered(values) - ordered(rebuilt)
    if np.abs(difference).max() > LARGEST_DIFFERENCE:
        return False
    writer.raw(bytes([len(scales) > 1]))
    writer.raw(bytes(scale.method for scale in scales))
    table = np.array([[scale.slope for scale in scales], [scale.intercept for scale in scales]], "<f8")
    writer.part(encode_bytes(table.tobytes(), 8))
    if not put_integers(writer, numbers, shape, present, level):
        return False
    writer.part(encode_sequence(difference.astype(np.int32), _grades(rebuilt)) if difference.any() else b"")
    return True


def take_scaled(reader: PartReader, shape: tuple[int, ...], itemsize: int, present: Present) -> Floats:
    """Inverse of `put_scaled`; damage raises `CorruptError`."""
    (several,) = reader.exactly(1)
    count = shape[0] * shape[1] if several else 1
    methods = reader.exactly(count)
    table = np.frombuffer(decode_bytes(reader.part(), 16 * count, 8), "<f8").reshape(2, count)
    if several > 1 or max(methods) > LAST_METHOD:
        raise CorruptError("a brick of scaled integers has an unknown arithmetic")
    numbers = take_integers(reader, shape, present)
    counts = _counts(shape, present) if several else np.array([numbers.size])
    rebuilt = np.empty(numbers.size, f"f{itemsize}")
    ends = np.cumsum(counts)
    for slope, intercept, method, first, last in zip(*table, methods, ends - counts, ends, strict=True):
        rebuilt[first:last] = Scale(float(slope), float(intercept), method).rebuild(numbers[first:last], itemsize)
    part = reader.part()
    if not part:
        return rebuilt
    return from_ordered(ordered(rebuilt) + decode_sequence(part, _grades(rebuilt)), itemsize)


def _counts(shape: tuple[int, ...], present: Present) -> NDArray[np.int64]:
    """Samples that are present in each slice."""
    if present is None:
        return np.full(shape[0] * shape[1], shape[2] * shape[3], np.int64)
    counts: NDArray[np.int64] = np.count_nonzero(present, axis=(2, 3)).ravel()
    return counts


def _rebuild(scales: list[Scale], counts: NDArray[np.int64], values: Floats) -> tuple[NDArray[np.int32] | None, Floats | None]:
    """Numbers of flat `values`, and what the decoder will make of them."""
    if len(scales) == 1:
        counts = np.array([values.size])
    parts = [scale.numbers(part) for scale, part in zip(scales, np.split(values, np.cumsum(counts)[:-1]), strict=True)]
    numbers = [part for part in parts if part is not None]
    if len(numbers) < len(parts):
        return None, None
    rebuilt = [scale.rebuild(part, values.itemsize) for scale, part in zip(scales, numbers, strict=True)]
    return np.concatenate(numbers), np.concatenate(rebuilt)


def _grades(rebuilt: Floats) -> NDArray[np.int32]:
    """Octaves below the largest: the size of an ulp, which tells how many of them a sample may be off."""
    found, _ = grids.magnitudes(rebuilt)
    exponents = found >> grids.FORMATS[rebuilt.itemsize].mantissa
    below: NDArray[np.int64] = np.minimum(exponents.max(initial=0) - exponents, MOST_GRADES - 1)
    return below.astype(np.int32)
