"""The voxels of a row in turn: finish the prediction, choose the entropy table, code the residual.

Where loss is allowed, the quantiser's step is above 0: a residual then counts steps, and a sample is the prediction plus that
many steps, rounded and limited to the range of the values (`quantiser`). Later voxels are predicted from what the decoder has,
so errors do not add up.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.predictive.padding import stand_in
from voxz.codecs.predictive.quantiser import STEP_BITS, UNIT
from voxz.entropy.bits import get_bits
from voxz.entropy.contexts import COARSE_SHIFT, FINE_GRADES, GRADES, Contexts
from voxz.entropy.rans import LOWEST, PRECISION
from voxz.entropy.residual import DIRECT, raw_length, value_of
from voxz.jit import at, inlined_kernel, kernel

ERROR_BITS = 4
WEIGHT_BITS = 10
LARGEST_ERROR = 1 << 20
SLOT_MASK = (1 << PRECISION) - 1
FARTHEST = 1 << 27
"""Bound of a residual in steps; only damaged files come near it."""


class Tables(NamedTuple):
    """The entropy tables of a brick, see `voxz.entropy.contexts`.

    Attributes
    ----------
    grade_table : int16 (GRADES,), four times the first table of a grade, plus 3 where phases have tables of their own
    shifts : int64 (tables,), raw low bits of a residual
    slots : uint8 (tables, TOTAL), token of each slot
    spans : int32 (tables, TOKENS), frequency << 16 | first slot of each token
    scaling : bits by which an expected error is shifted to give its grade
    """

    grade_table: NDArray[np.int16]
    shifts: NDArray[np.int64]
    slots: NDArray[np.uint8]
    spans: NDArray[np.int32]
    scaling: int


def tables_of(contexts: Contexts, scaling: int) -> Tables:
    """Tables of a decoder."""
    return Tables(contexts.grade_table, contexts.shifts, *contexts.lookup(), scaling)


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

    The decoding step stands here and in `code_row`: as a separate function it took three times as long.

    Parameters
    ----------
    width : voxels of the row
    expected : int64 (width or more,), `row_sums.RowSums.expected`
    tables : `Tables`
    words, raw : as in `Streams`
    coder : int64 (5,), both states, the next word, the next raw bit, and a count that `code_row` uses; changed
    row_residuals : int64 (width,), filled where voxels are coded
    absent : bool (padded,), samples that are not coded; (0,) if all are
    start : index of the row's first voxel
    """
    grade_table, shifts, slots, spans, scaling = tables.grade_table, tables.shifts, tables.slots, tables.spans, tables.scaling
    state, other, word, bit = coder[0], coder[1], coder[2], coder[3]
    some_absent = absent.size > 0
    for x in range(width):
        if some_absent and absent[at(start + x)]:
            continue
        table = np.int64(grade_table[at(grade_of(expected[at(x)] >> scaling))]) >> 2
        slot = state & SLOT_MASK
        token = np.int64(slots[at(table), at(slot)])
        span = np.int64(spans[at(table), at(token)])
        turn = (span >> 16) * (state >> PRECISION) + slot - (span & 0xFFFF)
        short = np.int64(turn < LOWEST)
        turn = (turn << (short << 4)) | (np.int64(words[at(word)]) & -short)
        word += short
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
    quantiser : `quantiser.Quantiser`
    """
    samples, errors, absent, highest, width = brick.samples, brick.errors, brick.absent, brick.highest, brick.sizes[3]
    precision, coefficients = predictors.precision, predictors.coefficients
    chosen, first_of, expected = sums.chosen, sums.first_of, sums.expected
    step, bias = quantiser.size, quantiser.bias
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
        if step > 0:
            w1 = stepped(((prediction - half) >> (precision - STEP_BITS)) + bias, residual, quantiser, highest)
            residual = w1 - whole
        else:
            w1 = whole + residual
            wrong |= w1 | (highest - w1)
        samples[at(i)] = w1
        errors[at(i)] = error_of(prediction, residual, precision, half)
    return wrong >= 0


@kernel
def code_row(  # type: ignore[no-untyped-def]
    brick, place, start, predictors, sums, weights, tables, streams, coder, notes, quantiser, decoding
):
    """Code the voxels of a row in turn; False if a decoded sample is out of range.

    Voxels that are absent get a stand-in on both sides; ``coder[4]`` counts the others.

    Parameters
    ----------
    brick, place, start, predictors, sums, quantiser : as for `rebuild_row`
    weights : int64 (WEST + taps,), of the expected error in this mode, see `row_sums.Expectation`
    tables : `Tables`
    streams : `Streams`
    coder : int64 (5,), as for `read_row`
    notes : `Notes`; encoding fills them
    decoding : whether `streams` are decoded
    """
    samples, errors, absent, highest, width = brick.samples, brick.errors, brick.absent, brick.highest, brick.sizes[3]
    precision, coefficients = predictors.precision, predictors.coefficients
    chosen, first_of, expected = sums.chosen, sums.first_of, sums.expected
    grade_table, shifts, slots, spans, scaling = tables.grade_table, tables.shifts, tables.slots, tables.spans, tables.scaling
    words, raw, residuals, contexts = streams.words, streams.raw, notes.residuals, notes.contexts
    step, reach, bias = quantiser.size, quantiser.reach, quantiser.bias
    half = np.int64(1) << (precision - 1)
    ceiling = (highest << precision) + half
    state, other, word, bit = coder[0], coder[1], coder[2], coder[3]
    west, west_2 = weights[1], weights[2]
    error_w, error_ww = np.int64(errors[start - 1]), np.int64(errors[start - 2])
    w1 = np.int64(samples[start - 1])
    w2, w3, w4 = w1, w1, w1
    count = coder[4]
    some_absent = absent.size > 0
    for x in range(width):
        i = start + x
        if some_absent and absent[at(i)]:
            w2, w3, w4 = w1, w2, w3
            w1 = stand_in(samples, i, place.row, place.beside)
            samples[at(i)] = w1
            likely = min(((expected[at(x)] + west_2 * error_ww) + west * error_w) >> WEIGHT_BITS, LARGEST_ERROR)
            error_ww = error_w
            error_w = likely
            errors[at(i)] = likely
            continue
        prediction = predict(chosen, first_of, coefficients, x, w1, w2, w3, w4)
        prediction = max(half, min(prediction, ceiling))
        grade = grade_of(((expected[at(x)] + west_2 * error_ww) + west * error_w) >> scaling)
        whole = prediction >> precision
        phase = (prediction >> (precision - 2)) & 3
        if decoding:
            entry = np.int64(grade_table[at(grade)])
            table = (entry >> 2) + (phase & entry)
            slot = state & SLOT_MASK
            token = np.int64(slots[at(table), at(slot)])
            span = np.int64(spans[at(table), at(token)])
            turn = (span >> 16) * (state >> PRECISION) + slot - (span & 0xFFFF)
            short = np.int64(turn < LOWEST)
            turn = (turn << (short << 4)) | (np.int64(words[at(word)]) & -short)
            word += short
            state, other = other, turn
            shift = np.int64(shifts[at(table)])
            residual = ((token - DIRECT) << shift) + get_bits(raw, bit, shift)
            bit += shift
            if token > 2 * DIRECT:
                length = raw_length(token)
                residual += (value_of(token, get_bits(raw, bit, length)) - (token - DIRECT)) << shift
                bit += length
        else:
            if step > 0:
                unrounded = ((prediction - half) >> (precision - STEP_BITS)) + bias
                residual = steps_to((np.int64(samples[at(i)]) << STEP_BITS) - unrounded, step, reach)
            else:
                residual = np.int64(samples[at(i)]) - whole
            residuals[at(count)] = residual
            contexts[at(count)] = grade * 4 + phase
            count += 1
        w2, w3, w4 = w1, w2, w3
        if step > 0:
            w1 = stepped(((prediction - half) >> (precision - STEP_BITS)) + bias, residual, quantiser, highest)
            residual = w1 - whole
        else:
            w1 = whole + residual
            if w1 < 0 or w1 > highest:
                return False
        samples[at(i)] = w1
        error_ww = error_w
        error_w = error_of(prediction, residual, precision, half)
        errors[at(i)] = error_w
    coder[0], coder[1], coder[2], coder[3], coder[4] = state, other, word, bit, count
    return True


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
