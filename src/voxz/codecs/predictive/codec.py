"""The predictive codec: forward-adaptive least-squares prediction and context-modelled rANS, for integers.

::

    samples -> Values (dense integers) -> Predictor (fitted predictors) -> traverse: residuals, tables
            -> Contexts (frequencies) -> rANS words + raw bits

Level 1 is another walk, `voxz.codecs.predictive.interlaced`, where nothing may be lost, no sample is absent, values have 16
bits and rows are not narrow. Levels 6 to 9 replace the last two steps by the walk of `voxz.codecs.predictive.mixed`, which mixes
more predictions and learns as it goes; a brick for which that does not pay is coded at level 5. Where loss is allowed, residuals
are quantised inside the walk (`row_code`), and constant background is left out of it (`codecs.background_planes`).

A payload holds its parameters and needs nothing else but the brick's shape and dtype. All side information is in
adaptive Golomb-Rice codes; samples never touch floating point.
"""

import math
import struct
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.background_planes import is_outlined, read_background, split_background
from voxz.codecs.channels import from_series, to_series
from voxz.codecs.fidelity import EXACT, Fidelity
from voxz.codecs.predictive.fit_predictor import NONE_ABSENT
from voxz.codecs.predictive.interlaced import codec as interlaced
from voxz.codecs.predictive.levels import DEFAULT, FITS, MIXED, SAME, SETTINGS, MixedSettings, close_fit
from voxz.codecs.predictive.mixed.state import memory_of_walk
from voxz.codecs.predictive.padding import Geometry
from voxz.codecs.predictive.predictor import Predictor, memory_of_units
from voxz.codecs.predictive.quantiser import EXACT as NO_LOSS
from voxz.codecs.predictive.quantiser import UNIT, Quantiser, bound_among, quantiser_of
from voxz.codecs.predictive.refit import Walked, balanced, learn_stepped
from voxz.codecs.predictive.residuals import code_residuals
from voxz.codecs.predictive.series import code_series, mix_series, pad
from voxz.codecs.predictive.value_map import Values, find_values, without_gaps
from voxz.entropy.binary import POSITION, finish, start
from voxz.entropy.contexts import read_contexts
from voxz.entropy.integers import IntegerReader, IntegerWriter
from voxz.errors import CorruptError, needs_newer
from voxz.limits import affordable, memory_of

_HEAD = struct.Struct("<BII")
"""Number of the settings; bytes of side information; bytes of rANS words. Raw bits fill the rest."""

BYTES_A_PLACE = 8
"""Sample and error of a place of the padded array."""

_FEWEST_WORDS = 8
"""Bytes of the two rANS states that every stream starts with."""

ROUGH_RANGES = 6

_CONSTANT = 0
"""In place of the settings: all samples are equal."""

_INTERLACED = 10
"""In place of the settings: the fast walk, of level 1."""

_STEPPED = 16
"""Added to the settings: the side information says how large the steps of residuals are."""

_BACKGROUND = 32
"""In place of the settings: constant background comes first, then a payload of the other samples."""

Present = NDArray[np.bool_] | None
"""Which samples of a brick are coded; None: all."""


def encode_brick(samples: NDArray[np.generic], level: int, fidelity: Fidelity = EXACT) -> bytes | None:
    """Code integer `samples` ``(series, z, y, x, channels)`` of up to 32 bits; None if it would cost too much."""
    exact = quantiser_of(fidelity, 1) == NO_LOSS
    if not samples.size or (exact and (level == 1 or not is_outlined(samples))):
        return encode_present(samples, level)
    background = split_background(samples)
    if background is None:
        return encode_present(samples, level, fidelity=fidelity)
    head, present = background
    if not present.any():
        return encode_present(samples, level)
    payload = encode_present(samples, level, present, fidelity=fidelity)
    return None if payload is None else bytes([_BACKGROUND]) + head + payload


def encode_present(
    samples: NDArray[np.generic],
    level: int,
    present: Present = None,
    ridge: float | None = None,
    rough: bool = False,
    fidelity: Fidelity = EXACT,
) -> bytes | None:
    """The same for the samples that are `present` (same shape), which the decoder has to know; at least one must be.

    `ridge` is that of the fit, if it is not to be the level's own. A `rough` payload, with few entropy tables, is only good for
    its length.
    """
    level = SAME.get(level, level)
    values = find_values(samples if present is None else samples[present])
    geometry = Geometry(samples.shape[0] * samples.shape[4], *samples.shape[1:4])
    units = memory_of_units(2 * geometry.series, SETTINGS[min(level, DEFAULT)])
    if values is None or max(units, _memory_of_walk(level, geometry)) > memory_of(samples.size, 0):
        return None
    if quantiser_of(fidelity, 1) == NO_LOSS:
        return _encode_values(samples, level, present, ridge, rough, values, NO_LOSS)
    return _encode_stepped(samples, level, present, ridge, rough, fidelity, values)


def _memory_of_walk(level: int, geometry: Geometry) -> int:
    """Bytes that a walk takes at a level."""
    learnt = memory_of_walk(MIXED[level], geometry) if level in MIXED else 0
    return BYTES_A_PLACE * geometry.size + learnt


def _encode_stepped(
    samples: NDArray[np.generic],
    level: int,
    present: Present,
    ridge: float | None,
    rough: bool,
    fidelity: Fidelity,
    exact: Values,
) -> bytes | None:
    """Payload with loss, or without if that is smaller, as it can be with few distinct values."""
    low, high = exact.range()
    if math.isfinite(fidelity.bound) and high - low <= 2 * math.floor(fidelity.bound):
        return _encode_values(samples, level, present, ridge, rough, Values((low + high) // 2, 1, 0), NO_LOSS)
    values = without_gaps(exact)
    if values is None:
        return None
    quantiser = quantiser_of(fidelity, values.step)
    if quantiser == NO_LOSS:
        return _encode_values(samples, level, present, ridge, rough, exact, NO_LOSS)
    slack = UNIT * bound_among(fidelity, values.step) + (UNIT - quantiser.size) / 2
    payload = _encode_values(samples, level, present, ridge, rough, values, quantiser, slack)
    if exact.starts and exact.highest * quantiser.size < UNIT * values.highest:
        closed = _encode_values(samples, level, present, ridge, rough, exact, NO_LOSS)
        return min(payload, closed, key=len)
    return payload


def _encode_values(
    samples: NDArray[np.generic],
    level: int,
    present: Present,
    ridge: float | None,
    rough: bool,
    values: Values,
    quantiser: Quantiser,
    slack: float = 0.0,
) -> bytes:
    """Payload for samples with these `values`, whose dense ones are quantised (`learn_stepped` has the `slack`)."""
    if values.highest == 0:
        return _pack(_CONSTANT, _front(values, NO_LOSS), b"", b"")
    if (
        level == 1
        and present is None
        and quantiser == NO_LOSS
        and not rough
        and interlaced.fits(values.highest, samples.shape[:4])
    ):
        side = _front(values, NO_LOSS)
        return _pack(_INTERLACED, side, *interlaced.encode(to_series(values.to_dense(samples)), values.highest, side))
    settings = SETTINGS[min(level, DEFAULT)]
    if rough:
        settings = replace(settings, ranges=ROUGH_RANGES, phases=False)
    series = samples.shape[0] * samples.shape[4], *samples.shape[1:4]
    fit = close_fit(level, series) if quantiser == NO_LOSS else FITS[min(level, DEFAULT)]
    if ridge is not None:
        fit = replace(fit, ridge=ridge)
    absent = NONE_ABSENT
    if present is not None:
        samples = np.where(present, samples, values.low)
        absent = to_series(~present)
    dense = to_series(values.to_dense(samples))
    geometry = Geometry(*dense.shape)
    if absent.size:
        absent = pad(absent, geometry)
    padded = pad(dense, geometry)
    predictor, quantiser = learn_stepped(padded, values.highest, geometry, settings, fit, absent, quantiser, slack)
    coded = dense.size - int(np.count_nonzero(absent))

    def walked(chosen: Quantiser) -> Walked:
        samples, residuals, noted = pad(dense, geometry), np.zeros(coded, np.int32), np.zeros(coded, np.int32)
        fits = code_series(
            samples, values.highest, geometry, settings, predictor, None, b"", b"", residuals, noted, absent, chosen
        )
        assert fits
        return Walked(chosen, geometry.interior(samples), residuals, noted)

    quantiser, residuals, noted = balanced(walked, quantiser, dense, geometry.interior(absent) if absent.size else None)
    side = _front(values, quantiser)
    predictor.write(side, settings, geometry)
    words, raw = code_residuals(side, settings.ranges, settings.phases and not quantiser.size, residuals, noted)
    payload = _pack(_number(min(level, DEFAULT), quantiser), side, words, raw)
    if level not in MIXED or rough:
        return payload
    mixed = _encode_mixing(pad(dense, geometry), level, values, geometry, predictor, absent, quantiser, samples.nbytes)
    return payload if mixed is None else min(mixed, payload, key=len)


def _encode_mixing(
    padded: NDArray[np.int32],
    level: int,
    values: Values,
    geometry: Geometry,
    predictor: Predictor,
    absent: NDArray[np.bool_],
    quantiser: Quantiser,
    room: int,
) -> bytes | None:
    """Payload of levels 6 to 9, with the value map and the predictor of level 5; None if it would be larger than `room`."""
    coder, data = np.zeros(4, np.int64), np.zeros(room, np.uint8)
    start(coder, b"")
    fits = mix_series(padded, values.highest, geometry, MIXED[level], predictor, coder, data, absent, quantiser, decoding=False)
    if not fits or coder[POSITION] > data.size:
        return None
    side = _front(values, quantiser)
    predictor.write(side, SETTINGS[DEFAULT], geometry)
    return _pack(_number(level, quantiser), side, b"", finish(coder, data))


def _front(values: Values, quantiser: Quantiser) -> IntegerWriter:
    """Side information with the value map and, where there is loss, the quantiser."""
    side = IntegerWriter()
    values.write(side)
    if quantiser.size:
        quantiser.write(side)
    return side


def _number(level: int, quantiser: Quantiser) -> int:
    """Number of the settings in a payload."""
    return level + (_STEPPED if quantiser.size else 0)


def _pack(number: int, side: IntegerWriter, words: bytes, raw: bytes) -> bytes:
    """Payload of its parts."""
    information = side.to_bytes()
    return _HEAD.pack(number, len(information), len(words)) + information + words + raw


def decode_brick(payload: bytes, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    """Samples of a payload; damage raises `CorruptError`, settings of later versions `UnsupportedError`."""
    if payload[:1] != bytes([_BACKGROUND]):
        return decode_present(payload, shape, dtype)
    value, present, rest = read_background(payload[1:], shape, dtype)
    return np.where(present, decode_present(rest, shape, dtype, present), value)


def decode_present(
    payload: bytes, shape: tuple[int, ...], dtype: np.dtype[np.generic], present: Present = None
) -> NDArray[np.generic]:
    """Inverse of `encode_present`; samples that are not `present` have any value."""
    if len(payload) < _HEAD.size:
        raise CorruptError(f"a predictive brick takes at least {_HEAD.size} bytes (got {len(payload)})")
    number, side_length, words_length = _HEAD.unpack_from(payload)
    ends = (_HEAD.size, _HEAD.size + side_length, _HEAD.size + side_length + words_length)
    stepped = number > _STEPPED
    level = number - _STEPPED if stepped else number
    if level not in (_CONSTANT, _INTERLACED, *SETTINGS, *MIXED):
        raise needs_newer(f"a predictive brick has settings {number}")
    odd = level in SETTINGS and (words_length < _FEWEST_WORDS or words_length % 2)
    if ends[2] > len(payload) or odd:
        raise CorruptError(f"the parts of a predictive brick do not fit its {len(payload)} bytes")
    side = IntegerReader(payload[ends[0] : ends[1]])
    values = Values.read(side)
    if level == _CONSTANT:
        side.finish()
        return values.lowest(shape, dtype)
    if level == _INTERLACED:
        if present is not None or stepped:
            raise CorruptError("a brick of the fast walk has loss or samples left out, which that walk does not know")
        series = shape[0] * shape[4], shape[1], shape[2], shape[3]
        if not interlaced.fits(values.highest, series):
            raise CorruptError(f"the fast walk cannot have coded values up to {values.highest} in rows of {series[3]}")
        words, raw = payload[ends[1] : ends[2]], payload[ends[2] :]
        return from_series(interlaced.decode(side, words, raw, values.highest, series, values.stored(dtype)), shape)
    quantiser = Quantiser.read(side) if stepped else NO_LOSS
    settings = SETTINGS[min(level, DEFAULT)]
    geometry = Geometry(shape[0] * shape[4], *shape[1:4])
    affordable(_memory_of_walk(level, geometry), geometry.samples, len(payload), "the walk over a brick")
    predictor = Predictor.read(side, settings, geometry)
    padded = np.zeros(geometry.size, np.int32)
    absent = NONE_ABSENT if present is None else pad(to_series(~present), geometry)
    if level in MIXED:
        side.finish()
        _decode_mixing(padded, values.highest, geometry, MIXED[level], predictor, payload[ends[1] :], absent, quantiser)
        return values.to_stored(from_series(geometry.interior(padded), shape), dtype)
    contexts = read_contexts(side)
    side.finish()
    nothing = np.zeros(0, np.int32)
    words, raw = payload[ends[1] : ends[2]], payload[ends[2] :]
    if not code_series(
        padded, values.highest, geometry, settings, predictor, contexts, words, raw, nothing, nothing, absent, quantiser
    ):
        raise CorruptError("the entropy-coded residuals of a brick are damaged")
    return values.to_stored(from_series(geometry.interior(padded), shape), dtype)


def _decode_mixing(
    padded: NDArray[np.int32],
    highest: int,
    geometry: Geometry,
    settings: MixedSettings,
    predictor: Predictor,
    stream: bytes,
    absent: NDArray[np.bool_],
    quantiser: Quantiser,
) -> None:
    """Decode the samples of levels 6 to 9 into their padded array."""
    coder, data = np.zeros(4, np.int64), np.frombuffer(stream, np.uint8).copy()
    start(coder, stream)
    decoded = mix_series(padded, highest, geometry, settings, predictor, coder, data, absent, quantiser, decoding=True)
    if not decoded or coder[POSITION] != data.size:
        raise CorruptError("the entropy-coded samples of a brick are damaged")
