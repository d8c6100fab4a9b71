"""The wavelet codec: lossy coding of images and series at any rate, and a reversible form.

::

    samples -> special values and constant background, each with a bit plane that says where; smooth values in their place
            -> KLT along the series, where it pays -> 9/7 or trained pyramid -> trellis-coded coefficients
            -> where that breaks a bound: the difference in multiples of twice the bound

Lossless, integers go through the 5/3 or a trained reversible pyramid and are coded with a step of 1. A payload decodes to
the same samples everywhere: behind the integer decoder there are only sums and products of IEEE doubles in a fixed order.
"""

import math
import struct
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.background import Background, find_background
from voxz.codecs import needs_newer
from voxz.codecs.parts import PartReader, PartWriter
from voxz.codecs.walks import from_series, to_series
from voxz.codecs.wavelet_head import LOSSLESS, LOSSY, NOTHING, Head
from voxz.entropy.integers import IntegerReader, IntegerWriter
from voxz.entropy.plane import decode_plane, encode_plane
from voxz.errors import CorruptError
from voxz.fidelity import EXACT, Fidelity
from voxz.predict.special import MOST_SPECIALS, Specials, find_specials
from voxz.subbands.bands import decode_bands, encode_bands
from voxz.subbands.settings import EFFORTS, REVERSIBLE, STATES, Effort
from voxz.subbands.shape import choose_basis, choose_levels, choose_transform
from voxz.transforms import klt
from voxz.transforms.choice import Choice, read_choice
from voxz.transforms.fill import fill
from voxz.transforms.model import Model
from voxz.transforms.pyramid import MOST_LEVELS

_BACKGROUND, _BASIS, _CORRECTED = 1, 2, 4
"""Flags."""

MOST_STEPS, MOST_VALUES = 1 << 17, 1 << 20
"""Steps, or whole numbers when lossless, that the range of a brick may have: indices of coefficients stay below 2 ** 26."""

STEP_OF_BOUND = 1.2
"""Step for a bound alone, as a multiple of it."""

_ROOM = 1 - 2.0**-20
"""Corrections of floats are multiples of that much less than twice the bound, to leave room for rounding."""

_VALUE = struct.Struct("<d")

Volumes = NDArray[np.float64]
Series = NDArray[np.generic]


def _read_head(reader: PartReader, dtype: np.dtype[np.generic]) -> Head:
    """Head of a payload, within its bounds."""
    head = Head.unpack(reader.exactly(Head.LAYOUT.size))
    numbers = (head.step, head.offset, head.low, head.high)
    if head.kind > NOTHING or head.flags > _BACKGROUND + _BASIS + _CORRECTED or head.states not in STATES:
        raise needs_newer(f"a wavelet brick is of kind {head.kind} with flags {head.flags} and {head.states} states")
    steps = head.kind != LOSSY or 0 < head.step < math.inf
    if not steps or max(head.levels) > MOST_LEVELS or head.specials > MOST_SPECIALS or not all(map(math.isfinite, numbers)):
        raise CorruptError("the head of a wavelet brick is out of bounds")
    lowest, highest = _limits(dtype)
    if not lowest <= head.low <= head.high <= highest:
        raise CorruptError(f"the range {head.low} to {head.high} of a brick does not fit {dtype}")
    return head


def encode_brick(
    samples: NDArray[np.generic], level: int, fidelity: Fidelity = EXACT, transform: str | Model | None = None
) -> bytes | None:
    """Code integers of up to 32 bits or floats ``(series, z, y, x, channels)``; None for what the codec cannot take.

    `transform` is what `voxz.transforms.choice` says, or None for what suits the level.
    """
    kind, size = samples.dtype.kind, samples.dtype.itemsize
    if not samples.size or kind not in "iuf" or size not in ((1, 2, 4) if kind in "iu" else (2, 4, 8)):
        return None
    step = fidelity.step or fidelity.bound * STEP_OF_BOUND
    if (kind == "f" and not step) or not math.isfinite(step):
        return None
    series = np.ascontiguousarray(to_series(samples))
    specials = find_specials(series, background=False) if kind == "f" else []
    if specials is None:
        return None
    background = find_background(samples)
    missing = _missing(series.shape, specials, background)
    seen = series[~missing]
    low, high = (float(seen.min()), float(seen.max())) if seen.size else (0.0, 0.0)
    if not high - low <= (MOST_STEPS * step if step else MOST_VALUES):
        return None
    form = NOTHING if not seen.size else LOSSY if step else LOSSLESS
    effort = EFFORTS[level] if step else REVERSIBLE
    offset = float(np.rint(low + (seen.astype(np.float64) - low).mean())) if seen.size else 0.0
    volumes = series.astype(np.float64) - offset
    for volume, unknown in zip(volumes, missing, strict=True):
        fill(volume, unknown)
    levels = choose_levels(volumes, step or 1.0)
    basis = choose_basis(volumes, levels, step) if form == LOSSY else None
    flags = (_BACKGROUND if background else 0) | (_BASIS if basis is not None else 0)
    choice = choose_transform(volumes, levels, step, level, transform) if form != NOTHING else Choice()
    head = Head(form, effort.states, levels, len(specials), flags, choice.number, step, offset, low, high)
    body = choice.pack(levels) + _front(series.dtype, specials, background)
    if form != NOTHING:
        body += _coded(volumes, head, effort, basis, choice)
    payload = head.pack() + body
    if form != LOSSY or not math.isfinite(fidelity.bound):
        return payload
    corrections = _corrections(series, _decode(payload, series.shape, series.dtype), missing, fidelity.bound)
    return replace(head, flags=flags | _CORRECTED).pack() + body + corrections if corrections else payload


def decode_brick(payload: bytes, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    """Samples of a payload; damage raises `CorruptError`."""
    series = _decode(payload, (shape[0] * shape[4], *shape[1:4]), dtype)
    return np.ascontiguousarray(from_series(series, shape))


def preview_brick(
    payload: bytes, shape: tuple[int, ...], dtype: np.dtype[np.generic], level: int
) -> NDArray[np.generic]:
    """Samples at a ``2 ** level`` times lower resolution, without decoding the finer ones.

    Along an axis with fewer levels than that, every so many samples of its lowest resolution are taken.
    """
    series = _decode(payload, (shape[0] * shape[4], *shape[1:4]), dtype, level)
    return np.ascontiguousarray(from_series(series, shape))


def _missing(shape: tuple[int, ...], specials: Specials, background: Background | None) -> NDArray[np.bool_]:
    """Which samples ``(series, z, y, x)`` are not coded."""
    missing = np.zeros(shape, np.bool_)
    for _, plane in specials:
        missing |= plane
    if background is not None:
        missing |= background.mask
    return missing


def _front(dtype: np.dtype[np.generic], specials: Specials, background: Background | None) -> bytes:
    """Parts that say where special samples and background are."""
    writer = PartWriter(b"")
    for pattern, plane in specials:
        writer.raw(pattern.to_bytes(dtype.itemsize, "little"))
        writer.part(encode_plane(plane))
    if background is not None:
        writer.raw(_VALUE.pack(float(background.value)))
        writer.part(encode_plane(background.mask[None]))
    return writer.to_bytes()


def _coded(volumes: Volumes, head: Head, effort: Effort, basis: NDArray[np.int64] | None, choice: Choice) -> bytes:
    """Parts of the samples that are coded: basis, coefficients."""
    writer, pyramid = PartWriter(b""), choice.pyramid(volumes.shape[1:], head.levels, head.step)
    if basis is not None:
        side = IntegerWriter()
        side.put(basis.ravel())
        writer.part(side.to_bytes())
        volumes = klt.analyse(volumes.reshape(len(volumes), -1), basis).reshape(volumes.shape)
    work = volumes if head.kind == LOSSY else np.rint(volumes).astype(np.int64)
    for volume in work:
        pyramid.analyse(volume)
    writer.part(encode_bands(work.astype(np.float64, copy=False), pyramid, head.step, effort))
    return writer.to_bytes()


def _decode(payload: bytes, shape: tuple[int, ...], dtype: np.dtype[np.generic], coarser: int = 0) -> Series:
    """Samples ``(series, z, y, x)``; corrections are for the full resolution only."""
    reader = PartReader(payload)
    head = _read_head(reader, dtype)
    choice, planes = read_choice(head.transform, reader, head.levels, reversible=head.kind == LOSSLESS), []
    for _ in range(head.specials):
        pattern = np.frombuffer(reader.exactly(dtype.itemsize), dtype)[0]
        planes.append((pattern, decode_plane(reader.part(), shape)))
    if head.flags & _BACKGROUND:
        (value,) = reader.head(_VALUE)
        lowest, highest = _limits(dtype)
        if not lowest <= value <= highest or (dtype.kind != "f" and value != int(value)):
            raise CorruptError(f"the background {value} of a brick does not fit {dtype}")
        planes.append((dtype.type(value), np.broadcast_to(decode_plane(reader.part(), (1, *shape[1:])), shape)))
    whole = (slice(None), *(slice(None, None, 1 << coarser),) * 3)
    samples = np.zeros([len(range(*part.indices(n))) for part, n in zip(whole, shape, strict=True)], dtype)
    if head.kind != NOTHING:
        _take_coded(reader, head, choice, samples, shape, coarser)
    for pattern, plane in planes:
        samples[plane[whole]] = pattern
    if head.flags & _CORRECTED and not coarser:
        _correct(samples, reader)
    if not coarser:
        reader.finish()
    return samples


def _limits(dtype: np.dtype[Any]) -> tuple[float, float]:
    """Least and largest sample."""
    limits = np.iinfo(dtype) if dtype.kind in "iu" else np.finfo(dtype)
    return float(limits.min), float(limits.max)


def _take_coded(
    reader: PartReader, head: Head, choice: Choice, samples: Series, shape: tuple[int, ...], coarser: int
) -> None:
    """Decode the coded samples into `samples`, at their resolution."""
    basis = None
    if head.flags & _BASIS:
        side = IntegerReader(reader.part())
        basis = side.take(shape[0] ** 2).reshape(shape[0], shape[0])
        side.finish()
    pyramid = choice.pyramid(shape[1:], head.levels, head.step)
    coefficients = decode_bands(reader.part(), shape[0], pyramid, head.step, head.states, coarser)
    low = tuple(slice(n) for n in pyramid.lowest(coarser))
    missing_levels = [max(0, coarser - n) for n in head.levels]
    places = tuple(slice(None, None, 1 << n) for n in missing_levels)
    volumes = np.zeros((shape[0], *samples.shape[1:]))
    for volume, found in zip(volumes, coefficients, strict=True):
        work = found if head.kind == LOSSY else np.rint(found).astype(np.int64)
        pyramid.synthesise(work, coarser)
        volume[...] = work[low][places] / (pyramid.gain(coarser) if head.kind == LOSSY else 1.0)
    if basis is not None:
        volumes = klt.synthesise(volumes.reshape(shape[0], -1), basis).reshape(volumes.shape)
    volumes += head.offset
    if samples.dtype.kind in "iu":
        volumes = np.floor(volumes + 0.5)
    samples[...] = np.clip(volumes, head.low, head.high).astype(samples.dtype)


def _corrections(series: Series, decoded: Series, missing: NDArray[np.bool_], bound: float) -> bytes:
    """Parts that bring every sample within `bound`; empty if all are."""
    known, found = np.where(missing, 0, series), np.where(missing, 0, decoded)
    error = known.astype(np.float64) - found.astype(np.float64)
    unit = 2 * math.floor(bound) + 1.0 if series.dtype.kind in "iu" else 2 * bound * _ROOM
    limit = math.floor(bound) if series.dtype.kind in "iu" else bound * _ROOM
    wrong = np.abs(error) > limit
    if not wrong.any():
        return b""
    writer, side = PartWriter(_VALUE.pack(unit)), IntegerWriter()
    writer.part(encode_plane(wrong))
    side.put(np.rint(error[wrong] / unit).astype(np.int64))
    writer.part(side.to_bytes())
    return writer.to_bytes()


def _correct(samples: Series, reader: PartReader) -> None:
    """Apply what `_corrections` found."""
    (unit,) = reader.head(_VALUE)
    wrong = decode_plane(reader.part(), samples.shape)
    side = IntegerReader(reader.part())
    moved = samples[wrong].astype(np.float64) + side.take(int(np.count_nonzero(wrong))) * unit
    side.finish()
    samples[wrong] = np.clip(moved, *_limits(samples.dtype)).astype(samples.dtype)
