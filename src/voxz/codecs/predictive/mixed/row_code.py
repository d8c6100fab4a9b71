"""A row at levels 6 to 9: the experts' predictions, their blend, and what both learn from each sample once it is coded.

Where loss is allowed, what is learnt comes from samples that are a part of a step wrong, and every width allows for that.
"""

import math

import numpy as np

from voxz.codecs.predictive.mixed.correction import NEARBY, correct, note_miss
from voxz.codecs.predictive.mixed.sample_code import COARSE, SCALES, Contexts, code_exactly, code_in_steps
from voxz.codecs.predictive.padding import stand_in
from voxz.codecs.predictive.quantiser import UNIT
from voxz.codecs.predictive.row_code import ERROR_BITS, LARGEST_ERROR, WEIGHT_BITS, predict
from voxz.entropy.binary import POSITION
from voxz.entropy.logistic import QUARTER_OCTAVES
from voxz.jit import at, inlined_kernel, kernel

BIAS_DAMPING = 4.0
BIAS_SHARE = 0.8
BIAS_LIMIT = 255.0

STEP_IN_LOCAL, STEP_IN_SCALE, STEP_IN_WIDTH = 0.5, 0.083, 0.03
"""What a step adds to the sum of local errors, and its square to the variances of least squares and of the experts."""


@inlined_kernel
def scale_of(error):  # type: ignore[no-untyped-def]
    """Quarter octaves of an error in 1/16, below SCALES."""
    small = error < QUARTER_OCTAVES.size
    found = QUARTER_OCTAVES[at(error if small else min(error >> 8, 4095))] + (0 if small else 32)
    return min(found, SCALES - 1)


@inlined_kernel
def coarse_of(error):  # type: ignore[no-untyped-def]
    """Half octaves of an error in 1/16, below COARSE."""
    return min(max((scale_of(error) - 8) >> 1, 0), COARSE - 1)


@inlined_kernel
def blend(recent, x, y, span, step, places, widths):  # type: ignore[no-untyped-def]
    """Mean of the predictions, weighted by how well each did around voxel `x` of row `y`; `widths` gets local mean errors.

    Parameters
    ----------
    recent : float64 (experts, 3, width + 4), `state.Mixture.recent`
    x, y : column and row
    span : step in dense values; 1 where nothing is lost
    step : as for `walk.walk`
    places : float64 (experts + 1,), predictions in dense values; the last is not read
    widths : float64 (experts + 1,), filled but for the last
    """
    now, above, far = y % 3, (y + 2) % 3, (y + 1) % 3
    sum_weights = 0.0
    sum_places = 0.0
    for k in range(recent.shape[0]):
        now_errors, above_errors = recent[k, now], recent[k, above]
        local = 2.0 * (now_errors[x + 1] + above_errors[x + 2]) + (above_errors[x + 1] + above_errors[x + 3])
        local += now_errors[x] + recent[k, far, x + 2] + 0.3
        if step is not None:
            local += STEP_IN_LOCAL * span
        widths[k] = local * 0.125
        weight = 1.0 / (local * local)
        weight *= weight
        sum_weights += weight
        sum_places += weight * places[k]
    return sum_places / sum_weights


@inlined_kernel
def pattern_of(samples, i, row, beside, west, center):  # type: ignore[no-untyped-def]
    """Bits that say which neighbours of the voxel at index `i` lie above `center`.

    Parameters
    ----------
    samples : int32 (padded,), dense values
    i : index of the voxel
    row, beside : as in `frame.Slice`
    west : sample before it
    center : blend of the predictions, in dense values
    """
    north = np.int64(samples[at(i - row)])
    nn = np.int64(samples[at(i - 2 * row)])
    pattern = np.int64(np.float64(west) > center) + 2 * np.int64(np.float64(north) > center)
    pattern += 4 * np.int64(np.float64(samples[at(i - row - 1)]) > center)
    pattern += 8 * np.int64(np.float64(samples[at(i - row + 1)]) > center)
    pattern += 16 * np.int64(np.float64(samples[at(i + beside)]) > center)
    pattern += 32 * np.int64(np.float64(2 * north - nn) > center)
    return pattern


@inlined_kernel
def sharpen(widths, span, step):  # type: ignore[no-untyped-def]
    """Turn expected errors into one over the widths of distributions; return the weight of the voxel in least squares."""
    last = widths.size - 1
    if step is None:
        scale = 1.0 / math.sqrt(widths[last] * widths[last] + 0.5)
        for k in range(widths.size):
            widths[k] = 1.0 / math.sqrt(0.5 * widths[k] * widths[k] + 0.03)
    else:
        scale = 1.0 / math.sqrt(widths[last] * widths[last] + 0.5 + STEP_IN_SCALE * (span * span))
        for k in range(widths.size):
            widths[k] = 1.0 / math.sqrt(0.5 * widths[k] * widths[k] + 0.03 + STEP_IN_WIDTH * (span * span))
    return scale


@inlined_kernel
def contexts_of(error, west, north, pattern):  # type: ignore[no-untyped-def]
    """`Contexts` of a voxel.

    Parameters
    ----------
    error, west, north : expected error and errors of two neighbours, in 1/16 of a dense value
    pattern : from `pattern_of`
    """
    scale = scale_of(error)
    coarse = min(scale // 3, COARSE - 1)
    texture = (coarse * COARSE + coarse_of(west)) * COARSE + coarse_of(north)
    return Contexts(error, west, north, scale, pattern, pattern * COARSE + coarse, texture)


@inlined_kernel
def expect(x, forward, north, w1, w2, most, experts_of_row, places):  # type: ignore[no-untyped-def]
    """Fill what each expert but the last predicts of a voxel.

    Parameters
    ----------
    x : column
    forward : the forward prediction, in dense values
    north, w1, w2 : dense values of the neighbours north, west and second west
    most : largest dense value
    experts_of_row : `state.RowExperts`; west is filled
    places : float64 (experts,), in dense values; all but the last are filled
    """
    wests, predicted, solutions = experts_of_row.west, experts_of_row.predicted, experts_of_row.solutions
    wests[0, x] = np.float64(w1 - north)
    wests[1, x] = np.float64(w2 - north)
    places[0] = forward
    number = experts_of_row.first_tile + x // experts_of_row.tile
    for q in range(predicted.shape[0]):
        found = np.float64(north) + (
            predicted[q, x] + solutions[q, number, 0] * wests[0, x] + solutions[q, number, 1] * wests[1, x]
        )
        places[q + 1] = min(max(found, 0.0), most)


@kernel
def code_row(  # type: ignore[no-untyped-def]
    brick,
    place,
    y,
    start,
    predictors,
    sums,
    error_weights,
    experts_of_row,
    mixture,
    correction,
    decision,
    coder,
    data,
    quantiser,
    step,
    decoding,
):
    """Code the samples of a row in turn; False if one is out of range or `data` is full.

    Voxels that are absent get a stand-in and take no part in learning.

    Parameters
    ----------
    brick, predictors, mixture, correction, coder, data, quantiser, step, decoding : as for `walk.walk`
    place : `frame.Slice`
    y : number of the row
    start : index of its first sample
    sums : `row_sums.RowSums`
    error_weights : int64 (WEST + taps,), of the expected error in this mode, see `row_sums.Expectation`
    experts_of_row : `state.RowExperts`; west and scales are filled
    decision : `state.Decision`, changed
    """
    samples, errors, absent, highest = brick.samples, brick.errors, brick.absent, brick.highest
    width, row, precision = brick.sizes[3], place.row, predictors.precision
    wests, scales, recent, biases = experts_of_row.west, experts_of_row.scales, mixture.recent, mixture.biases
    places, widths = decision.places, decision.widths
    half = np.int64(1) << (precision - 1)
    ceiling = (highest << precision) + half
    unit = 1.0 / np.float64(np.int64(1) << precision)
    most = np.float64(highest)
    last = places.size - 1
    now, above = y % 3, (y + 2) % 3
    error_w, error_ww = np.int64(errors[start - 1]), np.int64(errors[start - 2])
    w1 = np.int64(samples[start - 1])
    w2, w3, w4 = w1, w1, w1
    span = np.float64(step) / UNIT if step is not None else 1.0
    some_absent = absent.size > 0
    for k in range(last):
        recent[k, now, 0] = recent[k, above, 2]
        recent[k, now, 1] = recent[k, above, 2]
    for x in range(width):
        i = start + x
        if coder[POSITION] > data.size and not decoding:
            return False
        error = min((sums.expected[x] + error_weights[2] * error_ww + error_weights[1] * error_w) >> WEIGHT_BITS, LARGEST_ERROR)
        if some_absent and absent[at(i)]:
            w4, w3, w2, w1 = w3, w2, w1, stand_in(samples, i, row, place.beside)
            samples[at(i)] = w1
            error_ww, error_w = error_w, error
            errors[at(i)] = error
            for k in range(last):
                recent[k, now, x + 2] = recent[k, above, x + 2]
            wests[0, x], wests[1, x], scales[x] = 0.0, 0.0, 0.0
            note_miss(0.0, x, y, last + NEARBY, correction)
            continue
        forward = predict(sums.chosen, sums.first_of, predictors.coefficients, x, w1, w2, w3, w4)
        forward_value = np.float64(max(half, min(forward, ceiling)) - half) * unit
        expect(x, forward_value, np.int64(samples[at(i - row)]), w1, w2, most, experts_of_row, places)
        center = blend(recent, x, y, span, step, places, widths)
        pattern = pattern_of(samples, i, row, place.beside, w1, center)
        contexts = contexts_of(error, error_w, np.int64(errors[at(i - row)]), pattern)
        crossed = contexts.crossed
        center += BIAS_SHARE * biases[crossed, 0] / (biases[crossed, 1] + BIAS_DAMPING)
        center = blended = min(max(center, 0.0), most)
        widths[last] = np.float64(error) / (1 << ERROR_BITS)
        center = min(max(correct(blended, x, y, widths[last], places, correction), 0.0), most)
        places[last] = center
        scales[x] = sharpen(widths, span, step)
        sample = np.int64(samples[at(i)])
        if step is None:
            value = code_exactly(sample, center, highest, contexts, mixture, decision, coder, data, decoding)
        else:
            value = code_in_steps(sample, center, highest, quantiser, step, contexts, mixture, decision, coder, data, decoding)
        if value < 0:
            return False
        samples[at(i)] = value
        w4, w3, w2, w1 = w3, w2, w1, value
        for k in range(last):
            recent[k, now, x + 2] = abs(np.float64(value) - places[k])
        note_miss(np.float64(value) - blended, x, y, last + NEARBY, correction)
        miss = np.float64(value) - center
        biases[crossed, 0] += miss
        biases[crossed, 1] += 1.0
        if biases[crossed, 1] > BIAS_LIMIT:
            biases[crossed, 0] *= 0.5
            biases[crossed, 1] *= 0.5
        error_ww = error_w
        error_w = np.int64(min(abs(miss) * (1 << ERROR_BITS), np.float64(LARGEST_ERROR)))
        errors[at(i)] = error_w
    for k in range(last):
        recent[k, now, width + 2] = recent[k, now, width + 1]
    return True
