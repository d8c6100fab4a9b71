"""The voxels of a row in turn: finish the prediction, choose the entropy table, code the residual.

Where loss is allowed, there is a quantiser: a residual then counts steps, and a sample is the prediction plus that
many steps, rounded and limited to the range of the values (`quantiser`). Later voxels are predicted from what the decoder has,
so errors do not add up.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.predictive.frame import Slice
from voxz.codecs.predictive.padding import stand_in
from voxz.codecs.predictive.quantiser import STEP_BITS, UNIT
from voxz.codecs.predictive.row_sums import RowSums
from voxz.entropy.bits import get_bits
from voxz.entropy.contexts import COARSE_SHIFT, FINE_GRADES, GRADES, Contexts
from voxz.entropy.rans import LOWEST, PRECISION
from voxz.entropy.residual import DIRECT, TOKENS, raw_length, value_of
from voxz.jit import at, inlined_kernel, kernel

ERROR_BITS = 4
WEIGHT_BITS = 10
LARGEST_ERROR = 1 << 20
SLOT_MASK = (1 << PRECISION) - 1
TOKEN_BITS = 7
FARTHEST = 1 << 27
"""Bound of a residual in steps; only damaged files come near it."""


class Tables(NamedTuple):
    """The entropy tables of a brick, see `voxz.entropy.contexts`.

    Attributes
    ----------
    first_slots : int32 (GRADES,), place of the first table of a grade in `slots`, plus 3 where phases have tables of their own
    shifts : int64 (tables,), raw low bits of a residual
    slots : uint8 (tables << PRECISION,), token of each slot
    spans : int32 (tables << TOKEN_BITS,), frequency << 16 | first slot of each token
    shifted : whether any table has raw low bits
    scaling : bits by which an expected error is shifted to give its grade
    """

    first_slots: NDArray[np.int32]
    shifts: NDArray[np.int64]
    slots: NDArray[np.uint8]
    spans: NDArray[np.int32]
    shifted: bool
    scaling: int


def tables_of(contexts: Contexts, scaling: int) -> Tables:
    """Tables of a decoder."""
    entries = contexts.grade_table.astype(np.int32)
    slots, spans = contexts.lookup()
    room = np.zeros((len(spans), 1 << TOKEN_BITS), np.int32)
    room[:, :TOKENS] = spans
    return Tables(
        (entries >> 2 << PRECISION) | (entries & 3),
        contexts.shifts,
        slots.ravel(),
        room.ravel(),
        bool(contexts.shifts.any()),
        scaling,
    )


class Streams(NamedTuple):
    """What residuals are read from.

    Attributes
    ----------
    words : uint16 (words,), of two interleaved rANS states
    raw : uint32 (words,), raw bits, the lowest first
    raw_bits : number of raw bits
    """

    words: NDArray[np.uint16]
    raw: NDArray[np.uint32]
    raw_bits: int


class Notes(NamedTuple):
    """What the encoder notes of each voxel that is coded.

    Attributes
    ----------
    residuals : int32 (coded,), in dense values or in steps
    contexts : int32 (coded,), four times the grade, plus the phase
    """

    residuals: NDArray[np.int32]
    contexts: NDArray[np.int32]


@inlined_kernel
def grade_of(scale):  # type: ignore[no-untyped-def]
    """Grade of an expected error: exact while it is small, coarse beyond."""
    coarse = FINE_GRADES + min(scale >> COARSE_SHIFT, GRADES - FINE_GRADES - 1)
    return scale if scale < FINE_GRADES else coarse


@kernel
def read_row(width, expected, tables, words, raw, coder, row_residuals, absent, start):  # type: ignore[no-untyped-def]
    """Decode the residuals of a row whose expected errors are known ahead.

    The decoding step stands here and in `code_voxel`: as a separate function it took three times as long.

    Parameters
    ----------
    width : voxels of the row
    expected : int64 (width or more,), `row_sums.RowSums.expected`
    tables : `Tables`
    words, raw : as in `Streams`
    coder : int64 (5,), fields of a `Coder`, changed
    row_residuals : int64 (width,), filled where voxels are coded
    absent : bool (padded,), samples that are not coded; (0,) if all are
    start : index of the row's first voxel
    """
    first_slots, shifts, slots, spans, scaling = tables.first_slots, tables.shifts, tables.slots, tables.spans, tables.scaling
    state, other, word, bit = coder[0], coder[1], coder[2], coder[3]
    some_absent = absent.size > 0
    for x in range(width):
        if some_absent and absent[at(start + x)]:
            continue
        first = np.int64(first_slots[at(grade_of(expected[at(x)] >> scaling))]) & ~3
        table = first >> PRECISION
        slot = state & SLOT_MASK
        token = np.int64(slots[at(first + slot)])
        span = np.int64(spans[at((table << TOKEN_BITS) + token)])
        turn = (span >> 16) * (state >> PRECISION) + slot - (span & 0xFFFF)
        short = (turn - LOWEST) >> 63
        turn = (turn << (short & 16)) | (np.int64(words[at(word)]) & short)
        word -= short
        state, other = other, turn
        shift = np.int64(shifts[at(table)])
        residual = ((token - DIRECT) << shift) + get_bits(raw, bit, shift)
        bit += shift
        if token > 2 * DIRECT:
            length = raw_length(token)
            residual += (value_of(token, get_bits(raw, bit, length)) - (token - DIRECT)) << shift
            bit += length
        row_residuals[at(x)] = residual
    coder[0], coder[1], coder[2], coder[3] = state, other, word, bit


@kernel
def rebuild_row(brick, place, start, predictors, sums, row_residuals, quantiser):  # type: ignore[no-untyped-def]
    """Predict the voxels of a row in turn and add their known residuals; False if a sample is out of range.

    Parameters
    ----------
    brick : `frame.Brick`; samples and errors are filled
    place : `frame.Slice`
    start : index of the row's first voxel
    predictors : `row_sums.Predictors`
    sums : `row_sums.RowSums`
    row_residuals : int64 (width,), in dense values or in steps
    quantiser : `quantiser.Quantiser`; None where nothing is lost
    """
    samples, errors, absent, highest, width = brick.samples, brick.errors, brick.absent, brick.highest, brick.sizes[3]
    precision, coefficients = predictors.precision, predictors.coefficients
    chosen, first_of, expected = sums.chosen, sums.first_of, sums.expected
    half = np.int64(1) << (precision - 1)
    ceiling = (highest << precision) + half
    w1 = np.int64(samples[start - 1])
    w2, w3, w4 = w1, w1, w1
    wrong = np.int64(0)
    some_absent = absent.size > 0
    for x in range(width):
        i = start + x
        if some_absent and absent[at(i)]:
            w2, w3, w4 = w1, w2, w3
            w1 = stand_in(samples, i, place.row, place.beside)
            samples[at(i)] = w1
            errors[at(i)] = min(expected[at(x)] >> WEIGHT_BITS, LARGEST_ERROR)
            continue
        prediction = predict(chosen, first_of, coefficients, x, w1, w2, w3, w4)
        prediction = max(half, min(prediction, ceiling))
        residual = row_residuals[at(x)]
        w2, w3, w4 = w1, w2, w3
        whole = prediction >> precision
        if quantiser is not None:
            w1 = stepped(((prediction - half) >> (precision - STEP_BITS)) + quantiser.bias, residual, quantiser, highest)
            residual = w1 - whole
        else:
            w1 = whole + residual
            wrong |= w1 | (highest - w1)
        samples[at(i)] = w1
        errors[at(i)] = error_of(prediction, residual, precision, half)
    return wrong >= 0


class Row(NamedTuple):
    """A row that is to be coded.

    Attributes
    ----------
    place : of its slice
    start : index of its first sample
    sums : what finished rows tell of it
    """

    place: Slice
    start: int
    sums: RowSums


class Past(NamedTuple):
    """What a voxel needs of those before it in its row: four samples, from the nearest on, and two errors."""

    w1: int
    w2: int
    w3: int
    w4: int
    error_w: int
    error_ww: int


class Coder(NamedTuple):
    """Where a coder is: both states of rANS, the one that is next first; the next word and raw bit; the next place of `Notes`."""

    state: int
    other: int
    word: int
    bit: int
    noted: int


@inlined_kernel
def before(brick, start):  # type: ignore[no-untyped-def]
    """`Past` of the first voxel of a row that begins at index `start` of a `frame.Brick`."""
    w1 = np.int64(brick.samples[at(start - 1)])
    return Past(w1, w1, w1, w1, np.int64(brick.errors[at(start - 1)]), np.int64(brick.errors[at(start - 2)]))


@inlined_kernel
def code_rows(  # type: ignore[no-untyped-def]
    brick, first, second, two, predictors, weights, tables, streams, coder, notes, quantiser
):
    """Code the voxels of a row in turn, or of two rows of one mode in alternation; False if a decoded sample is out of range.

    A voxel waits for the one to its west: prediction, table, token and sample follow from each other. Two rows that do not
    depend on each other let the processor work on one while it waits for the other.

    Parameters
    ----------
    brick, predictors, quantiser : as for `rebuild_row`
    first, second : `Row`
    two : whether the second is coded, too
    weights : int64 (WEST + taps,), of the expected error in this mode, see `row_sums.Expectation`
    tables : `Tables`
    streams : `Streams`
    coder : int64 (5,), as for `read_row`
    notes : `Notes` that are filled; None where `streams` are decoded
    """
    known = predictors, weights, tables, streams, notes, quantiser
    place = Coder(coder[0], coder[1], coder[2], coder[3], coder[4])
    past = before(brick, first.start)
    other_past = before(brick, second.start) if two else past
    highest = brick.highest
    for x in range(brick.sizes[3]):
        past, place = code_voxel(brick, first, x, past, place, *known)
        if past.w1 < 0 or past.w1 > highest:
            return False
        if two:
            other_past, place = code_voxel(brick, second, x, other_past, place, *known)
            if other_past.w1 < 0 or other_past.w1 > highest:
                return False
    coder[0], coder[1], coder[2], coder[3], coder[4] = place
    return True


@inlined_kernel
def code_voxel(  # type: ignore[no-untyped-def]
    brick, row, x, past, coder, predictors, weights, tables, streams, notes, quantiser
):
    """Code a voxel; return `Past` and `Coder` of the next. Voxels that are absent get a stand-in on both sides.

    Parameters
    ----------
    brick, predictors, weights, tables, streams, notes, quantiser : as for `code_rows`
    row : `Row`
    x : column
    past : `Past`
    coder : `Coder`
    """
    samples, errors, highest = brick.samples, brick.errors, brick.highest
    precision, sums = predictors.precision, row.sums
    w1, w2, w3, w4, error_w, error_ww = past
    state, other, word, bit, noted = coder
    i = row.start + x
    expected = (sums.expected[at(x)] + weights[2] * error_ww) + weights[1] * error_w
    if brick.absent.size > 0 and brick.absent[at(i)]:
        sample = stand_in(samples, i, row.place.row, row.place.beside)
        likely = min(expected >> WEIGHT_BITS, LARGEST_ERROR)
        samples[at(i)] = sample
        errors[at(i)] = likely
        return Past(sample, w1, w2, w3, likely, error_w), coder
    half = np.int64(1) << (precision - 1)
    prediction = predict(sums.chosen, sums.first_of, predictors.coefficients, x, w1, w2, w3, w4)
    prediction = max(half, min(prediction, (highest << precision) + half))
    grade = grade_of(expected >> tables.scaling)
    whole = prediction >> precision
    phase = (prediction >> (precision - 2)) & 3
    if notes is None:
        entry = np.int64(tables.first_slots[at(grade)])
        first = (entry & ~3) + ((phase & entry) << PRECISION)
        table = first >> PRECISION
        slot = state & SLOT_MASK
        token = np.int64(tables.slots[at(first + slot)])
        span = np.int64(tables.spans[at((table << TOKEN_BITS) + token)])
        turn = (span >> 16) * (state >> PRECISION) + slot - (span & 0xFFFF)
        short = (turn - LOWEST) >> 63
        turn = (turn << (short & 16)) | (np.int64(streams.words[at(word)]) & short)
        word -= short
        state, other = other, turn
        residual, shift = token - DIRECT, np.int64(0)
        if tables.shifted:
            shift = np.int64(tables.shifts[at(table)])
            residual = (residual << shift) + get_bits(streams.raw, bit, shift)
            bit += shift
        if token > 2 * DIRECT:
            length = raw_length(token)
            residual += (value_of(token, get_bits(streams.raw, bit, length)) - (token - DIRECT)) << shift
            bit += length
    else:
        if quantiser is not None:
            unrounded = ((prediction - half) >> (precision - STEP_BITS)) + quantiser.bias
            residual = steps_to((np.int64(samples[at(i)]) << STEP_BITS) - unrounded, quantiser.size, quantiser.reach)
        else:
            residual = np.int64(samples[at(i)]) - whole
        notes.residuals[at(noted)] = residual
        notes.contexts[at(noted)] = grade * 4 + phase
        noted += 1
    if quantiser is not None:
        sample = stepped(((prediction - half) >> (precision - STEP_BITS)) + quantiser.bias, residual, quantiser, highest)
        residual = sample - whole
    else:
        sample = whole + residual
    samples[at(i)] = sample
    error = error_of(prediction, residual, precision, half)
    errors[at(i)] = error
    return Past(sample, w1, w2, w3, error, error_w), Coder(state, other, word, bit, noted)


@inlined_kernel
def steps_to(residual, step, reach):  # type: ignore[no-untyped-def]
    """Whole steps of an unrounded `residual` (see `quantiser`); a tie goes to where the sample is not rounded away."""
    return (residual + reach) // step if residual > 0 else -((reach + 1 - residual) // step)


@inlined_kernel
def stepped(place, residual, quantiser, highest):  # type: ignore[no-untyped-def]
    """Sample `residual` steps from the prediction `place`, which is in 1/UNIT of a dense value.

    Parameters
    ----------
    place : prediction, in 1/UNIT of a dense value
    residual : steps
    quantiser : `quantiser.Quantiser` with a step above 0
    highest : largest dense value
    """
    steps = max(-FARTHEST, min(residual, FARTHEST))
    away = abs(steps)
    moved = away * quantiser.size - (0 if away == 0 else quantiser.pull_one if away == 1 else quantiser.pull_more)
    return max(0, min((place + (moved if steps >= 0 else -moved) + UNIT // 2) >> STEP_BITS, highest))


@inlined_kernel
def predict(chosen, first_of, coefficients, x, w1, w2, w3, w4):  # type: ignore[no-untyped-def]
    """Finish the prediction of voxel `x` with the four samples to its west.

    Parameters
    ----------
    chosen, first_of : as in `row_sums.RowSums`
    coefficients : int32, `row_sums.Predictors.coefficients`
    x : column
    w1, w2, w3, w4 : dense values, from the nearest on
    """
    k = first_of[at(x)]
    farther = (
        chosen[at(x)]
        + np.int64(coefficients[at(k + 3)]) * w4
        + np.int64(coefficients[at(k + 2)]) * w3
        + np.int64(coefficients[at(k + 1)]) * w2
    )
    return farther + np.int64(coefficients[at(k)]) * w1


@inlined_kernel
def error_of(prediction, residual, precision, half):  # type: ignore[no-untyped-def]
    """Magnitude of the difference between a sample and its unrounded prediction, in 1/16.

    Parameters
    ----------
    prediction : with `precision` fraction bits, and a half added
    residual : of the sample to the whole part of the prediction, in dense values
    precision : 6 to 16
    half : ``1 << (precision - 1)``
    """
    whole = prediction >> precision
    rounding = (whole << ERROR_BITS) - ((prediction - half) >> (precision - ERROR_BITS))
    return min(abs((residual << ERROR_BITS) + rounding), LARGEST_ERROR)
