"""The one walk over a brick that encoder and decoder share.

For each row, what depends only on finished rows is computed ahead (`prepare_row`): the class of each voxel by the
activity of its surroundings, the part of the prediction that does not touch the row itself, and the part of the
expected error that does not. What remains for each voxel in turn is four products, the choice of an entropy table and the
residual:

    prediction = sum of coefficient * neighbour           (integers, `precision` fraction bits)
    expected   = sum of weight * error of a neighbour     (errors in 1/16 of a step)
    table      = first_table[level of expected] + phase   (phase: the prediction's first two fraction bits)

The decoder reads the residual with that table; the encoder, whose samples are in place, notes residual and table.
"""

import numpy as np

from voxz.entropy.bits import get_bits
from voxz.entropy.contexts import COARSE_SHIFT, FINE_LEVELS, LEVELS
from voxz.entropy.rans import LOWEST, PRECISION
from voxz.entropy.residual import DIRECT, raw_length, value_of
from voxz.jit import kernel
from voxz.predict.geometry import (
    FRONT,
    LEFT,
    MARGIN_X,
    MARGIN_Y,
    MARGIN_Z,
    TOP,
    close_row,
    close_slice,
    copy_slice,
    open_row,
    open_slice,
    update_mean,
)
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
    offsets, groups, weights, error_offsets, error_groups, half, group_of, partial, expected,
):
    """Class, partial prediction of every class and partial expected error of voxels x0..x1 of the row at `start`.

    Some voxels beyond x1 are computed too, to whole vectors; they are overwritten or never read.
    """
    x1 = x0 + ((x1 - x0 + VECTOR - 1) // VECTOR) * VECTOR
    for x in range(x0, x1):
        rough = activity(samples, start + x, row, beside)
        expected[at(x)] = weights[0] * rough
        group_of[at(x)] = 0
        for t in range(thresholds.shape[1]):
            group_of[at(x)] += rough >= thresholds[mode, t]
    add_products(errors, start, error_offsets, error_groups, weights, WEST, x0, x1, expected)
    for group in range(partial.shape[0]):
        sums = partial[group]
        for x in range(x0, x1):
            sums[at(x)] = half
        add_products(samples, start, offsets, groups, coefficients, first + group * stride + WEST, x0, x1, sums)


@kernel
def traverse(  # type: ignore[no-untyped-def]
    samples, errors, total, sizes, tiles, highest, precision, references, thresholds, coefficients, stride,
    offsets, groups, error_weights, error_offsets, error_groups,
    level_table, shifts, slots, spans, words, raw, decoding, residuals, noted,
):
    """Walk the brick; decode into `samples`, or note `residuals` and table numbers for the samples that are there.

    Both `words` and `raw` have room behind their end for one row, so that their bounds are checked once a row.
    Returns True if every voxel was coded within the bounds of `words` and `raw` and the coder ended where it began.
    """
    series, depth, height, width = sizes[0], sizes[1], sizes[2], sizes[3]
    row = width + MARGIN_X
    slice_ = (height + MARGIN_Y) * row
    volume = (depth + MARGIN_Z) * slice_
    down, across = tiles[0], tiles[1]
    classes = thresholds.shape[1] + 1
    group_of = np.zeros(width + VECTOR, np.int64)
    partial = np.zeros((classes, width + VECTOR), np.int64)
    first_of = np.zeros(width, np.int64)
    chosen = np.zeros(width, np.int64)
    expected = np.zeros(width + VECTOR, np.int64)
    half = np.int64(1) << (precision - 1)
    ceiling = (np.int64(highest) << precision) + half
    state = np.int64(0)
    word = np.int64(2)
    bit = np.int64(0)
    count = np.int64(0)
    if decoding:
        state = (np.int64(words[0]) << 16) | np.int64(words[1])
    for s in range(series):
        for z in range(depth):
            mode = (1 if z > 0 else 0) + (2 if s > 0 else 0)
            start = s * volume + (z + FRONT) * slice_
            beside = -2 * row
            if s > 0:
                beside = (references[s, 0] - s) * volume
            elif z > 0:
                beside = -slice_
            if mode > 0:
                source = start - slice_ if z > 0 else start + (references[s, 0] - s) * volume
                open_slice(samples, start, row, source)
                open_slice(errors, start, row, source)
            for y in range(height):
                begin = start + (y + TOP) * row
                open_row(samples, begin, row)
                open_row(errors, begin, row)
                unit_row = s * (down * across + 1)
                parts = 1
                if z > 0:
                    unit_row += 1 + y * down // height * across
                    parts = across
                for part in range(parts):
                    x0 = (part * width + parts - 1) // parts
                    x1 = ((part + 1) * width + parts - 1) // parts
                    first = (unit_row + part) * classes * stride
                    prepare_row(
                        samples, errors, begin + LEFT, x0, x1, row, mode, beside, thresholds, coefficients, first, stride,
                        offsets[s, mode], groups[mode], error_weights[mode], error_offsets[s, mode], error_groups[mode],
                        half, group_of, partial, expected,
                    )
                    for x in range(x0, x1):
                        group = group_of[at(x)]
                        first_of[at(x)] = first + group * stride
                        chosen[at(x)] = partial[at(group), at(x)]
                west_weight = np.int64(error_weights[mode, 1])
                west_weight_2 = np.int64(error_weights[mode, 2])
                error_w = np.int64(errors[begin + LEFT - 1])
                error_ww = np.int64(errors[begin + LEFT - 2])
                w1 = np.int64(samples[begin + LEFT - 1])
                w2 = w1
                w3 = w1
                w4 = w1
                if decoding and (word >= words.size - width or bit > (raw.size - 2 - 2 * width) * 32):
                    return False
                for x in range(width):
                    i = begin + LEFT + x
                    k = first_of[at(x)]
                    prediction = (
                        chosen[at(x)]
                        + np.int64(coefficients[at(k + 3)]) * w4
                        + np.int64(coefficients[at(k + 2)]) * w3
                        + np.int64(coefficients[at(k + 1)]) * w2
                    ) + np.int64(coefficients[at(k)]) * w1
                    prediction = max(half, min(prediction, ceiling))
                    scale = ((expected[at(x)] + west_weight_2 * error_ww) + west_weight * error_w) >> WEIGHT_BITS
                    coarse = FINE_LEVELS + min(scale >> COARSE_SHIFT, LEVELS - FINE_LEVELS - 1)
                    level = scale if scale < FINE_LEVELS else coarse
                    entry = np.int64(level_table[at(level)])
                    table = (entry >> 2) + ((prediction >> (precision - 2)) & entry & 3)
                    whole = prediction >> precision
                    rounding = (whole << ERROR_BITS) - ((prediction - half) >> (precision - ERROR_BITS))
                    if decoding:
                        slot = state & SLOT_MASK
                        token = np.int64(slots[at(table), at(slot)])
                        span = np.int64(spans[at(table), at(token)])
                        state = (span >> 16) * (state >> PRECISION) + slot - (span & 0xFFFF)
                        short = np.int64(state < LOWEST)
                        state = (state << (short << 4)) | (np.int64(words[at(word)]) & -short)
                        word += short
                        shift = np.int64(shifts[at(table)])
                        residual = ((token - DIRECT) << shift) + get_bits(raw, bit, shift)
                        bit += shift
                        if token > 2 * DIRECT:
                            length = raw_length(token)
                            residual += (value_of(token, get_bits(raw, bit, length)) - (token - DIRECT)) << shift
                            bit += length
                        if whole + residual < 0 or whole + residual > highest:
                            return False
                        samples[at(i)] = whole + residual
                    else:
                        residual = np.int64(samples[at(i)]) - whole
                        residuals[at(count)] = residual
                        noted[at(count)] = level * 4 + ((prediction >> (precision - 2)) & 3)
                        count += 1
                    error_ww = error_w
                    error_w = min(abs((residual << ERROR_BITS) + rounding), LARGEST_ERROR)
                    errors[at(i)] = error_w
                    w4 = w3
                    w3 = w2
                    w2 = w1
                    w1 = whole + residual
                close_row(samples, begin, row)
                close_row(errors, begin, row)
            close_slice(samples, start, row, height)
            close_slice(errors, start, row, height)
            if z == 0:
                copy_slice(samples, start - slice_, start, slice_)
                copy_slice(errors, start - slice_, start, slice_)
        behind = s * volume + (depth + FRONT) * slice_
        copy_slice(samples, behind, behind - slice_, slice_)
        copy_slice(errors, behind, behind - slice_, slice_)
        if series > 1:
            update_mean(samples, total, s, volume, series * volume)
    return (not decoding) or (state == LOWEST and word == words.size - width - 1)
