"""The codec for floating-point samples: find the integers in them, predict those, and send the rest as it is.

::

    samples -> special values (NaN, infinities, background), each with a bit plane that says where it is
            -> the others, as one of:  palette   few distinct values       -> their ranks
                                       scaled    number * slope + intercept -> the numbers (+ differences of some ulps)
                                       grid      anything else              -> a coarse grid + the raw bits below it
                                       stepped   where loss is allowed      -> whole numbers of a fine unit, quantised
            -> ranks, numbers or grid values: the predictive codec, which skips the special ones

Complex samples are two channels. Samples are kept bit for bit: which NaN, the sign of zero, denormal numbers. Arithmetic on
floats is that of `predict.scales.Scale`, and the encoder has checked its result.
"""

import struct

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.channels import from_series, to_series
from voxz.codecs.fidelity import EXACT, Fidelity
from voxz.codecs.floats.grid import put_grid, take_grid
from voxz.codecs.floats.mantissa_split import FORMATS
from voxz.codecs.floats.palette import find_palette
from voxz.codecs.floats.quantised import put_steps, take_steps
from voxz.codecs.floats.scaled_integers import put_palette, put_scaled, take_palette, take_scaled
from voxz.codecs.payload import PartReader, PartWriter
from voxz.codecs.special_values import MOST_SPECIALS, Specials, find_specials, present_of, put_specials, take_specials
from voxz.errors import CorruptError, needs_newer

PALETTE, SCALED, GRID, NOTHING, STEPPED = 0, 1, 2, 3, 4
"""What a payload holds; NOTHING: all samples are special."""

SMALL_PALETTE = 32
"""A palette is taken without a comparison if it has at most one value in this many samples."""

CLEAR_BITS = 3.0
"""Bits per sample with loss below which it is not tried whether a payload without would be smaller."""

SOME = 4096
"""Samples that tell soon that a smaller type is not enough."""

_HEAD = struct.Struct("<BBB")
"""Kind, bytes of a float (fewer than those of a sample if all fit), number of special values."""

_TAKE = {PALETTE: take_palette, SCALED: take_scaled, GRID: take_grid, STEPPED: take_steps}

Floats = NDArray[np.generic]


def encode_brick(samples: NDArray[np.generic], level: int, fidelity: Fidelity = EXACT) -> bytes | None:
    """Code float or complex `samples` ``(series, z, y, x, channels)``; None if that does not pay."""
    if samples.dtype.kind not in "fc" or not samples.size:
        return None
    floats = _to_series(samples)
    if floats.dtype.itemsize not in FORMATS:
        return None
    stepped = None if fidelity == EXACT else _encode_stepped(floats, level, fidelity)
    if stepped is not None and 8 * len(stepped) < CLEAR_BITS * floats.size:
        return stepped
    lossless = _encode_exact(floats, level)
    return min((payload for payload in (stepped, lossless) if payload is not None), key=len, default=None)


def _encode_stepped(floats: Floats, level: int, fidelity: Fidelity) -> bytes | None:
    """Payload with loss; None for what has only special values, or does not fit."""
    specials = find_specials(floats, background=True)
    present = present_of(specials or [])
    values = floats.ravel() if present is None else floats[present]
    if specials is None or not values.size:
        return None
    writer = _start(STEPPED, values.itemsize, specials, values.itemsize)
    return writer.to_bytes() if put_steps(writer, values, floats.shape, present, level, fidelity) else None


def _encode_exact(floats: Floats, level: int) -> bytes | None:
    """Payload without loss."""
    odd = find_specials(floats, background=False)
    scaled = None if odd is None else _encode_scaled(floats, odd, level)
    if scaled is not None:
        return scaled
    specials = find_specials(floats, background=True)
    present = present_of(specials or [])
    values = floats.ravel() if present is None else floats[present]
    if not values.size:
        return _start(NOTHING, values.itemsize, specials or [], values.itemsize).to_bytes()
    palette = find_palette(values)
    payloads = []
    if palette is not None:
        writer = _start(PALETTE, values.itemsize, specials or [], values.itemsize)
        put_palette(writer, values, palette, floats.shape, present, level)
        payloads.append(writer.to_bytes())
    if specials is not None and (palette is None or palette.size * SMALL_PALETTE > values.size):
        narrow = _narrowed(values)
        writer = _start(GRID, narrow.itemsize, specials, values.itemsize)
        put_grid(writer, narrow, floats.shape, present, level)
        payloads.append(writer.to_bytes())
    return min(payloads, key=len, default=None)


def _encode_scaled(floats: Floats, specials: Specials, level: int) -> bytes | None:
    """Payload of scaled integers, or of nothing but special values; None for other floats."""
    present = present_of(specials)
    values = floats.ravel() if present is None else floats[present]
    if not values.size:
        return _start(NOTHING, floats.dtype.itemsize, specials, floats.dtype.itemsize).to_bytes()
    narrow = _narrowed(values)
    writer = _start(SCALED, narrow.itemsize, specials, values.itemsize)
    return writer.to_bytes() if put_scaled(writer, narrow, floats.shape, present, level) else None


def decode_brick(payload: bytes, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    """Samples ``(series, z, y, x, channels)`` of a payload; damage raises `CorruptError`."""
    doubled = 2 if dtype.kind == "c" else 1
    width = dtype.itemsize // doubled
    inner = (shape[0] * shape[4] * doubled, *shape[1:4])
    if dtype.kind not in "fc" or width not in FORMATS:
        raise CorruptError(f"a brick of {dtype} says that it holds floats of up to 64 bits")
    reader = PartReader(payload)
    kind, itemsize, count = reader.head(_HEAD)
    if kind > STEPPED:
        raise needs_newer(f"a brick of floats is of kind {kind}")
    if itemsize not in FORMATS or itemsize > width or count > MOST_SPECIALS:
        raise CorruptError(f"the head of a brick of {dtype} is out of bounds: {itemsize} bytes a float, {count} special values")
    specials = take_specials(reader, count, width, inner)
    present = present_of(specials)
    floats = np.zeros(inner, f"u{width}")
    if kind != NOTHING:
        with np.errstate(all="ignore"):
            narrow = _TAKE[kind](reader, inner, itemsize, present)
        flat = floats.reshape(-1)
        flat[slice(None) if present is None else present.reshape(-1)] = narrow.astype(f"f{width}").view(f"u{width}")
    reader.finish()
    for pattern, plane in specials:
        floats[plane] = pattern
    return np.ascontiguousarray(from_series(floats, (*shape[:4], shape[4] * doubled))).view(dtype)


def _to_series(samples: NDArray[np.generic]) -> Floats:
    """Floats ``(series * channels, z, y, x)``; real and imaginary parts are channels."""
    parts = samples.view(samples.real.dtype) if samples.dtype.kind == "c" else samples
    return np.ascontiguousarray(to_series(parts))


def _start(kind: int, itemsize: int, specials: Specials, width: int) -> PartWriter:
    """Head and special values."""
    writer = PartWriter(_HEAD.pack(kind, itemsize, len(specials)))
    put_specials(specials, width, writer)
    return writer


def _narrowed(values: Floats) -> Floats:
    """Flat finite `values` in the smallest type that holds them all exactly."""
    with np.errstate(all="ignore"):
        for itemsize in (2, 4):
            if itemsize < values.itemsize:
                some = values[:SOME]
                if np.array_equal(some.astype(f"f{itemsize}").astype(values.dtype), some):
                    smaller = values.astype(f"f{itemsize}")
                    if np.array_equal(smaller.astype(values.dtype), values):
                        return smaller
    return values
