"""The one walk over a brick that encoder and decoder share, one phase of a row at a time.

What travels together through the kernels is a named tuple. Phases are worked on up to a multiple of `rows.VECTOR` columns: what
lies beyond their end is never used, and whole vectors are faster.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.predictive.interlaced.places import Places, aim
from voxz.codecs.predictive.interlaced.rows import BELOW, BORDER, TOP, VECTOR, close_phase, close_slice, open_slice
from voxz.codecs.predictive.interlaced.streams import LOWEST, STATES, begin_states, read_tokens
from voxz.codecs.predictive.interlaced.taps import TAPS
from voxz.codecs.predictive.interlaced.tokens import residuals_of
from voxz.codecs.predictive.row_sums import add_products
from voxz.jit import apart_kernel, at, inlined_kernel, kernel

PRECISION = 10
"""Fraction bits of coefficients."""

HALF = 1 << (PRECISION - 1)

LARGEST_ERROR = 1480
"""Errors are limited to this: 22 of them, the largest sum of weights, then fit 15 bits."""

LARGEST_ERROR_SHIFT = PRECISION + 16

CONTEXT_SHIFT = 3
CONTEXTS = 4096
"""A context is the sum of weighted errors divided by ``2**CONTEXT_SHIFT``; contexts are below `CONTEXTS`."""


class Brick(NamedTuple):
    """The samples of a brick while they are coded.

    Attributes
    ----------
    samples : int16 (Rows.size,), dense values less the centre
    errors : int16 (Rows.size,), zeros at first: errors of the predictions, at most `LARGEST_ERROR`
    sizes : int64 (6,), `Rows.sizes`
    lowest, highest : bounds of the samples
    error_shift : low bits that errors lose, of `PRECISION` fraction bits and the whole ones; 0 to `LARGEST_ERROR_SHIFT`
    """

    samples: NDArray[np.int16]
    errors: NDArray[np.int16]
    sizes: NDArray[np.int64]
    lowest: int
    highest: int
    error_shift: int


class Predictors(NamedTuple):
    """The linear predictors of a brick.

    Attributes
    ----------
    tiles : int64 (2,), down and across
    references : int64 (series, 2)
    coefficients : int32 (RANKS, units * TAPS)
    places : of the taps
    """

    tiles: NDArray[np.int64]
    references: NDArray[np.int64]
    coefficients: NDArray[np.int32]
    places: Places


class Source(NamedTuple):
    """What the decoder reads from.

    Attributes
    ----------
    slots : int32 (CONTEXTS,), place in `lookup` of the first slot of each context's table
    lookup : uint32 (tables * TOTAL,), `streams.lookup_of`
    shifts : int64 (CONTEXTS,), raw low bits of residuals in each context, never falling
    words : uint32, the stream and ``Rows.padded + 1`` zeros, more words than a phase of a row can take
    raw : uint32, raw bits, and more zeros than a phase can take: 32 for each of ``Rows.padded``
    raw_bits : how many there are, up to a byte
    """

    slots: NDArray[np.int32]
    lookup: NDArray[np.uint32]
    shifts: NDArray[np.int64]
    words: NDArray[np.uint32]
    raw: NDArray[np.uint32]
    raw_bits: int


class Notes(NamedTuple):
    """What the encoder notes of each voxel in coding order: context, int16, and residual, int32."""

    contexts: NDArray[np.int16]
    residuals: NDArray[np.int32]


class Room(NamedTuple):
    """What a walk works in, for a phase of a row; `padded` columns with those that fill the last vector.

    Attributes
    ----------
    contexts : int16 (padded,)
    tokens : uint8 (padded,)
    predictions : int32 (padded + VECTOR,)
    residuals : int32 (padded,)
    unusual : int32 (padded + 1,), as for `tokens.residuals_of`
    tap_offsets, error_offsets : int64 (phases, taps), as `places.aim` fills them
    moves : int64 (3,), indices to the volumes that predict
    states : int64 (STATES,), of the entropy coder
    """

    contexts: NDArray[np.int16]
    tokens: NDArray[np.uint8]
    predictions: NDArray[np.int32]
    residuals: NDArray[np.int32]
    unusual: NDArray[np.int32]
    tap_offsets: NDArray[np.int64]
    error_offsets: NDArray[np.int64]
    moves: NDArray[np.int64]
    states: NDArray[np.int64]

    @classmethod
    def fresh(cls, padded: int, places: Places) -> "Room":
        """Zeros."""
        return cls(
            np.zeros(padded, np.int16),
            np.zeros(padded, np.uint8),
            np.zeros(padded + VECTOR, np.int32),
            np.zeros(padded, np.int32),
            np.zeros(padded + 1, np.int32),
            np.zeros(places.taps.shape[1:], np.int64),
            np.zeros(places.errors.shape[1:], np.int64),
            np.zeros(3, np.int64),
            np.zeros(STATES, np.int64),
        )


NO_SOURCE = Source(
    np.zeros(1, np.int32),
    np.zeros(1, np.uint32),
    np.zeros(1, np.int64),
    np.zeros(2 * STATES, np.uint32),
    np.zeros(2, np.uint32),
    0,
)
"""What the encoder passes."""

NO_NOTES = Notes(np.zeros(0, np.int16), np.zeros(0, np.int32))
"""What the decoder passes."""


@apart_kernel
def _find_contexts(errors, first, offsets, weights, padded, contexts):  # type: ignore[no-untyped-def]
    """Contexts: weighted sums of the eight errors around each voxel, which fit 15 bits.

    Parameters
    ----------
    errors : int16 (Rows.size,), `Brick.errors`
    first : index of the first column
    offsets : int64 (8,), indices from there to the errors
    weights : int16 (8,), what each counts
    padded : columns with those that fill the last vector
    contexts : int16 (padded,), filled
    """
    o0, o1, o2, o3 = first + offsets[0], first + offsets[1], first + offsets[2], first + offsets[3]
    o4, o5, o6, o7 = first + offsets[4], first + offsets[5], first + offsets[6], first + offsets[7]
    w0, w1, w2, w3 = np.int64(weights[0]), np.int64(weights[1]), np.int64(weights[2]), np.int64(weights[3])
    w4, w5, w6, w7 = np.int64(weights[4]), np.int64(weights[5]), np.int64(weights[6]), np.int64(weights[7])
    for x in range(padded):
        total = np.int16(
            w0 * np.int64(errors[at(o0 + x)])
            + w1 * np.int64(errors[at(o1 + x)])
            + w2 * np.int64(errors[at(o2 + x)])
            + w3 * np.int64(errors[at(o3 + x)])
            + w4 * np.int64(errors[at(o4 + x)])
            + w5 * np.int64(errors[at(o5 + x)])
            + w6 * np.int64(errors[at(o6 + x)])
            + w7 * np.int64(errors[at(o7 + x)])
        )
        contexts[at(x)] = np.int16(total >> CONTEXT_SHIFT)


@apart_kernel
def _predict(samples, first, offsets, coefficients, unit, across, columns, padded, sums):  # type: ignore[no-untyped-def]
    """Predictions of a phase of a row, with `PRECISION` fraction bits and the half that rounds them.

    Tiles are filled in whole vectors, what lies beyond their end again by the next tile.

    Parameters
    ----------
    samples : int16 (Rows.size,), `Brick.samples`
    first : index of the first column
    offsets : int64 (TAPS,), indices from there to the taps
    coefficients : int32 (units * TAPS,), of the phase's rank
    unit : number of the row's first unit
    across : units of the row
    columns : columns of the first phase
    padded : columns with those that fill the last vector
    sums : int32 (padded + VECTOR,), filled
    """
    for tile in range(across):
        x0 = (tile * columns + across - 1) // across
        x1 = padded if tile == across - 1 else ((tile + 1) * columns + across - 1) // across
        end = x0 + (x1 - x0 + VECTOR - 1) // VECTOR * VECTOR
        for x in range(x0, end):
            sums[at(x)] = np.int32(HALF)
        add_products(samples, first, offsets, TAPS // 8, coefficients, (unit + tile) * TAPS, x0, end, sums)


@inlined_kernel
def _error(sample, prediction, error_shift):  # type: ignore[no-untyped-def]
    """Error of a prediction, as it is kept.

    Parameters
    ----------
    sample : int32
    prediction : int32, with `PRECISION` fraction bits and the half that rounds it
    error_shift : int32, `Brick.error_shift`; that it is below 32 is said again, so that vectors need no 64 bits
    """
    away = np.int32((np.int64(sample) << PRECISION) - np.int64(prediction) + HALF)
    magnitude = max(away, np.int32(-away))
    return np.int16(min(np.int32(magnitude >> (error_shift & 31)), np.int32(LARGEST_ERROR)))


@apart_kernel
def _rebuild(brick, first, residuals, padded, sums):  # type: ignore[no-untyped-def]
    """Samples and errors from the predictions `sums` and residuals.

    Parameters
    ----------
    brick : `Brick`; samples and errors are filled
    first : index of the first column
    residuals : int32 (padded,)
    padded : columns with those that fill the last vector
    sums : int32 (padded,), from `_predict`
    """
    samples, errors, error_shift = brick.samples, brick.errors, np.int32(brick.error_shift)
    lowest, highest = np.int32(brick.lowest), np.int32(brick.highest)
    low, high = np.int32((brick.lowest << PRECISION) + HALF), np.int32((brick.highest << PRECISION) + HALF)
    for x in range(padded):
        prediction = min(max(sums[at(x)], low), high)
        sample = np.int32((prediction >> PRECISION) + residuals[at(x)])
        sample = min(max(sample, lowest), highest)
        samples[at(first + x)] = np.int16(sample)
        errors[at(first + x)] = _error(sample, prediction, error_shift)


@apart_kernel
def _subtract(brick, first, residuals, padded, sums):  # type: ignore[no-untyped-def]
    """Residuals and errors from the predictions `sums` and samples.

    Parameters
    ----------
    brick : `Brick`; errors are filled
    first, padded, sums : as for `_rebuild`
    residuals : int32 (padded,), filled
    """
    samples, errors, error_shift = brick.samples, brick.errors, np.int32(brick.error_shift)
    low, high = np.int32((brick.lowest << PRECISION) + HALF), np.int32((brick.highest << PRECISION) + HALF)
    for x in range(padded):
        prediction = min(max(sums[at(x)], low), high)
        sample = np.int32(samples[at(first + x)])
        residuals[at(x)] = np.int32(sample - (prediction >> PRECISION))
        errors[at(first + x)] = _error(sample, prediction, error_shift)


@apart_kernel
def _note(notes, place, contexts, residuals, count):  # type: ignore[no-untyped-def]
    """Keep contexts and residuals of a phase of a row.

    Parameters
    ----------
    notes : `Notes`, filled
    place : number of the first voxel in coding order
    contexts : int16 (count or more,)
    residuals : int32 (count or more,)
    count : columns
    """
    for x in range(count):
        notes.contexts[at(place + x)] = contexts[at(x)]
        notes.residuals[at(place + x)] = residuals[at(x)]


def walk(brick: Brick, predictors: Predictors, source: Source, notes: Notes, decoding: bool) -> bool:
    """Decode the samples, or note what they are coded by; False if the streams end too early, too late or in the wrong state.

    Parameters
    ----------
    brick : `Brick`; decoding fills samples and errors, encoding errors
    predictors : `Predictors`
    source : `Source`; NO_SOURCE when encoding
    notes : `Notes`, filled when encoding; NO_NOTES when decoding
    decoding : whether `source` is decoded
    """
    room = Room.fresh(int(brick.sizes[5]) - 2 * BORDER, predictors.places)
    return bool(_rows(brick, predictors, source, notes, decoding, room))


@kernel
def _rows(brick, predictors, source, notes, decoding, room):  # type: ignore[no-untyped-def]
    """The rows of a brick, one after the other: `walk` with what it works in.

    Parameters
    ----------
    brick, predictors, source, notes, decoding : as for `walk`
    room : `Room`, zeros at first, changed
    """
    samples, errors, tiles, references, places = (
        brick.samples,
        brick.errors,
        predictors.tiles,
        predictors.references,
        predictors.places,
    )
    series, depth, height, width = brick.sizes[0], brick.sizes[1], brick.sizes[2], brick.sizes[3]
    phases, stride = brick.sizes[4], brick.sizes[5]
    row = phases * stride
    slice_ = (height + TOP + BELOW) * row
    volume = depth * slice_
    columns = (width + phases - 1) // phases
    padded = stride - 2 * BORDER
    contexts, tokens = room.contexts, room.tokens
    predictions, residuals, unusual = room.predictions, room.residuals, room.unusual
    tap_offsets, error_offsets, moves, states = room.tap_offsets, room.error_offsets, room.moves, room.states
    first_shifted = np.int64(0)
    while first_shifted < source.shifts.size and source.shifts[first_shifted] == 0:
        first_shifted += 1
    word, bit, place = np.int64(0), np.int64(0), np.int64(0)
    end = source.words.size - padded - 1
    if decoding:
        word = begin_states(source.words, states)
    for s in range(series):
        moves[1], moves[2] = (references[s, 0] - s) * volume, (references[s, 1] - s) * volume
        for z in range(depth):
            mode = (1 if z > 0 else 0) + (2 if s > 0 else 0)
            start = s * volume + z * slice_
            if mode > 0:
                behind = start - slice_ if z > 0 else start + moves[1]
                open_slice(samples, start, row, behind)
                open_slice(errors, start, row, behind)
            aim(places.taps[mode], places.tap_volumes[mode], moves, tap_offsets)
            aim(places.errors[mode], places.error_volumes[mode], moves, error_offsets)
            for y in range(height):
                origin = start + (y + TOP) * row + BORDER
                unit = s * (tiles[0] * tiles[1] + 1)
                across = 1
                if z > 0:
                    unit += 1 + y * tiles[0] // height * tiles[1]
                    across = tiles[1]
                for k in range(phases):
                    phase = places.order[k]
                    count = (width - phase + phases - 1) // phases
                    if count > 0:
                        _find_contexts(errors, origin, error_offsets[k], places.weights[mode, k], padded, contexts)
                        if decoding:
                            if word > end or bit > source.raw_bits:
                                return False
                            word = read_tokens(contexts, count, source.slots, source.lookup, source.words, word, states, tokens)
                            bit = residuals_of(
                                tokens, contexts, count, source.shifts, first_shifted, source.raw, bit, residuals, unusual
                            )
                        coefficients = predictors.coefficients[places.ranks[k]]
                        _predict(samples, origin, tap_offsets[k], coefficients, unit, across, columns, padded, predictions)
                        if decoding:
                            _rebuild(brick, origin + phase * stride, residuals, padded, predictions)
                        else:
                            _subtract(brick, origin + phase * stride, residuals, padded, predictions)
                            _note(notes, place, contexts, residuals, count)
                            place += count
                    close_phase(samples, origin, stride, phase, count)
                    close_phase(errors, origin, stride, phase, count)
            close_slice(samples, start, row, height)
            close_slice(errors, start, row, height)
    ended = word == end and 0 <= source.raw_bits - bit < 8
    for k in range(STATES):
        ended = ended and states[k] == LOWEST
    return ended or not decoding
