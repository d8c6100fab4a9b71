"""The steps of the walk over a brick, row by row.

Each is a kernel of its own: compiled code keeps what it needs in registers only while a loop is small.
"""

import numpy as np

from voxz.entropy.bits import get_bits
from voxz.entropy.contexts import COARSE_SHIFT, FINE_LEVELS, LEVELS
from voxz.entropy.rans import LOWEST, PRECISION
from voxz.entropy.residual import DIRECT, raw_length, value_of
from voxz.jit import kernel
from voxz.predict.geometry import LEFT, stand_in
from voxz.predict.neighbourhood import WEST

at = np.uint64
"""Index type of the inner loops: unsigned, so that compiled code needs no test for indices counted from the end."""

VECTOR = 16

ERROR_BITS = 4
WEIGHT_BITS = 10
LARGEST_ERROR = 1 << 20
SLOT_MASK = (1 << PRECISION) - 1


@kernel
def activity(padded, i, row, beside):  # type: ignore[no-untyped-def]
    """Roughness around voxel `i`, from rows above it and the co-located rows at offset `beside`."""
    j = i + beside
    n = np.int64(padded[at(i - row)])
    nw = np.int64(padded[at(i - row - 1)])
    ne = np.int64(padded[at(i - row + 1)])
    nn = np.int64(padded[at(i - 2 * row)])
    c = np.int64(padded[at(j)])
    cn = np.int64(padded[at(j - row)])
    cnw = np.int64(padded[at(j - row - 1)])
    cne = np.int64(padded[at(j - row + 1)])
    texture = abs(n - nw) + abs(n - ne) + abs(n - nn)
    change = abs((n - cn) - (nw - cnw)) + abs((n - cn) - (ne - cne))
    beyond = abs(c - np.int64(padded[at(j - 1)])) + abs(c - np.int64(padded[at(j + 1)]))
    return 2 * (texture + change) + beyond + abs(c - np.int64(padded[at(j + row)])) + abs(c - cn)


@kernel
def class_of(value, thresholds, mode):  # type: ignore[no-untyped-def]
    """Class of an activity: how many of the mode's thresholds it reaches."""
    found = 0
    for t in range(thresholds.shape[1]):
        if value >= thresholds[mode, t]:
            found += 1
    return found


@kernel
def add_products(values, start, offsets, groups, coefficients, first, x0, x1, sums):  # type: ignore[no-untyped-def]
    """Add the products of `groups` groups of eight neighbours and coefficients to ``sums[x0:x1]``."""
    for group in range(groups):
        k = 8 * group
        f = first + k
        o0, o1, o2, o3 = start + offsets[k], start + offsets[k + 1], start + offsets[k + 2], start + offsets[k + 3]
        o4, o5, o6, o7 = start + offsets[k + 4], start + offsets[k + 5], start + offsets[k + 6], start + offsets[k + 7]
        c0, c1 = np.int64(coefficients[f]), np.int64(coefficients[f + 1])
        c2, c3 = np.int64(coefficients[f + 2]), np.int64(coefficients[f + 3])
        c4, c5 = np.int64(coefficients[f + 4]), np.int64(coefficients[f + 5])
        c6, c7 = np.int64(coefficients[f + 6]), np.int64(coefficients[f + 7])
        for x in range(x0, x1):
            sums[at(x)] += (
                c0 * np.int64(values[at(o0 + x)])
                + c1 * np.int64(values[at(o1 + x)])
                + c2 * np.int64(values[at(o2 + x)])
                + c3 * np.int64(values[at(o3 + x)])
                + c4 * np.int64(values[at(o4 + x)])
                + c5 * np.int64(values[at(o5 + x)])
                + c6 * np.int64(values[at(o6 + x)])
                + c7 * np.int64(values[at(o7 + x)])
            )


@kernel
def prepare_row(  # type: ignore[no-untyped-def]
    samples, errors, start, x0, x1, row, mode, beside, thresholds, coefficients, first, stride,
    offsets, groups, weights, error_offsets, error_groups, half, partial, chosen, first_of, expected,
):
    """What finished rows tell of voxels x0..x1 of the row at `start`.

    `first_of` gets the index of each voxel's predictor, by its class, `chosen` that predictor's partial sum, `expected`
    the partial expected error. Sums are computed for every class (`partial`) and a little beyond x1: whole vectors are
    faster than choices.
    """
    end = x0 + ((x1 - x0 + VECTOR - 1) // VECTOR) * VECTOR
    for x in range(x0, end):
        expected[at(x)] = activity(samples, start + x, row, beside)
        first_of[at(x)] = 0
    for t in range(thresholds.shape[1]):
        threshold = thresholds[mode, t]
        for x in range(x0, end):
            first_of[at(x)] += np.int64(expected[at(x)] >= threshold)
    rough_weight = weights[0]
    for x in range(x0, end):
        expected[at(x)] *= rough_weight
    add_products(errors, start, error_offsets, error_groups, weights, WEST, x0, end, expected)
    for group in range(partial.shape[0]):
        sums = partial[group]
        for x in range(x0, end):
            sums[at(x)] = half
        add_products(samples, start, offsets, groups, coefficients, first + group * stride + WEST, x0, end, sums)
    for x in range(x0, x1):
        group = first_of[at(x)]
        chosen[at(x)] = partial[at(group), at(x)]
        first_of[at(x)] = first + group * stride


@kernel
def prepare_parts(  # type: ignore[no-untyped-def]
    samples, errors, begin, y, z, s, sizes, tiles, row, mode, beside, thresholds, coefficients, stride,
    offsets, groups, weights, error_offsets, error_groups, half, partial, chosen, first_of, expected,
):
    """`prepare_row` for each tile that the row at `begin` passes; the first slice of a volume is one unit."""
    unit = s * (tiles[0] * tiles[1] + 1)
    parts = 1
    if z > 0:
        unit += 1 + y * tiles[0] // sizes[2] * tiles[1]
        parts = tiles[1]
    for part in range(parts):
        x0 = (part * sizes[3] + parts - 1) // parts
        x1 = ((part + 1) * sizes[3] + parts - 1) // parts
        first = (unit + part) * partial.shape[0] * stride
        prepare_row(
            samples, errors, begin + LEFT, x0, x1, row, mode, beside, thresholds, coefficients, first, stride,
            offsets, groups, weights, error_offsets, error_groups, half, partial, chosen, first_of, expected,
        )


@kernel
def level_of(scale):  # type: ignore[no-untyped-def]
    """Level of an expected error: exact while it is small, coarse beyond."""
    coarse = FINE_LEVELS + min(scale >> COARSE_SHIFT, LEVELS - FINE_LEVELS - 1)
    return scale if scale < FINE_LEVELS else coarse


@kernel
def read_row(  # type: ignore[no-untyped-def]
    width, expected, level_table, shifts, slots, spans, words, raw, coder, row_residuals, absent, start
):
    """Decode the residuals of a row whose tables are known ahead.

    The decoding step stands here and in `code_row`: as a function that takes all these arrays, it would cost three times as much.
    """
    state, other, word, bit = coder[0], coder[1], coder[2], coder[3]
    some_absent = absent.size > 0
    for x in range(width):
        if some_absent and absent[at(start + x)]:
            continue
        table = np.int64(level_table[at(level_of(expected[at(x)] >> WEIGHT_BITS))]) >> 2
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
def rebuild_row(  # type: ignore[no-untyped-def]
    samples, errors, start, width, coefficients, chosen, first_of, highest, precision, expected, row_residuals,
    absent, row, beside,
):
    """Predict the voxels of a row in turn and add their known residuals; False if a sample is out of range."""
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
            w1 = stand_in(samples, i, row, beside)
            samples[at(i)] = w1
            errors[at(i)] = min(expected[at(x)] >> WEIGHT_BITS, LARGEST_ERROR)
            continue
        prediction = predict(chosen, first_of, coefficients, x, w1, w2, w3, w4)
        prediction = max(half, min(prediction, ceiling))
        residual = row_residuals[at(x)]
        w2, w3, w4 = w1, w2, w3
        w1 = (prediction >> precision) + residual
        wrong |= w1 | (highest - w1)
        samples[at(i)] = w1
        errors[at(i)] = error_of(prediction, residual, precision, half)
    return wrong >= 0


@kernel
def code_row(  # type: ignore[no-untyped-def]
    samples, errors, start, width, coefficients, chosen, first_of, highest, precision, expected, weights,
    level_table, shifts, slots, spans, words, raw, coder, decoding, residuals, noted, absent, row, beside,
):
    """Code the voxels of a row in turn; False if a decoded sample is out of range.

    Voxels that are `absent` get a stand-in on both sides; ``coder[4]`` counts the others.
    """
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
            w1 = stand_in(samples, i, row, beside)
            samples[at(i)] = w1
            likely = min(((expected[at(x)] + west_2 * error_ww) + west * error_w) >> WEIGHT_BITS, LARGEST_ERROR)
            error_ww = error_w
            error_w = likely
            errors[at(i)] = likely
            continue
        prediction = predict(chosen, first_of, coefficients, x, w1, w2, w3, w4)
        prediction = max(half, min(prediction, ceiling))
        level = level_of(((expected[at(x)] + west_2 * error_ww) + west * error_w) >> WEIGHT_BITS)
        phase = (prediction >> (precision - 2)) & 3
        if decoding:
            entry = np.int64(level_table[at(level)])
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
            residual = np.int64(samples[at(i)]) - (prediction >> precision)
            residuals[at(count)] = residual
            noted[at(count)] = level * 4 + phase
            count += 1
        w2, w3, w4 = w1, w2, w3
        w1 = (prediction >> precision) + residual
        if w1 < 0 or w1 > highest:
            return False
        samples[at(i)] = w1
        error_ww = error_w
        error_w = error_of(prediction, residual, precision, half)
        errors[at(i)] = error_w
    coder[0], coder[1], coder[2], coder[3], coder[4] = state, other, word, bit, count
    return True


@kernel
def predict(chosen, first_of, coefficients, x, w1, w2, w3, w4):  # type: ignore[no-untyped-def]
    """Finish the prediction of voxel `x` with the four samples to its west."""
    k = first_of[at(x)]
    farther = (
        chosen[at(x)]
        + np.int64(coefficients[at(k + 3)]) * w4
        + np.int64(coefficients[at(k + 2)]) * w3
        + np.int64(coefficients[at(k + 1)]) * w2
    )
    return farther + np.int64(coefficients[at(k)]) * w1


@kernel
def error_of(prediction, residual, precision, half):  # type: ignore[no-untyped-def]
    """Magnitude of the difference between a sample and its unrounded prediction, in 1/16."""
    whole = prediction >> precision
    rounding = (whole << ERROR_BITS) - ((prediction - half) >> (precision - ERROR_BITS))
    return min(abs((residual << ERROR_BITS) + rounding), LARGEST_ERROR)
