"""The wavelet codec: lossy coding of images and series at any rate, and a reversible form.

::

    samples -> special values and constant background, each with a bit plane that says where; smooth values in their place
            -> KLT along the series, where it pays -> 9/7 or trained pyramid, or one that follows motion along z
            -> trellis-coded coefficients
            -> filters for what comes out of these, where they pay
            -> where that breaks a bound: the difference in multiples of twice the bound

Where edges move from slice to slice, blocks that are predicted from what is decoded already may take the place of the transform
(`voxz.codecs.wavelet.blocks`). Low levels code coefficients in a fast profile, `voxz.codecs.wavelet.fast`, with a 9/7 pyramid in
singles and without filters. Lossless, integers go through the 5/3 or a trained reversible pyramid and are coded with a step of 1.
A payload decodes to the same samples everywhere: behind the integer decoder are only sums and products of IEEE doubles or
singles in a fixed order.
"""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.channels import from_series, to_series
from voxz.codecs.corrections import apply_corrections, encode_corrections, encode_farthest, limits_of
from voxz.codecs.fidelity import EXACT, Fidelity
from voxz.codecs.masked import Prepared, read_planes
from voxz.codecs.payload import PartReader
from voxz.codecs.special_values import MOST_SPECIALS
from voxz.codecs.wavelet.bands import decode_bands
from voxz.codecs.wavelet.blocks.codec import decode_blocks, suits
from voxz.codecs.wavelet.chosen import Chosen
from voxz.codecs.wavelet.doubles import encode_doubles
from voxz.codecs.wavelet.fast import bands as fast_bands
from voxz.codecs.wavelet.fast.draft import Draft, singles_do, singles_suit
from voxz.codecs.wavelet.head import (
    BACKGROUND,
    BASIS,
    BLOCKS,
    CORRECTED,
    FAST,
    HEAVY,
    LEAST,
    LOSSLESS,
    LOSSY,
    NOTHING,
    RESTORED,
    Head,
    coarsest_step,
)
from voxz.codecs.wavelet.heavy.model import Model, read_model
from voxz.codecs.wavelet.levels import FAST_STATES, STATES
from voxz.codecs.wavelet.options import Transform
from voxz.codecs.wavelet.settle import settle
from voxz.entropy.integers import IntegerReader
from voxz.errors import CorruptError, needs_newer
from voxz.transforms import klt
from voxz.transforms.choice import Choice, read_choice
from voxz.transforms.loop_filter import read_filters, restore
from voxz.transforms.pyramid import MOST_SCALES, Scales

_ALL = BACKGROUND + BASIS + CORRECTED + RESTORED + HEAVY + FAST + BLOCKS

MOST_STEPS, MOST_VALUES = 1 << 17, 1 << 20
"""Largest range of a brick, in steps or, when lossless, in whole numbers: indices of coefficients stay below 2 ** 26."""

LARGEST_SAMPLE = 1e280
"""Magnitude of samples up to which all arithmetic stays in the range of doubles."""

STEP_OF_BOUND = 1.2
"""Step for a bound alone, as a multiple of it."""

FULL: Scales = (0, 0, 0)
"""The full resolution."""

Volumes = NDArray[np.floating]
Series = NDArray[np.generic]


def _read_head(reader: PartReader, dtype: np.dtype[np.generic]) -> Head:
    """Head of a payload, within its bounds."""
    head = Head.unpack(reader.exactly(Head.LAYOUT.size))
    if head.kind > NOTHING or head.flags > _ALL or head.states not in STATES:
        raise needs_newer(f"a wavelet brick is of kind {head.kind} with flags {head.flags} and {head.states} states")
    lowest, highest = limits_of(dtype)
    if not lowest <= head.low <= head.high <= highest:
        raise CorruptError(f"the range {head.low} to {head.high} of a brick does not fit {dtype}")
    if max(head.scales) > MOST_SCALES or head.specials > MOST_SPECIALS or not _possible(head, dtype):
        raise CorruptError("the head of a wavelet brick is out of bounds")
    return head


def _possible(head: Head, dtype: np.dtype[np.generic]) -> bool:
    """Whether the fields fit each other, so that no sum of coefficients can leave the range of doubles."""
    if head.kind != LOSSY and (head.step or head.flags & (BASIS | CORRECTED | RESTORED | BLOCKS)):
        return False
    if head.flags & BLOCKS and (head.flags & (BASIS | HEAVY | FAST) or head.transform or head.states > 1 or any(head.scales)):
        return False
    size = max(abs(head.low), abs(head.high))
    if head.flags & FAST and (head.kind != LOSSY or not singles_do(head.step, size) or not _plain(head)):
        return False
    if not size <= LARGEST_SAMPLE or not abs(head.offset) <= size + 1 or (dtype.kind not in "iu" and head.kind == LOSSLESS):
        return False
    return head.kind != LOSSY or LEAST <= head.step <= coarsest_step(head.low, head.high)


def _plain(head: Head) -> bool:
    """Whether there is nothing that the fast profile does not have."""
    return not (head.flags & (HEAVY | RESTORED) or head.transform or head.states not in fast_bands.STATES)


def encode_brick(
    samples: NDArray[np.generic],
    level: int,
    fidelity: Fidelity = EXACT,
    transform: Transform = None,
    entropy: str | None = None,
    draft: Draft | None = None,
    decoded: dict[bytes, Series] | None = None,
    kept: list[Chosen] | None = None,
) -> bytes | None:
    """Code integers of up to 32 bits or floats ``(series, z, y, x, channels)``; None for what the codec cannot take.

    `transform` is what `voxz.transforms.choice` says, or None for what suits the level; `entropy` is ``light`` or ``heavy``,
    see `voxz.codecs.wavelet.heavy.model`, or None for what suits the level. A `draft` of these samples saves transforming them.
    A payload that has a bound is put into `decoded` with what it decodes to. What it goes through is `kept` for the next step.
    """
    kind, step = samples.dtype.kind, fidelity.step or fidelity.bound * STEP_OF_BOUND
    if (kind == "f" and not (step and fidelity.bound)) or 0 < step < LEAST or not math.isfinite(step):
        return None
    prepared = draft.prepared if draft is not None else Prepared.of(samples)
    if prepared is None:
        return None
    low, high = prepared.low, prepared.high
    if not high - low <= (MOST_STEPS * step if step else MOST_VALUES) or max(abs(low), abs(high)) > LARGEST_SAMPLE:
        return None
    step = min(step, coarsest_step(low, high))
    states = FAST_STATES.get(level, 0) if step and transform in (None, "97") and entropy is None else 0
    if states and prepared.count and singles_suit(prepared, step):
        payload = (draft or Draft.of_prepared(prepared, step)).encode(step, states)
    else:
        kept = [] if kept is None else kept
        payload = encode_doubles(prepared, level, replace(fidelity, step=step), transform, entropy, kept)
    if not step or not prepared.count or not math.isfinite(fidelity.bound):
        return payload
    found = _decode(payload, samples.shape, prepared.series.dtype)
    if corrections := encode_corrections(prepared.series, found, ~prepared.missing, fidelity.bound):
        payload = _corrected(payload, corrections)
        apply_corrections(found, PartReader(corrections))
    if decoded is not None:
        decoded[payload] = np.ascontiguousarray(from_series(found, samples.shape))
    return payload


def _corrected(payload: bytes, corrections: bytes) -> bytes:
    """A payload with corrections."""
    head = Head.unpack(payload[: Head.LAYOUT.size])
    return replace(head, flags=head.flags | CORRECTED).pack() + payload[Head.LAYOUT.size :] + corrections


def decode_brick(payload: bytes, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    """Samples of a payload; damage raises `CorruptError`."""
    series = _decode(payload, shape, dtype)
    return np.ascontiguousarray(from_series(series, shape))


def sharpen_brick(
    payload: bytes, samples: NDArray[np.generic], decoded: NDArray[np.generic], squares: float, longest: float
) -> tuple[bytes, NDArray[np.generic]] | None:
    """A payload that takes `squares` from the sum of squared errors by correcting what is farthest off, and what it decodes to.

    Costs about twice the bytes of a finer step, and hardly any time. None where it takes many corrections, or more than the
    `longest` number of bytes for sure, or there are some.
    """
    head = Head.unpack(payload[: Head.LAYOUT.size])
    if head.kind != LOSSY or head.flags & CORRECTED:
        return None
    series = to_series(decoded).copy()
    corrections = encode_farthest(to_series(samples), series, squares, longest)
    if not corrections:
        return None
    apply_corrections(series, PartReader(corrections))
    return _corrected(payload, corrections), np.ascontiguousarray(from_series(series, samples.shape))


def preview_brick(payload: bytes, shape: tuple[int, ...], dtype: np.dtype[np.generic], halvings: Scales) -> NDArray[np.generic]:
    """Samples at a resolution that is halved so often along z, y, x, without decoding the finer scales.

    Along an axis with fewer scales than that, its lowest resolution is split on.
    """
    series = _decode(payload, shape, dtype, halvings)
    return np.ascontiguousarray(from_series(series, shape))


def _decode(payload: bytes, brick: tuple[int, ...], dtype: np.dtype[np.generic], halvings: Scales = FULL) -> Series:
    """Samples ``(series, z, y, x)`` of a `brick` of this shape, halved so often; corrections are for the full resolution only."""
    reader, shape = PartReader(payload), (brick[0] * brick[4], *brick[1:4])
    head = _read_head(reader, dtype)
    choice = read_choice(head.transform, reader, head.scales, shape[1:], reversible=head.kind == LOSSLESS)
    model = read_model(reader) if head.flags & HEAVY else None
    planes = read_planes(reader, head.specials, bool(head.flags & BACKGROUND), brick, dtype)
    kept = (slice(None), *(slice(None, None, 1 << n) for n in halvings))
    samples = np.zeros([len(range(*part.indices(n))) for part, n in zip(kept, shape, strict=True)], dtype)
    if head.kind != NOTHING:
        _take_coded(reader, head, choice, model, samples, shape, halvings)
    for pattern, plane in planes:
        samples[plane[kept]] = pattern
    if head.flags & CORRECTED and halvings == FULL:
        apply_corrections(samples, reader)
    if halvings == FULL:
        reader.finish()
    return samples


def _take_coded(
    reader: PartReader,
    head: Head,
    choice: Choice,
    model: Model | None,
    samples: Series,
    shape: tuple[int, ...],
    halvings: Scales,
) -> None:
    """Decode the coded samples into `samples`, at their resolution."""
    basis = None
    if head.flags & BASIS:
        side = IntegerReader(reader.part())
        basis = klt.Basis.read(side, shape[0])
        side.finish()
    pyramid = choice.pyramid(shape[1:], head.scales, head.step)
    undone, beyond = pyramid.coarser(halvings)
    if head.flags & BLOCKS:
        if shape[0] != 1 or not suits(shape[1:]):
            raise CorruptError(f"a brick of the shape {shape} cannot lie in blocks")
        coefficients: Volumes = decode_blocks(reader, shape[1:], head.step)[None]
    elif head.flags & FAST:
        coefficients = fast_bands.decode_bands(reader.part(), shape[0], pyramid, head.step, head.states, undone)
    else:
        coefficients = decode_bands(reader.part(), shape[0], pyramid, head.step, head.states, undone, model)
    volumes = coefficients if halvings == FULL else np.zeros(samples.shape, coefficients.dtype)
    for volume, found in zip(volumes, coefficients, strict=True):
        work = found if head.kind == LOSSY else np.rint(found).astype(np.int64)
        pyramid.synthesise(work, undone)
        if halvings != FULL:
            low = work[tuple(slice(n) for n in pyramid.lowest(undone))]
            volume[...] = beyond.low_pass(low / pyramid.gain(undone) if head.kind == LOSSY else low)
        elif head.kind != LOSSY:
            volume[...] = work
    del coefficients
    if basis is not None:
        volumes = klt.synthesise(volumes.reshape(shape[0], -1).astype(np.float64, copy=False), basis).reshape(volumes.shape)
    if head.flags & RESTORED and halvings == FULL:
        filters = read_filters(reader.part())
        for volume in volumes:
            restore(volume, head.step, filters)
    _settle(volumes.reshape(-1), head, samples)


def _settle(values: Volumes, head: Head, samples: Series) -> None:
    """Fill samples with the values of the transform: plus the offset, rounded if samples are whole, within their range."""
    whole = samples.dtype.kind in "iu"
    found = samples if whole or samples.dtype.itemsize > 2 else np.empty(samples.shape)  # kernels have no floats of 16 bits
    settle(values, head.offset, head.low, head.high, whole, found.reshape(-1))
    if found is not samples:
        samples[...] = found.astype(samples.dtype)
