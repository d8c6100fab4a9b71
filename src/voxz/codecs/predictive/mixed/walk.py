"""The walk over a brick at levels 6 to 9, shared by encoder and decoder; borders and forward prediction as in `predict.traverse`.

Arrays that learn (shapes in `dense.state`) start the same on both sides. Experts are the forward prediction and one least-squares
prediction for each memory; their blend, weighted by how well each did around the voxel, is the last expert of every decision.
"""

import numpy as np

from voxz.codecs.predictive.mixed.online_least_squares import add_row, gather_features, learn_row, partial_predictions
from voxz.codecs.predictive.mixed.row_code import code_row
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
from voxz.codecs.predictive.row_sums import VECTOR, prepare_parts
from voxz.jit import kernel


@kernel
def walk(  # type: ignore[no-untyped-def]
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
    near,
    taps,
    tile,
    memory,
    states,
    solutions,
    recent,
    weights,
    counters,
    refiners,
    biases,
    coder,
    data,
    decoding,
    absent,
    step,
    reach,
    pull_one,
    pull_more,
    bias,
):
    """Walk the brick; decode `data` into `samples`, or fill it from the samples that are there.

    Returns False if a decoded sample is out of range, or `data` is too short to encode into.
    """
    series, depth, height, width = sizes[0], sizes[1], sizes[2], sizes[3]
    row = width + MARGIN_X
    slice_ = (height + MARGIN_Y) * row
    volume = (depth + MARGIN_Z) * slice_
    partial = np.zeros((thresholds.shape[1] + 1, width + VECTOR), np.int64)
    chosen = np.zeros(width + VECTOR, np.int64)
    first_of = np.zeros(width + VECTOR, np.int64)
    expected = np.zeros(width + VECTOR, np.int64)
    half = np.int64(1) << (precision - 1)
    across = (width + tile - 1) // tile
    size = states.shape[3]
    features = np.zeros((size, width))
    sums = np.zeros((memory.size, width))
    scales = np.zeros(width)
    block = np.zeros((8, size))
    moments = np.zeros((size, size))
    triangle = np.zeros((size, size))
    for s in range(series):
        if s == 1:
            states[:] = 0.0
            solutions[:] = 0.0
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
                known = taps[mode]
                first_tile = y // tile * across
                if memory.size:
                    gather_features(samples, begin + LEFT, row, width, near[s, mode], known, features)
                for q in range(memory.size):
                    for t in range(across):
                        solution = solutions[q, mode & 1, first_tile + t]
                        partial_predictions(features, solution, known, t * tile, min(width, (t + 1) * tile), sums[q])
                fits = code_row(
                    samples,
                    errors,
                    begin + LEFT,
                    width,
                    row,
                    beside,
                    y,
                    mode,
                    coefficients,
                    chosen,
                    first_of,
                    highest,
                    precision,
                    expected,
                    error_weights[mode],
                    features,
                    sums,
                    scales,
                    solutions[:, mode & 1],
                    first_tile,
                    tile,
                    recent,
                    weights,
                    counters,
                    refiners,
                    biases,
                    coder,
                    data,
                    decoding,
                    absent,
                    step,
                    reach,
                    pull_one,
                    pull_more,
                    bias,
                )
                if not fits:
                    return False
                for t in range(across if memory.size else 0):
                    for x in range(t * tile, min(width, (t + 1) * tile)):
                        i = begin + LEFT + x
                        features[known, x] = np.float64(samples[i]) - np.float64(samples[i - row])
                    add_row(features, scales, known, t * tile, min(width, (t + 1) * tile), block, moments)
                    for q in range(memory.size):
                        learn_row(
                            states[q, mode & 1, first_tile + t],
                            moments,
                            memory[q],
                            known,
                            triangle,
                            solutions[q, mode & 1, first_tile + t],
                        )
                close_row(samples, begin, row)
                close_row(errors, begin, row)
            leave_slice(samples, start, row, height, z)
            leave_slice(errors, start, row, height, z)
        leave_volume(samples, s * volume, row, height, depth)
        leave_volume(errors, s * volume, row, height, depth)
        if series > 1:
            update_mean(samples, total, s, volume, series * volume)
    return True
