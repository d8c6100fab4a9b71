"""The predictive codec: forward-adaptive least-squares prediction and context-modelled rANS, for integers.

::

    samples -> Values (dense integers) -> Model (fitted predictors) -> traverse: residuals, tables
            -> Contexts (frequencies) -> rANS words + raw bits

Levels 6 to 9 replace the last two steps by the walk of `voxz.dense`, which mixes more predictions and learns as it goes; a brick
for which that does not pay is coded at level 5.

A payload holds its parameters and needs nothing else but the brick's shape and dtype. All side information is in
adaptive Golomb-Rice codes; samples never touch floating point.
"""

import struct
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from voxz.codecs import needs_newer
from voxz.dense.settings import DENSE, Dense
from voxz.dense.state import State
from voxz.dense.walk import walk
from voxz.entropy.binary import POSITION, finish, start
from voxz.entropy.bits import from_bytes
from voxz.entropy.contexts import LEVELS, Contexts, read_contexts
from voxz.entropy.integers import IntegerReader, IntegerWriter
from voxz.errors import CorruptError
from voxz.fidelity import EXACT, Fidelity
from voxz.predict.geometry import Geometry
from voxz.predict.learn import NONE_ABSENT, RIDGE, learn
from voxz.predict.levels import DEFAULT, SETTINGS, Settings
from voxz.predict.model import Arrays, Model
from voxz.predict.sequence import code_residuals
from voxz.predict.traverse import traverse
from voxz.predict.values import Values, find_values

Scalar = TypeVar("Scalar", bound=np.generic)

_HEAD = struct.Struct("<BII")
"""Number of the settings; bytes of side information; bytes of rANS words. Raw bits fill the rest."""

_FEWEST_WORDS = 8
"""Bytes of the two rANS states that every stream starts with."""

ROUGH_RANGES = 6

_CONSTANT = 0
"""In place of the settings: all samples are equal."""


def encode_brick(samples: NDArray[np.generic], level: int, fidelity: Fidelity = EXACT) -> bytes | None:
    """Code integer `samples` ``(series, z, y, x, channels)`` of up to 32 bits; None if their range is too wide."""
    payload = encode_present(samples, min(level, DEFAULT))
    if payload is None or payload[0] == _CONSTANT or level not in DENSE:
        return payload
    mixed = _encode_mixing(samples, level, payload)
    return payload if mixed is None else min(mixed, payload, key=len)


def encode_present(
    samples: NDArray[np.generic], level: int, present: NDArray[np.bool_] | None = None, ridge: float = RIDGE,
    rough: bool = False,
) -> bytes | None:  # fmt: skip
    """The same at levels 1 to 5 for the samples that are `present` (same shape; None: all), which the decoder has to know.

    At least one must be. `ridge` is that of `learn`. A `rough` payload, with few entropy tables, is only good for its length.
    """
    values = find_values(samples if present is None else samples[present])
    if values is None:
        return None
    side = IntegerWriter()
    values.write(side)
    if values.highest == 0:
        return _pack(_CONSTANT, side, b"", b"")
    settings = replace(SETTINGS[level], ranges=ROUGH_RANGES, phases=False) if rough else SETTINGS[level]
    absent = NONE_ABSENT
    if present is not None:
        samples = np.where(present, samples, values.low)
        absent = _to_series(~present)
    dense = _to_series(values.to_dense(samples))
    words, raw = _encode_dense(dense, values.highest, settings, side, absent, ridge)
    return _pack(level, side, words, raw)


def _pack(number: int, side: IntegerWriter, words: bytes, raw: bytes) -> bytes:
    """Payload of its parts."""
    information = side.to_bytes()
    return _HEAD.pack(number, len(information), len(words)) + information + words + raw


def decode_brick(payload: bytes, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    """Samples of a payload; damage raises `CorruptError`, settings of later versions `UnsupportedError`."""
    return decode_present(payload, shape, dtype)


def decode_present(
    payload: bytes, shape: tuple[int, ...], dtype: np.dtype[np.generic], present: NDArray[np.bool_] | None = None
) -> NDArray[np.generic]:
    """Inverse of `encode_present`; samples that are not `present` come back as anything."""
    if len(payload) < _HEAD.size:
        raise CorruptError(f"a predictive brick has {len(payload)} bytes, expected at least {_HEAD.size}")
    number, side_length, words_length = _HEAD.unpack_from(payload)
    ends = (_HEAD.size, _HEAD.size + side_length, _HEAD.size + side_length + words_length)
    if number not in (_CONSTANT, *SETTINGS, *DENSE):
        raise needs_newer(f"a predictive brick has settings {number}")
    odd = number in SETTINGS and (words_length < _FEWEST_WORDS or words_length % 2)
    if ends[2] > len(payload) or odd:
        raise CorruptError(f"the parts of a predictive brick do not fit its {len(payload)} bytes")
    side = IntegerReader(payload[ends[0] : ends[1]])
    values = Values.read(side)
    if number == _CONSTANT:
        side.finish()
        return values.to_stored(np.zeros(shape, np.int32), dtype)
    settings = SETTINGS[min(number, DEFAULT)]
    geometry = Geometry(shape[0] * shape[4], *shape[1:4])
    model = Model.read(side, settings, geometry)
    padded = np.zeros(geometry.size, np.int32)
    if number in DENSE:
        side.finish()
        _decode_mixing(padded, values.highest, geometry, DENSE[number], model, payload[ends[1] :])
        return values.to_stored(_from_series(geometry.interior(padded), shape), dtype)
    contexts = read_contexts(side)
    side.finish()
    nothing = np.zeros(0, np.int32)
    absent = NONE_ABSENT if present is None else _pad(_to_series(~present), geometry)
    words, raw = payload[ends[1] : ends[2]], payload[ends[2] :]
    if not _walk(padded, values.highest, geometry, settings, model, contexts, words, raw, nothing, nothing, absent):
        raise CorruptError("the entropy-coded residuals of a brick are damaged")
    return values.to_stored(_from_series(geometry.interior(padded), shape), dtype)


def _encode_dense(
    dense: NDArray[np.int32], highest: int, settings: Settings, side: IntegerWriter, absent: NDArray[np.bool_], ridge: float
) -> tuple[bytes, bytes]:
    """Code dense values ``(series, z, y, x)``: fill `side`, return rANS words and raw bits."""
    geometry = Geometry(*dense.shape)
    padded = _pad(dense, geometry)
    coded = dense.size - int(np.count_nonzero(absent))
    if absent.size:
        absent = _pad(absent, geometry)
    model = learn(padded, geometry, settings, absent, ridge)
    model.write(side, settings, geometry)
    residuals, noted = np.zeros(coded, np.int32), np.zeros(coded, np.int32)
    walked = _walk(padded, highest, geometry, settings, model, None, b"", b"", residuals, noted, absent)
    assert walked
    return code_residuals(side, settings.ranges, settings.phases, residuals, noted)


def _encode_mixing(samples: NDArray[np.generic], level: int, payload: bytes) -> bytes | None:
    """Payload of levels 6 to 9, with the value map and the predictor of a payload of level 5; None if it would be too large."""
    side = IntegerReader(payload[_HEAD.size : _HEAD.size + _HEAD.unpack_from(payload)[1]])
    values = Values.read(side)
    dense = _to_series(values.to_dense(samples))
    geometry = Geometry(*dense.shape)
    model = Model.read(side, SETTINGS[DEFAULT], geometry)
    coder, data = np.zeros(4, np.int64), np.zeros(samples.nbytes, np.uint8)
    start(coder, b"")
    fits = _mix(_pad(dense, geometry), values.highest, geometry, DENSE[level], model, coder, data, decoding=False)
    if not fits or coder[POSITION] > data.size:
        return None
    information = IntegerWriter()
    values.write(information)
    model.write(information, SETTINGS[DEFAULT], geometry)
    return _pack(level, information, b"", finish(coder, data))


def _decode_mixing(
    padded: NDArray[np.int32], highest: int, geometry: Geometry, settings: Dense, model: Model, stream: bytes
) -> None:
    """Decode the samples of levels 6 to 9 into their padded array."""
    coder, data = np.zeros(4, np.int64), np.frombuffer(stream, np.uint8).copy()
    start(coder, stream)
    decoded = _mix(padded, highest, geometry, settings, model, coder, data, decoding=True)
    if not decoded or coder[POSITION] != data.size:
        raise CorruptError("the entropy-coded samples of a brick are damaged")


def _pad(dense: NDArray[Scalar], geometry: Geometry) -> NDArray[Scalar]:
    """Put dense values in place in a padded array."""
    padded = np.zeros(geometry.size, dense.dtype)
    geometry.interior(padded)[...] = dense
    return padded


def _mix(
    padded: NDArray[np.int32], highest: int, geometry: Geometry, settings: Dense, model: Model,
    coder: NDArray[np.int64], data: NDArray[np.uint8], *, decoding: bool,
) -> bool:
    """Walk at levels 6 to 9."""
    arrays = Arrays.derive(SETTINGS[DEFAULT], geometry, model.references)
    learning = (*State.fresh(settings, geometry, model.references).arrays(), coder, data, decoding)
    return bool(
        walk(
            padded, np.zeros(padded.size, np.int32), np.zeros(geometry.volume if geometry.series > 1 else 0, np.int64),
            geometry.sizes(), np.array(model.tiles, np.int64), highest, model.precision, model.references,
            model.thresholds, model.coefficients.ravel(), arrays.stride,
            arrays.offsets, arrays.groups, arrays.weights, arrays.error_offsets, arrays.error_groups,
            *learning,
        )
    )


def _to_series(dense: NDArray[Scalar]) -> NDArray[Scalar]:
    """Channels become volumes of the series: sample by sample they resemble each other."""
    return np.moveaxis(dense, 4, 1).reshape(-1, *dense.shape[1:4])


def _from_series(dense: NDArray[np.int32], shape: tuple[int, ...]) -> NDArray[np.int32]:
    return np.moveaxis(dense.reshape(shape[0], shape[4], *shape[1:4]), 1, 4)


def _walk(
    padded: NDArray[np.int32], highest: int, geometry: Geometry, settings: Settings, model: Model,
    contexts: Contexts | None, words: bytes, raw: bytes, residuals: NDArray[np.int32], noted: NDArray[np.int32],
    absent: NDArray[np.bool_],
) -> bool:
    """Run the traversal; it decodes if there are `contexts`."""
    arrays = Arrays.derive(settings, geometry, model.references)
    room = geometry.width
    stream = np.concatenate([np.frombuffer(words, "<u2").astype(np.uint16), np.zeros(room + 1, np.uint16)])
    bits = np.concatenate([from_bytes(raw), np.zeros(2 * room, np.uint32)])
    if contexts is not None:
        tables = contexts.level_table, contexts.shifts, *contexts.lookup()
    else:
        tables = np.zeros(LEVELS, np.int16), np.zeros(1, np.int64), np.zeros((1, 1), np.uint8), np.zeros((1, 1), np.int32)
    return bool(
        traverse(
            padded, np.zeros(padded.size, np.int32), np.zeros(geometry.volume if geometry.series > 1 else 0, np.int64),
            geometry.sizes(), np.array(model.tiles, np.int64), highest, model.precision, model.references,
            model.thresholds, model.coefficients.ravel(), arrays.stride,
            arrays.offsets, arrays.groups, arrays.weights, arrays.error_offsets, arrays.error_groups,
            *tables, stream, bits, 8 * len(raw), settings.ahead, contexts is not None, residuals, noted, absent,
        )
    )
