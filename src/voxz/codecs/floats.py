"""The codec for floating-point samples: find the integers in them, predict those, and send the rest as it is.

::

    samples -> special values (NaN, infinities, background), each with a bit plane that says where it is
            -> the others, as one of:  palette   few distinct values       -> their ranks
                                       scaled    number * slope + intercept -> the numbers (+ differences of some ulps)
                                       grid      anything else              -> a coarse grid + the raw bits below it
            -> ranks, numbers or grid values: the predictive codec, which skips the special ones

Complex samples are two channels. Samples are kept bit for bit: which NaN, the sign of zero, denormal numbers. Arithmetic on
floats is that of `predict.scales.Scale`, and the encoder has checked its result.
"""

import math
import struct

import numpy as np
from numpy.typing import NDArray

from voxz.codecs import predictive
from voxz.codecs.parts import PartReader, PartWriter
from voxz.codecs.stored import decode_bytes, encode_bytes
from voxz.entropy.plane import decode_plane, encode_plane
from voxz.errors import CorruptError
from voxz.predict import grid as grids
from voxz.predict.learn import RIDGE as SCANS
from voxz.predict.palette import LARGEST_PALETTE, find_palette, pack_palette, unpack_palette
from voxz.predict.scales import LARGEST_DIFFERENCE, LAST_METHOD, Scale, find_scales, from_ordered, ordered
from voxz.predict.sequence import MOST_LEVELS, decode_sequence, encode_sequence
from voxz.predict.special import MOST_SPECIALS, Specials, find_specials

PALETTE, SCALED, GRID, NOTHING = 0, 1, 2, 3
"""What a payload holds; NOTHING: all samples are special."""

RIDGE = 0.0005
"""Computed maps are smoother than scans: their predictors may go further from those of their neighbours."""

SMALL_PALETTE = 64
"""A palette is taken without a comparison if it has at most one value in this many samples."""

FEWEST_TRIED, MOST_TRIED, TRIED_PART = 12_000, 100_000, 8
"""Voxels on which grids are tried: an eighth of a brick's, within limits."""

TRIAL_LEVEL = 3

_HEAD = struct.Struct("<BBB")
"""Kind, bytes of a float (fewer than those of a sample if all fit), number of special values."""

_PALETTE = struct.Struct("<I")
_GRID = struct.Struct("<HBB")

Floats = NDArray[np.generic]
Present = NDArray[np.bool_] | None


def encode_brick(samples: NDArray[np.generic], level: int) -> bytes | None:
    """Code float or complex `samples` ``(series, z, y, x, channels)``; None for what is not worth it."""
    if samples.dtype.kind not in "fc" or not samples.size:
        return None
    floats = _to_series(samples)
    if floats.dtype.itemsize not in grids.FORMATS:
        return None
    odd = find_specials(floats, background=False)
    scaled = None if odd is None else _encode_scaled(floats, odd, level)
    if scaled is not None:
        return scaled
    specials = find_specials(floats, background=True)
    present = _present(specials or [])
    values = floats.ravel() if present is None else floats[present]
    palette = find_palette(values)
    by_rank = None if palette is None else _encode_palette(floats, values, palette, specials or [], level)
    if specials is None or (by_rank is not None and palette is not None and palette.size * SMALL_PALETTE <= values.size):
        return by_rank
    on_grid = _encode_grid(floats, values, specials, level)
    return on_grid if by_rank is None else min(by_rank, on_grid, key=len)


def decode_brick(payload: bytes, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    """Samples ``(series, z, y, x, channels)`` of a payload; damage raises `CorruptError`."""
    doubled = 2 if dtype.kind == "c" else 1
    width = dtype.itemsize // doubled
    inner = (shape[0] * shape[4] * doubled, *shape[1:4])
    if dtype.kind not in "fc" or width not in grids.FORMATS:
        raise CorruptError(f"a brick of {dtype} says that it holds floats of up to 64 bits")
    reader = PartReader(payload)
    kind, itemsize, count = reader.head(_HEAD)
    if kind > NOTHING or itemsize not in grids.FORMATS or itemsize > width or count > MOST_SPECIALS:
        raise CorruptError(f"got kind {kind}, {itemsize} bytes, {count} special values in a brick of {dtype}")
    planes = []
    for _ in range(count):
        pattern = np.frombuffer(reader.exactly(width), f"<u{width}")[0]
        planes.append((pattern, decode_plane(reader.part(), inner)))
    present = ~np.logical_or.reduce([plane for _, plane in planes]) if planes else None
    floats = np.zeros(inner, f"u{width}")
    if kind != NOTHING:
        narrow = _DECODERS[kind](reader, inner, itemsize, present)
        flat = floats.reshape(-1)
        flat[slice(None) if present is None else present.reshape(-1)] = narrow.astype(f"f{width}").view(f"u{width}")
    reader.finish()
    for pattern, plane in planes:
        floats[plane] = pattern
    return _from_series(floats, shape, dtype)


def _to_series(samples: NDArray[np.generic]) -> Floats:
    """Floats ``(series * channels, z, y, x)``; real and imaginary parts are channels."""
    parts = samples.view(samples.real.dtype) if samples.dtype.kind == "c" else samples
    return np.ascontiguousarray(np.moveaxis(parts, 4, 1)).reshape(-1, *samples.shape[1:4])


def _from_series(floats: NDArray[np.generic], shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    split = floats.reshape(shape[0], -1, *shape[1:4])
    return np.ascontiguousarray(np.moveaxis(split, 1, 4)).view(dtype)


def _start(kind: int, itemsize: int, specials: Specials, width: int) -> PartWriter:
    """Head and special values."""
    writer = PartWriter(_HEAD.pack(kind, itemsize, len(specials)))
    for pattern, plane in specials:
        writer.raw(pattern.to_bytes(width, "little"))
        writer.part(encode_plane(plane))
    return writer


def _present(specials: Specials) -> Present:
    return ~np.logical_or.reduce([plane for _, plane in specials]) if specials else None


def _narrowed(values: Floats) -> Floats:
    """Flat finite `values` in the smallest type that holds them all exactly."""
    with np.errstate(all="ignore"):
        for itemsize in (2, 4):
            smaller = values.astype(f"f{itemsize}") if itemsize < values.itemsize else values
            if itemsize < values.itemsize and np.array_equal(smaller.astype(values.dtype), values):
                return smaller
    return values


def _put_integers(
    writer: PartWriter, values: NDArray[np.int32], shape: tuple[int, ...], present: Present, level: int, ridge: float = SCANS
) -> bool:
    """Append the payload of integers, given for the samples that are present; False if their range is too wide."""
    volume = values.reshape(shape) if present is None else np.zeros(shape, np.int32)
    if present is not None:
        volume[present] = values
    where = None if present is None else present[..., None]
    payload = predictive.encode_present(volume[..., None], level, where, ridge)
    if payload is not None:
        writer.part(payload)
    return payload is not None


def _take_integers(reader: PartReader, shape: tuple[int, ...], present: Present) -> NDArray[np.int32]:
    """Inverse of `_put_integers`: flat integers of the samples that are present."""
    where = None if present is None else present[..., None]
    volume = predictive.decode_present(reader.part(), (*shape, 1), np.dtype(np.int32), where)[..., 0]
    return (volume if present is None else volume[present]).ravel().astype(np.int32)


def _encode_palette(
    floats: Floats, values: Floats, palette: NDArray[np.uint64], specials: Specials, level: int
) -> bytes:
    width = floats.dtype.itemsize
    ranks, packed = pack_palette(values, palette)
    writer = _start(PALETTE, width, specials, width)
    writer.raw(_PALETTE.pack(palette.size))
    writer.part(encode_bytes(packed, width))
    fits = _put_integers(writer, ranks, floats.shape, _present(specials), level)
    assert fits
    return writer.to_bytes()


def _decode_palette(reader: PartReader, shape: tuple[int, ...], itemsize: int, present: Present) -> Floats:
    (size,) = reader.head(_PALETTE)
    if not 1 <= size <= min(LARGEST_PALETTE, math.prod(shape)):
        raise CorruptError(f"got a palette of {size} values for {math.prod(shape)} samples, expected no more than samples")
    palette = unpack_palette(decode_bytes(reader.part(), size * itemsize, itemsize), itemsize)
    ranks = _take_integers(reader, shape, present)
    if ranks.size and (ranks.min() < 0 or ranks.max() >= size):
        raise CorruptError(f"a sample has a rank beyond the {size} values of the palette")
    return palette[ranks].view(f"f{itemsize}")


def _encode_scaled(floats: Floats, specials: Specials, level: int) -> bytes | None:
    present = _present(specials)
    where = np.ones(floats.shape, np.bool_) if present is None else present
    if not where.any():
        return _start(NOTHING, floats.dtype.itemsize, specials, floats.dtype.itemsize).to_bytes()
    values = _narrowed(floats[where])
    counts = np.count_nonzero(where, axis=(2, 3)).ravel()
    scales = find_scales(values, counts)
    if scales is None:
        return None
    numbers, rebuilt = _rebuild(scales, counts, values)
    if numbers is None or rebuilt is None:
        return None
    difference = ordered(values) - ordered(rebuilt)
    if np.abs(difference).max() > LARGEST_DIFFERENCE:
        return None
    writer = _start(SCALED, values.itemsize, specials, floats.dtype.itemsize)
    writer.raw(bytes([len(scales) > 1]))
    writer.raw(bytes(scale.method for scale in scales))
    table = np.array([[scale.slope for scale in scales], [scale.intercept for scale in scales]], "<f8")
    writer.part(encode_bytes(table.tobytes(), 8))
    if not _put_integers(writer, numbers, floats.shape, present, level):
        return None
    writer.part(encode_sequence(difference.astype(np.int32), _levels(rebuilt)) if difference.any() else b"")
    return writer.to_bytes()


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


def _levels(rebuilt: Floats) -> NDArray[np.int32]:
    """Octaves below the largest: the size of an ulp, which tells how many of them a sample may be off."""
    found, _ = grids.magnitudes(rebuilt)
    exponents = found >> grids.FORMATS[rebuilt.itemsize].mantissa
    below: NDArray[np.int64] = np.minimum(exponents.max(initial=0) - exponents, MOST_LEVELS - 1)
    return below.astype(np.int32)


def _decode_scaled(reader: PartReader, shape: tuple[int, ...], itemsize: int, present: Present) -> Floats:
    (several,) = reader.exactly(1)
    count = shape[0] * shape[1] if several else 1
    methods = reader.exactly(count)
    table = np.frombuffer(decode_bytes(reader.part(), 16 * count, 8), "<f8").reshape(2, count)
    if several > 1 or max(methods) > LAST_METHOD:
        raise CorruptError("a brick of scaled integers has an unknown arithmetic")
    numbers = _take_integers(reader, shape, present)
    where = np.ones(shape, np.bool_) if present is None else present
    counts = np.count_nonzero(where, axis=(2, 3)).ravel() if several else np.array([numbers.size])
    rebuilt = np.concatenate(
        [
            Scale(float(slope), float(intercept), method).rebuild(part, itemsize)
            for slope, intercept, method, part in zip(*table, methods, np.split(numbers, np.cumsum(counts)[:-1]), strict=True)
        ]
    )
    part = reader.part()
    if not part:
        return rebuilt
    return from_ordered(ordered(rebuilt) + decode_sequence(part, _levels(rebuilt)), itemsize)


def _encode_grid(floats: Floats, values: Floats, specials: Specials, level: int) -> bytes:
    present = _present(specials)
    values = _narrowed(values)
    width, form = floats.dtype.itemsize, grids.FORMATS[values.itemsize]
    found, negative = grids.magnitudes(values)
    grid = _choose_grid(found, negative, form, floats.shape, present, level)
    writer = _start(GRID, values.itemsize, specials, width)
    _put_grid(writer, grid, found, negative, form, floats.shape, present, level)
    return writer.to_bytes()


def _put_grid(
    writer: PartWriter, grid: grids.Grid, found: NDArray[np.int64], negative: NDArray[np.bool_], form: grids.FloatFormat,
    shape: tuple[int, ...], present: Present, level: int,
) -> None:  # fmt: skip
    """Append grid, grid values, symbols and raw bits."""
    whole, symbols, raw = grids.split(found, negative, form, grid)
    writer.raw(_GRID.pack(grid.floor, grid.kept, grid.zeros))
    fits = _put_integers(writer, whole, shape, present, level, RIDGE)
    assert fits
    writer.part(encode_sequence(symbols, np.zeros_like(symbols)))
    writer.part(raw)


def _choose_grid(
    found: NDArray[np.int64], negative: NDArray[np.bool_], form: grids.FloatFormat,
    shape: tuple[int, ...], present: Present, level: int,
) -> grids.Grid:  # fmt: skip
    """The grid that codes the middle slices of a brick in the fewest bytes.

    Smooth maps need a fine, linear grid, but only good predictors show it: the fastest ones choose wrongly.
    """
    choices = grids.candidates(found, form)
    if len(choices) == 1:
        return choices[0]
    where = np.ones(shape, np.bool_) if present is None else present
    box = _middle(where)
    inner, inside = where[box].shape, None if present is None else present[box]
    chosen = np.zeros(shape, np.bool_)
    chosen[box] = True
    part = chosen[where]
    sizes = []
    for number, grid in enumerate(choices):
        writer = PartWriter(b"")
        _put_grid(writer, grid, found[part], negative[part], form, inner, inside, min(level, TRIAL_LEVEL))
        sizes.append((len(writer.to_bytes()), number))
    return choices[min(sizes)[1]]


def _middle(where: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Three volumes and as many slices, in the middle of those that `where` marks, as make a fair trial."""
    first = max(0, where.shape[0] // 2 - 1)
    volumes = slice(first, first + 3)
    ends = np.cumsum(np.count_nonzero(where[volumes], axis=(0, 2, 3)))
    wanted = max(FEWEST_TRIED, min(MOST_TRIED, int(ends[-1]) // TRIED_PART))
    start = int(np.searchsorted(ends, (int(ends[-1]) - wanted) // 2, side="right"))
    start = min(start, ends.size - 1)
    before = int(ends[start - 1]) if start else 0
    return volumes, slice(start, max(start + 1, int(np.searchsorted(ends, before + wanted)) + 1))


def _decode_grid(reader: PartReader, shape: tuple[int, ...], itemsize: int, present: Present) -> Floats:
    form = grids.FORMATS[itemsize]
    grid = grids.Grid(*reader.head(_GRID))
    if not (1 <= grid.floor < form.highest and 1 <= grid.kept <= form.mantissa and grid.zeros <= form.mantissa):
        raise CorruptError(f"the grid of a brick is out of bounds: {grid}")
    whole = _take_integers(reader, shape, present)
    symbols = decode_sequence(reader.part(), np.zeros(int(np.count_nonzero(whole == 0)), np.int32))
    found, negative = grids.join(whole, symbols, reader.part(), form, grid)
    return grids.from_magnitudes(found, negative, itemsize)


_DECODERS = {PALETTE: _decode_palette, SCALED: _decode_scaled, GRID: _decode_grid}
