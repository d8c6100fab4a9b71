"""The one walk over a brick that encoder and decoder share.

For each row, what depends only on finished rows is computed ahead (`prepare_row`): the class of each voxel by the
activity of its surroundings, the part of the prediction that does not touch the row itself, and the part of the
expected error that does not. What remains for each voxel in turn is four products, the choice of an entropy table and the
residual:

    prediction = sum of coefficient * neighbour           (integers, `precision` fraction bits)
    expected   = sum of weight * error of a neighbour     (errors in 1/16 of a step)
    table      = first_table[level of expected] + phase   (phase: the prediction's first two fraction bits)

The decoder reads the residual with that table; the encoder, whose samples are in place, notes residual and table.

At the fastest level the expected error leaves the row itself out (`ahead`). Then the tables of a whole row are known
before its first voxel is, and its residuals are read in one go, without waiting for a prediction each time.
"""

import numpy as np

from voxz.codecs.predictive.padding import (
    FRONT,
    LEFT,
    MARGIN_X,
    MARGIN_Y,
    MARGIN_Z,
    TOP,
    close_row,
    enter_slice,
    leave_slice,
    leave_volume,
    open_row,
    update_mean,
)
from voxz.codecs.predictive.row_code import code_row, read_row, rebuild_row
from voxz.codecs.predictive.row_sums import VECTOR, prepare_parts
from voxz.entropy.rans import LOWEST
from voxz.jit import kernel


@kernel
def traverse(  # type: ignore[no-untyped-def]
    samples,
    errors,
    total,
    sizes,
    tiles,
    highest,
    precision,
    references,
    thresholds,
    coefficients,
    stride,
    offsets,
    groups,
    error_weights,
    error_offsets,
    error_groups,
    level_table,
    shifts,
    slots,
    spans,
    words,
    raw,
    raw_bits,
    ahead,
    decoding,
    residuals,
    noted,
    absent,
    step,
    reach,
    near,
    far,
    bias,
    scaling,
):
    """Walk the brick; decode into `samples`, or note `residuals` and table numbers for the samples that are there.

    Both `words` and `raw` have room behind their end for one row, so that their bounds are checked once a row.
    Returns True if every voxel was coded within the bounds of `words` and `raw` and the coder ended where it began.
    """
    series, depth, height, width = sizes[0], sizes[1], sizes[2], sizes[3]
    row = width + MARGIN_X
    slice_ = (height + MARGIN_Y) * row
    volume = (depth + MARGIN_Z) * slice_
    classes = thresholds.shape[1] + 1
    partial = np.zeros((classes, width + VECTOR), np.int64)
    chosen = np.zeros(width + VECTOR, np.int64)
    first_of = np.zeros(width + VECTOR, np.int64)
    expected = np.zeros(width + VECTOR, np.int64)
    row_residuals = np.zeros(width, np.int64)
    half = np.int64(1) << (precision - 1)
    coder = np.zeros(5, np.int64)
    coder[2] = 4
    if decoding:
        coder[0] = (np.int64(words[0]) << 16) | np.int64(words[1])
        coder[1] = (np.int64(words[2]) << 16) | np.int64(words[3])
    for s in range(series):
        for z in range(depth):
            mode = (1 if z > 0 else 0) + (2 if s > 0 else 0)
            start = s * volume + (z + FRONT) * slice_
            beside = -2 * row
            if s > 0:
                beside = (references[s, 0] - s) * volume
            elif z > 0:
                beside = -slice_
            source = start - slice_ if z > 0 else start + (references[s, 0] - s) * volume
            enter_slice(samples, start, row, mode, source)
            enter_slice(errors, start, row, mode, source)
            for y in range(height):
                begin = start + (y + TOP) * row
                open_row(samples, begin, row)
                open_row(errors, begin, row)
                prepare_parts(
                    samples,
                    errors,
                    begin,
                    y,
                    z,
                    s,
                    sizes,
                    tiles,
                    row,
                    mode,
                    beside,
                    thresholds,
                    coefficients,
                    stride,
                    offsets[s, mode],
                    groups[mode],
                    error_weights[mode],
                    error_offsets[s, mode],
                    error_groups[mode],
                    half,
                    partial,
                    chosen,
                    first_of,
                    expected,
                )
                if decoding and (coder[2] >= words.size - width or coder[3] > raw_bits):
                    return False
                if decoding and ahead:
                    read_row(
                        width,
                        expected,
                        scaling,
                        level_table,
                        shifts,
                        slots,
                        spans,
                        words,
                        raw,
                        coder,
                        row_residuals,
                        absent,
                        begin + LEFT,
                    )
                    fits = rebuild_row(
                        samples,
                        errors,
                        begin + LEFT,
                        width,
                        coefficients,
                        chosen,
                        first_of,
                        highest,
                        precision,
                        expected,
                        row_residuals,
                        absent,
                        row,
                        beside,
                        step,
                        near,
                        far,
                        bias,
                    )
                else:
                    fits = code_row(
                        samples,
                        errors,
                        begin + LEFT,
                        width,
                        coefficients,
                        chosen,
                        first_of,
                        highest,
                        precision,
                        expected,
                        error_weights[mode],
                        level_table,
                        shifts,
                        slots,
                        spans,
                        words,
                        raw,
                        coder,
                        decoding,
                        residuals,
                        noted,
                        absent,
                        row,
                        beside,
                        step,
                        reach,
                        near,
                        far,
                        bias,
                        scaling,
                    )
                if not fits:
                    return False
                close_row(samples, begin, row)
                close_row(errors, begin, row)
            leave_slice(samples, start, row, height, z)
            leave_slice(errors, start, row, height, z)
        leave_volume(samples, s * volume, row, height, depth)
        leave_volume(errors, s * volume, row, height, depth)
        if series > 1:
            update_mean(samples, total, s, volume, series * volume)
    ended = coder[0] == LOWEST and coder[1] == LOWEST and coder[2] == words.size - width - 1
    return (not decoding) or (ended and 0 <= raw_bits - coder[3] < 8)
