"""All bands of one or more components in the fast profile, from coarse to fine, in the order of `voxz.codecs.wavelet.bands`."""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.predictive.interlaced.streams import (
    LOWEST,
    TOTAL,
    begin_states,
    codes_of,
    encode_rows,
    lookup_of,
)
from voxz.codecs.predictive.interlaced.streams import (
    STATES as CODERS,
)
from voxz.codecs.wavelet.fast.column_trellis import bits_for, trellis_indices
from voxz.codecs.wavelet.fast.contexts import (
    DEFAULT_EXPECTING,
    DEFAULT_LEANING,
    EXPECTING,
    LEANING,
    MAGNITUDES,
    MOST_SHIFT,
    SIGNS,
    TIMES,
)
from voxz.codecs.wavelet.fast.decode_walk import Source, decode_band, room_words
from voxz.codecs.wavelet.fast.encode_walk import SLOPE, SURVEYED, Coefficients, Notes, count_tokens, encode_band
from voxz.codecs.wavelet.fast.fit import Weights, fit_weights, rows_apart, within_bounds
from voxz.codecs.wavelet.fast.quantise import guess_band, mark_rows, shift_for, take_band
from voxz.codecs.wavelet.fast.split_rows import LANES, empty_rows, padded, pitch_of
from voxz.codecs.wavelet.fast.tables import fit_tables, read_tables
from voxz.codecs.wavelet.fast.tokens import TOKENS
from voxz.codecs.wavelet.fast.walk import UNITS, Band, Room, room_for
from voxz.entropy.bits import from_bytes, to_bytes
from voxz.entropy.integers import IntegerReader, IntegerWriter
from voxz.errors import CorruptError
from voxz.limits import affordable, at_least_a_bit
from voxz.transforms import pyramid as pyramids
from voxz.transforms.pyramid import Pyramid

STATES = (1, 4)
"""States that a trellis may have; 1 is a plain quantiser."""

EMPTY, SAME, OWN = 0, 1, 2
"""What the side information of a band says: all zero; weights as before; weights of its own."""

FEWEST_FOR_WEIGHTS = 2000
"""Coefficients that are not zero from which on a band has weights of its own."""

FEWEST_FOR_SHIFT = 50
"""Indices from which on the mean of what became 1, or more, is sent."""

GUESSED = {1: np.float32(0.36), 2: np.float32(0.3)}
"""By quantisers: what is added to a magnitude, in steps, or in half steps with a trellis, before the first guess cuts it."""

BITS = bits_for(SLOPE)
NO_INDICES = np.zeros((1, 1, 1), np.int32)

BYTES_A_BAND = 2048
"""What a band takes beside its coefficients."""

_HEAD = struct.Struct("<III")

Volumes = NDArray[np.float32]


@dataclass
class Known:
    """Magnitudes of the bands of a component coded so far, and the weights last sent for bands like them."""

    component: int
    quantisers: int
    pyramid: Pyramid
    weights: dict[int, tuple[Weights, Weights]]
    magnitudes: dict[tuple[int, int], NDArray[np.uint8]] = field(default_factory=dict)
    shapes: dict[tuple[int, int], tuple[int, int, int]] = field(default_factory=dict)

    def band(self, band: pyramids.Band) -> Band:
        """A band of zeros among what is known."""
        z, y, x = band.shape
        parents, parent_shape = self.parents(band)
        doubled = (1, 1, 1)
        if parents is not None:
            split_z, split_y, split_x = (int(band.scale + 1 < n) for n in self.pyramid.scales)
            doubled = split_z, split_y, split_x
        weights, leaning = self.weights.get(band.orientation, (DEFAULT_EXPECTING, DEFAULT_LEANING))
        return Band(
            empty_rows(band.shape, np.uint8),
            empty_rows(band.shape, np.int8),
            empty_rows((0, 1, 1), np.uint8) if parents is None else parents,
            (z, y, x),
            pitch_of(x),
            parent_shape,
            pitch_of(parent_shape[2]),
            doubled,
            weights,
            leaning,
            0,
            self.quantisers,
        )

    def parents(self, band: pyramids.Band) -> tuple[NDArray[np.uint8] | None, tuple[int, int, int]]:
        """Magnitudes of the parent of a band, and its shape; None where it has none."""
        above = band.scale + 1, band.orientation
        known = self.magnitudes.get(above) if band.orientation else None
        return known, self.shapes[above] if known is not None else (1, 1, 1)

    def learn(self, band: pyramids.Band, coded: Band) -> None:
        """Remember a finished band."""
        key = band.scale, band.orientation
        self.magnitudes[key], self.shapes[key] = coded.magnitudes, coded.shape


K = TypeVar("K", bound=Known)


def encode_bands(components: Volumes, pyramid: Pyramid, step: float, states: int) -> bytes:
    """Code the coefficients ``(components, z, y, x)`` with errors as of a quantiser of this `step` in the volume."""
    quantisers = 1 if states == 1 else 2
    side, sent = IntegerWriter(), Sent()
    notes, room = notes_for(components.size, pyramid), room_for(pyramid.shape[2])
    for known, band, volume in in_order(components, pyramid, quantisers, Known):
        quantise_band(volume, known, band, step, notes, room, sent)
    tokens, runs, bits = (int(n) for n in notes.places)
    counts = np.zeros((2, quantisers * MAGNITUDES + SIGNS, TOKENS), np.int64)
    count_tokens(notes.contexts[:tokens], notes.tokens[:tokens], counts)
    tables = fit_tables(counts.sum(axis=0), quantisers, side)
    sent.put(side)
    frequencies = tables.frequencies[tables.table_of(quantisers)]
    words = np.empty(tokens // 2 + 4 * CODERS, np.uint32)
    lengths = notes.runs[:runs].astype(np.int64)
    end = encode_rows(notes.contexts[:tokens], notes.tokens[:tokens], lengths, codes_of(frequencies), words)
    information, stream, raw = side.to_bytes(), words[end:].astype("<u4").tobytes(), to_bytes(notes.raw, bits)
    return _HEAD.pack(len(information), len(raw), len(stream)) + information + raw + stream


@dataclass
class Sent:
    """Side information of the bands, which follows that of the tables."""

    rows: list[Any] = field(default_factory=list)

    def add(self, row: Any) -> None:
        """Append a sequence."""
        self.rows.append(row)

    def put(self, side: IntegerWriter) -> None:
        """Append all of them."""
        for row in self.rows:
            side.put(row)


def quantise_band(
    volume: Volumes,
    known: Known,
    place: pyramids.Band,
    step: float,
    notes: Notes,
    room: Room,
    sent: Sent,
    times: float = 0.0,
) -> float:
    """Fit the weights of a band, quantise it, and note its tokens.

    Where these are some rows of a band only, it has so many `times` as many, and their squared error in half steps is returned.
    """
    band, trellis = known.band(place), known.quantisers > 1
    source = Coefficients(volume.reshape(-1), *_where(place, volume.shape), band.shape, np.float32(1 / half_step(place, step)))
    rows, every = band.shape[0] * band.shape[1], rows_apart(band.shape)
    wanted = np.full(rows, trellis)
    mark_rows(every, band.shape[1], wanted)
    share, mean = guess_band(band, source, GUESSED[known.quantisers], wanted, room)
    if shift := shift_for(mean):
        band = band._replace(shift=shift)
        guess_band(band, source, GUESSED[known.quantisers], wanted, room)
    own = share * math.prod(band.shape) * max(times, 1.0) >= FEWEST_FOR_WEIGHTS
    if own:
        weights, leaning = fit_weights(band, every, room)
        band = band._replace(weights=weights, leaning=leaning)
    indices = NO_INDICES
    if trellis:
        values = np.empty((rows, 2, padded(band.shape[2])), np.float32)
        take_band(source, values)
        indices = trellis_indices(band, values, BITS, room)
    before, misses = notes.places.copy(), np.zeros(SURVEYED + (times > 0), np.int64)
    trellises = np.zeros((2, room.sizes.size), np.uint8)
    shifts = np.zeros((2, 2), np.int64)
    if encode_band(band, source, indices, notes, room, trellises, misses):
        sent.add([OWN if own else SAME])
        if own:
            known.weights[place.orientation] = band.weights, band.leaning
            sent.add(band.weights.ravel())
            sent.add(band.leaning.ravel())
        shifts = _shifts(misses)
        sent.add([band.shift, *shifts[: known.quantisers].ravel()])
    else:
        notes.places[:] = before
        sent.add([EMPTY])
    known.learn(place, band)
    return _squares(misses, shifts) if times else 0.0


def _squares(misses: NDArray[np.int64], shifts: NDArray[np.int64]) -> float:
    """Sum of squared errors, in half steps, of what was surveyed once it is shifted."""
    sums, counts, moved = misses[:4], misses[4:SURVEYED], shifts.ravel()
    return float(misses[SURVEYED] - (2 * moved * sums - moved**2 * counts).sum()) / UNITS**2


def _shifts(misses: NDArray[np.int64]) -> NDArray[np.int64]:
    """How much nearer to zero than their magnitude coefficients are rebuilt, by quantiser and index above 1, in units."""
    totals = zip(misses[:4].tolist(), misses[4:SURVEYED].tolist(), strict=True)
    means = [round(total / count) if count >= FEWEST_FOR_SHIFT else 0 for total, count in totals]
    return np.array([max(-UNITS, min(mean, UNITS)) for mean in means]).reshape(2, 2)


def decode_bands(payload: bytes, components: int, pyramid: Pyramid, step: float, states: int, down_to: int = 0) -> Volumes:
    """Coefficients ``(components, z, y, x)`` of a payload, zero on the `down_to` finest scales, which are not decoded."""
    if len(payload) < _HEAD.size:
        raise CorruptError(f"the coefficients of a brick take at least {_HEAD.size} bytes (got {len(payload)})")
    first, second, third = _HEAD.unpack_from(payload)
    rest = payload[_HEAD.size :]
    information, raw, stream = rest[:first], rest[first : first + second], rest[first + second :]
    if first + second + third != len(rest) or len(stream) % 4 or len(stream) < 8 * CODERS:
        raise CorruptError(f"the parts of the coefficients of a brick do not fit its {len(payload)} bytes")
    quantisers = 1 if states == 1 else 2
    side = IntegerReader(information)
    counted = sum(one.scale >= down_to for one in pyramid.bands()) * components
    at_least_a_bit(counted, side.left, "bands")
    affordable(counted * BYTES_A_BAND, components * math.prod(pyramid.shape), len(payload), "the bands of a brick")
    source = _source(side, quantisers, stream, raw, pyramid.shape[2])
    values, room = np.zeros((components, *pyramid.shape), np.float32), room_for(pyramid.shape[2])
    for known, band, volume in in_order(values, pyramid, quantisers, Known):
        if band.scale < down_to:
            return values
        _decode_band(volume, known, band, step, source, room, side)
    side.finish()
    words = len(stream) // 4
    if source.places[0] != words or (source.states != LOWEST).any() or source.raw_bits - source.places[1] >= 8:
        raise CorruptError("the coefficients of a brick do not end where their stream does")
    return values


def _decode_band(
    volume: Volumes, known: Known, place: pyramids.Band, step: float, source: Source, room: Room, side: IntegerReader
) -> None:
    """Decode a band."""
    band = known.band(place)
    (kind,) = side.take(1)
    if not EMPTY <= kind <= OWN:
        raise CorruptError(f"the kind of a band must be {EMPTY} to {OWN} (got {kind})")
    if kind == OWN:
        weights, leaning = side.take(2 * EXPECTING).reshape(2, -1), side.take(2 * LEANING).reshape(2, -1)
        if not all(within_bounds(phase, TIMES) for phase in (*weights, *leaning)):
            raise CorruptError("the weights of a band are out of bounds")
        known.weights[place.orientation] = weights.astype(np.int16), leaning.astype(np.int16)
        band = band._replace(weights=weights.astype(np.int16), leaning=leaning.astype(np.int16))
    if kind != EMPTY:
        shift, *rest = side.take(1 + 2 * known.quantisers)
        shifts = np.zeros((2, 2), np.int32)
        shifts[: known.quantisers] = np.reshape(rest, (-1, 2))
        if not 0 <= shift <= MOST_SHIFT or np.abs(rest).max() > UNITS:
            raise CorruptError("the shifts of a band are out of bounds")
        band = band._replace(shift=int(shift))
        start, apart = _where(place, volume.shape)
        unit = np.float32(half_step(place, step) / UNITS)
        trellises = np.zeros((2, room.sizes.size), np.uint8)
        if not decode_band(band, trellises, shifts, unit, source, room, volume.reshape(-1), start, apart):
            raise CorruptError("the coefficients of a brick are damaged")
    known.learn(place, band)


def half_step(band: pyramids.Band, step: float) -> float:
    """Half a step in a band."""
    return step / (2 * band.norm)


def _source(side: IntegerReader, quantisers: int, stream: bytes, raw: bytes, width: int) -> Source:
    """What the walk reads."""
    tables = read_tables(side, quantisers)
    room = int(room_words(width))
    words = np.frombuffer(stream + bytes(4 * room), "<u4").astype(np.uint32)
    states = np.zeros(CODERS, np.int64)
    word = begin_states(words, states)
    return Source(
        tables.table_of(quantisers).astype(np.int32) * TOTAL,
        lookup_of(tables.frequencies),
        words,
        np.concatenate([from_bytes(raw), np.zeros(room, np.uint32)]),
        8 * len(raw),
        states,
        np.array([word, 0], np.int64),
    )


def notes_for(size: int, pyramid: Pyramid) -> Notes:
    """Room for what an encoder notes of so many coefficients."""
    rows = size // min(pyramid.shape[2], 2) + 64
    return Notes(
        np.empty(2 * size + LANES, np.uint8),
        np.empty(2 * size + LANES, np.uint8),
        np.empty(4 * rows, np.int32),
        np.zeros(size + 64, np.int64),
        np.zeros(3, np.int64),
    )


def _where(band: pyramids.Band, shape: tuple[int, ...]) -> tuple[int, tuple[int, int]]:
    """Place of the first coefficient of a band in a volume of this `shape`, and the distances of its slices and rows."""
    z, y, x = (part.start for part in band.box)
    return (z * shape[1] + y) * shape[2] + x, (shape[1] * shape[2], shape[2])


def in_order(components: Volumes, pyramid: Pyramid, quantisers: int, kind: type[K]) -> Iterator[tuple[K, pyramids.Band, Volumes]]:
    """What is known in its component, band and volume, of all bands in the order of the stream."""
    bands = pyramid.bands()
    weights: dict[int, tuple[Weights, Weights]] = {}
    known = [kind(number, quantisers, pyramid, weights) for number in range(len(components))]
    for scale in sorted({band.scale for band in bands}, reverse=True):
        for one, volume in zip(known, components, strict=True):
            for band in bands:
                if band.scale == scale:
                    yield one, band, volume
