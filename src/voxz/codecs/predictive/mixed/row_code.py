"""A row at levels 6 to 9: blend the experts, then find each sample by binary decisions around the blend.

The first decision is on which side of the blend the sample lies, the next ones whether its distance reaches the next bound,
with strides in proportion to the expected error; inside the last stride it is found by halving. Every expert is a logistic
distribution around its prediction, as wide as its errors nearby, and so has log odds for every decision.

Where loss is allowed, only whole steps from the blend are told apart (`quantiser`), and most voxels are not a step off:
whether one is comes before the side. What is learnt then comes from samples that are a part of a step wrong, and every width
allows for that.
"""

import math

import numpy as np

from voxz.codecs.predictive.padding import stand_in
from voxz.codecs.predictive.quantiser import UNIT
from voxz.codecs.predictive.row_code import ERROR_BITS, LARGEST_ERROR, WEIGHT_BITS, predict, stepped, steps_to
from voxz.entropy.binary import POSITION, code_bit
from voxz.entropy.logistic import QUARTER_OCTAVES
from voxz.entropy.mixing import decide, log_odds, logistic
from voxz.jit import at, inlined_kernel, kernel

DEPTH = 12
"""Decisions that are told apart; further ones share their place."""

SCALES = 64
PHASES = 4
PATTERNS = 64
COARSE = 16
"""Numbers of contexts: expected error, fraction of the blend, neighbours above it, coarse errors."""

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
    decision,
    coder,
    data,
    quantiser,
    step,
    decoding,
):
    """Code the samples of a row in turn; False if one is out of range or `data` is full.

    Voxels that are absent get a stand-in and take no part in learning. Tuples are taken apart once, and decisions stand here: as
    separate functions they took 1.5 to 2.2 times as long, and as functions that numba inlines 1.4 to 1.8 times.

    Parameters
    ----------
    brick, predictors, mixture, coder, data, quantiser, step, decoding : as for `walk.walk`
    place : `frame.Slice`
    y : number of the row
    start : index of its first sample
    sums : `row_sums.RowSums`
    error_weights : int64 (WEST + taps,), of the expected error in this mode, see `row_sums.Expectation`
    experts_of_row : `state.RowExperts`; west and scales are filled
    decision : `state.Decision`, changed
    """
    samples, errors, absent, highest = brick.samples, brick.errors, brick.absent, brick.highest
    width, row, beside, precision = brick.sizes[3], place.row, place.beside, predictors.precision
    coefficients, chosen, first_of, expected = predictors.coefficients, sums.chosen, sums.first_of, sums.expected
    wests, predicted, scales = experts_of_row.west, experts_of_row.predicted, experts_of_row.scales
    solutions, first_tile, tile = experts_of_row.solutions, experts_of_row.first_tile, experts_of_row.tile
    recent, weights, counters = mixture.recent, mixture.weights, mixture.counters
    refiners, biases = mixture.refiners, mixture.biases
    reach, bias = quantiser.reach, quantiser.bias
    half = np.int64(1) << (precision - 1)
    ceiling = (highest << precision) + half
    unit = 1.0 / np.float64(np.int64(1) << precision)
    most = np.float64(highest)
    squares = predicted.shape[0]
    experts = squares + 2
    last = squares + 1
    now, above = y % 3, (y + 2) % 3
    places, widths, inputs, sides, slots = decision.places, decision.widths, decision.inputs, decision.sides, decision.slots
    error_w, error_ww = np.int64(errors[start - 1]), np.int64(errors[start - 2])
    w1 = np.int64(samples[start - 1])
    w2, w3, w4 = w1, w1, w1
    span = np.float64(step) / UNIT if step is not None else 1.0
    middle = np.float64(step - reach) / UNIT if step is not None else 0.5
    some_absent = absent.size > 0
    for k in range(squares + 1):
        recent[k, now, 0] = recent[k, above, 2]
        recent[k, now, 1] = recent[k, above, 2]
    for x in range(width):
        i = start + x
        if coder[POSITION] > data.size and not decoding:
            return False
        error = min((expected[x] + error_weights[2] * error_ww + error_weights[1] * error_w) >> WEIGHT_BITS, LARGEST_ERROR)
        if some_absent and absent[at(i)]:
            w4, w3, w2, w1 = w3, w2, w1, stand_in(samples, i, row, beside)
            samples[at(i)] = w1
            error_ww, error_w = error_w, error
            errors[at(i)] = error
            for k in range(squares + 1):
                recent[k, now, x + 2] = recent[k, above, x + 2]
            wests[0, x], wests[1, x], scales[x] = 0.0, 0.0, 0.0
            continue
        north = np.int64(samples[at(i - row)])
        forward = predict(chosen, first_of, coefficients, x, w1, w2, w3, w4)
        places[0] = np.float64(max(half, min(forward, ceiling)) - half) * unit
        wests[0, x] = np.float64(w1 - north)
        wests[1, x] = np.float64(w2 - north)
        number = first_tile + x // tile
        for q in range(squares):
            found = np.float64(north) + (
                predicted[q, x] + solutions[q, number, 0] * wests[0, x] + solutions[q, number, 1] * wests[1, x]
            )
            places[q + 1] = min(max(found, 0.0), most)
        center = blend(recent, x, y, span, step, places, widths)
        pattern = pattern_of(samples, i, row, beside, w1, center)
        scale = scale_of(error)
        crossed = pattern * COARSE + min(scale // 3, COARSE - 1)
        center += BIAS_SHARE * biases[crossed, 0] / (biases[crossed, 1] + BIAS_DAMPING)
        center = min(max(center, 0.0), most)
        places[last] = center
        widths[last] = np.float64(error) / (1 << ERROR_BITS)
        scales[x] = sharpen(widths, span, step)
        error_n = np.int64(errors[at(i - row)])
        texture = (min(scale // 3, COARSE - 1) * COARSE + coarse_of(error_w)) * COARSE + coarse_of(error_n)
        sample = np.int64(samples[at(i)])
        stride = max(np.int64(1), error >> (ERROR_BITS + 1))
        floor = np.int64(center)
        phase = min(np.int64((center - np.float64(floor)) * PHASES), PHASES - 1)
        lower = np.float64(floor) + 0.5
        upper = lower
        off = np.int64(1)
        steps = np.int64(0)
        if step is not None:
            # is the sample any step off?
            stride = max(np.int64(1), stride * UNIT // step)
            floor = (np.int64(center * UNIT + 0.5) if step % UNIT else np.int64(center + 0.5) * UNIT) + bias
            steps = steps_to(sample * UNIT - floor, step, reach)
            lower = np.float64(floor) / UNIT - middle
            upper = lower + 2.0 * middle
            phase = np.int64(error_w * UNIT > 8 * step) + 2 * np.int64(error_n * UNIT > 8 * step)
            for k in range(experts):
                beyond_upper = logistic((places[k] - upper) * widths[k])
                beyond_lower = logistic((lower - places[k]) * widths[k])
                inputs[k] = log_odds(beyond_upper + beyond_lower)
                sides[k] = log_odds(beyond_upper / (beyond_upper + beyond_lower))
            slots[0] = (SCALES + scale) * PHASES + phase
            slots[1] = SCALES * PHASES * 2 * DEPTH + PATTERNS * COARSE + crossed
            slots[2] = (SCALES * PHASES + PATTERNS * COARSE) * 2 * DEPTH + COARSE * COARSE * COARSE + texture
            off = decide(
                inputs,
                experts,
                weights[0, DEPTH, scale],
                weights[1, DEPTH, pattern],
                counters,
                slots,
                refiners[1, scale >> 1],
                coder,
                data,
                np.int64(steps != 0),
                decoding,
            )
        value = floor
        if off:
            # which side: is the sample above?
            for k in range(experts):
                inputs[k] = (places[k] - lower) * widths[k] if step is None else sides[k]
            slots[0] = scale * PHASES + phase
            slots[1] = SCALES * PHASES * 2 * DEPTH + crossed
            slots[2] = (SCALES * PHASES + PATTERNS * COARSE) * 2 * DEPTH + texture
            side = decide(
                inputs,
                experts,
                weights[0, 0, scale],
                weights[1, 0, pattern],
                counters,
                slots,
                refiners[0, scale >> 1],
                coder,
                data,
                np.int64(sample > floor if step is None else steps > 0),
                decoding,
            )
            sign = np.float64(2 * side - 1)
            beyond_floor = sample - floor - 1 if side else floor - sample
            distance = beyond_floor if step is None else abs(steps) - 1
            edge = upper if side else lower
            reached = np.int64(0)
            depth = 1
            while True:
                bound = reached + stride
                for k in range(experts):
                    origin = sign * (edge - places[k])
                    inside = logistic(-(origin + np.float64(reached) * span) * widths[k])
                    inputs[k] = log_odds(logistic(-(origin + np.float64(bound) * span) * widths[k]) / inside)
                node = depth * 2 + side
                slots[0] = (node * SCALES + scale) * PHASES + phase
                slots[1] = SCALES * PHASES * 2 * DEPTH + node * (PATTERNS * COARSE) + crossed
                slots[2] = (SCALES * PHASES + PATTERNS * COARSE) * 2 * DEPTH + node * (COARSE * COARSE * COARSE) + texture
                more = decide(
                    inputs,
                    experts,
                    weights[0, depth, scale],
                    weights[1, depth, pattern],
                    counters,
                    slots,
                    refiners[node, scale >> 1],
                    coder,
                    data,
                    np.int64(distance >= bound),
                    decoding,
                )
                if not more:
                    break
                reached = bound
                if reached > highest:
                    return False
                if depth >= 3:
                    stride += (stride + 1) >> 1
                depth = min(depth + 1, DEPTH - 1)
            origin = sign * (edge - center)
            inside = logistic(-(origin + np.float64(reached) * span) * widths[last])
            beyond = logistic(-(origin + np.float64(reached + stride) * span) * widths[last])
            while stride > 1:
                left = stride >> 1
                between = logistic(-(origin + np.float64(reached + left) * span) * widths[last])
                share = np.int64((between - beyond) / max(inside - beyond, 1e-12) * 65536.0)
                upper_half = code_bit(np.int64(distance >= reached + left), min(max(share, 2048), 63488), coder, data, decoding)
                if upper_half:
                    reached += left
                    stride -= left
                    inside = between
                else:
                    stride = left
                    beyond = between
            if step is not None:
                steps = reached + 1 if side else -1 - reached
            else:
                value = floor + 1 + reached if side else floor - reached
                if value < 0 or value > highest:
                    return False
        if step is not None:
            value = stepped(floor, steps * off, quantiser, highest)
        samples[at(i)] = value
        w4, w3, w2, w1 = w3, w2, w1, value
        miss = np.float64(value) - center
        for k in range(squares + 1):
            recent[k, now, x + 2] = abs(np.float64(value) - places[k])
        biases[crossed, 0] += miss
        biases[crossed, 1] += 1.0
        if biases[crossed, 1] > BIAS_LIMIT:
            biases[crossed, 0] *= 0.5
            biases[crossed, 1] *= 0.5
        error_ww = error_w
        error_w = np.int64(min(abs(miss) * (1 << ERROR_BITS), np.float64(LARGEST_ERROR)))
        errors[at(i)] = error_w
    for k in range(squares + 1):
        recent[k, now, width + 2] = recent[k, now, width + 1]
    return True
