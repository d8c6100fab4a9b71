"""A sample at levels 6 to 9, found by binary decisions around the blend of the experts.

The first decision is on which side of the blend the sample lies, the next ones whether its distance reaches the next bound,
with strides in proportion to the expected error; inside the last stride it is found by halving. Every expert is a logistic
distribution around its prediction, as wide as its errors nearby, and so has log odds for every decision.

Where loss is allowed, only whole steps from the blend are told apart (`quantiser`), and most voxels are not a step off:
whether one is comes before the side.
"""

from typing import NamedTuple

import numpy as np

from voxz.codecs.predictive.quantiser import UNIT
from voxz.codecs.predictive.row_code import ERROR_BITS, stepped, steps_to
from voxz.entropy.binary import code_bit
from voxz.entropy.mixing import decide, log_odds, logistic
from voxz.jit import inlined_kernel

DEPTH = 12
"""Decisions that are told apart; further ones share their place."""

SCALES = 64
PHASES = 4
PATTERNS = 64
COARSE = 16
"""Numbers of contexts: expected error, fraction of the blend, neighbours above it, coarse errors."""

SIDE, OFF = 0, 1
"""Places of the decisions on the side, and on whether a sample is any step off; a distance has twice its depth, plus the side."""


class Contexts(NamedTuple):
    """What is known of a voxel before its sample, as counters and weights take it.

    Attributes
    ----------
    error : expected error, in 1/16 of a dense value
    west, north : errors of two neighbours, likewise
    scale : `row_code.scale_of` the expected error
    pattern : 0 to PATTERNS - 1, from `row_code.pattern_of`
    crossed : that and the expected error
    texture : 0 to COARSE**3 - 1, the expected error and those of two neighbours
    """

    error: int
    west: int
    north: int
    scale: int
    pattern: int
    crossed: int
    texture: int


@inlined_kernel
def settle(bit, node, depth, phase, contexts, mixture, decision, coder, data, decoding):  # type: ignore[no-untyped-def]
    """Code a decision of which the experts' log odds are known; return it.

    Parameters
    ----------
    bit : 0 or 1; anything when decoding
    node : 0 to 2 * DEPTH - 1, its place among counters and in the last stage
    depth : 0 to DEPTH, its place among weights
    phase : 0 to PHASES - 1
    contexts : `Contexts`
    mixture : `state.Mixture`, which learns
    decision : `state.Decision`, with inputs of the experts; changed
    coder, data, decoding : as for `walk.walk`
    """
    scale, slots = contexts.scale, decision.slots
    slots[0] = (node * SCALES + scale) * PHASES + phase
    slots[1] = SCALES * PHASES * 2 * DEPTH + node * (PATTERNS * COARSE) + contexts.crossed
    slots[2] = (SCALES * PHASES + PATTERNS * COARSE) * 2 * DEPTH + node * (COARSE * COARSE * COARSE) + contexts.texture
    return decide(
        decision.inputs,
        decision.places.size,
        mixture.weights[0, depth, scale],
        mixture.weights[1, depth, contexts.pattern],
        mixture.counters,
        slots,
        mixture.refiners[node, scale >> 1],
        coder,
        data,
        bit,
        decoding,
    )


@inlined_kernel
def code_distance(  # type: ignore[no-untyped-def]
    distance, side, edge, span, stride, phase, most, contexts, mixture, decision, coder, data, decoding
):
    """Code how many steps a sample lies beyond the first on its side; return that, or -1 if it is out of range.

    Parameters
    ----------
    distance : from 0 on; anything when decoding
    side : 1 above the blend, 0 below
    edge : where distances start, in dense values
    span : a step, in dense values; 1 where nothing is lost
    stride : 1 or more, steps to the first bound
    phase, contexts, mixture, decision, coder, data, decoding : as for `settle`
    most : largest distance
    """
    places, widths, inputs = decision.places, decision.widths, decision.inputs
    sign = np.float64(2 * side - 1)
    reached = np.int64(0)
    depth = 1
    while True:
        bound = reached + stride
        for k in range(places.size):
            origin = sign * (edge - places[k])
            inside = logistic(-(origin + np.float64(reached) * span) * widths[k])
            inputs[k] = log_odds(logistic(-(origin + np.float64(bound) * span) * widths[k]) / inside)
        more = settle(
            np.int64(distance >= bound), depth * 2 + side, depth, phase, contexts, mixture, decision, coder, data, decoding
        )
        if not more:
            break
        reached = bound
        if reached > most:
            return np.int64(-1)
        if depth >= 3:
            stride += (stride + 1) >> 1
        depth = min(depth + 1, DEPTH - 1)
    last = places.size - 1
    return halve(distance, reached, stride, sign * (edge - places[last]), span, widths[last], coder, data, decoding)


@inlined_kernel
def halve(distance, reached, stride, origin, span, width, coder, data, decoding):  # type: ignore[no-untyped-def]
    """Code a distance that is known to lie in one stride, by halving that with the blend's chances; return it.

    Parameters
    ----------
    distance : from `reached` on; anything when decoding
    reached : least distance, in steps
    stride : 1 or more, number of distances
    origin : dense values from the blend to where distances start
    span, coder, data, decoding : as for `code_distance`
    width : one over the width of the blend's distribution
    """
    inside = logistic(-(origin + np.float64(reached) * span) * width)
    beyond = logistic(-(origin + np.float64(reached + stride) * span) * width)
    while stride > 1:
        left = stride >> 1
        between = logistic(-(origin + np.float64(reached + left) * span) * width)
        share = np.int64((between - beyond) / max(inside - beyond, 1e-12) * 65536.0)
        if code_bit(np.int64(distance >= reached + left), min(max(share, 2048), 63488), coder, data, decoding):
            reached += left
            stride -= left
            inside = between
        else:
            stride = left
            beyond = between
    return reached


@inlined_kernel
def code_exactly(sample, center, highest, contexts, mixture, decision, coder, data, decoding):  # type: ignore[no-untyped-def]
    """Code a sample without loss; return it, or -1 if it is out of range.

    Parameters
    ----------
    sample : dense value; anything when decoding
    center : blend of the predictions, in dense values
    highest : largest dense value
    contexts, mixture, decision, coder, data, decoding : as for `settle`
    """
    places, widths, inputs = decision.places, decision.widths, decision.inputs
    floor = np.int64(center)
    phase = min(np.int64((center - np.float64(floor)) * PHASES), PHASES - 1)
    edge = np.float64(floor) + 0.5
    for k in range(places.size):
        inputs[k] = (places[k] - edge) * widths[k]
    side = settle(np.int64(sample > floor), SIDE, 0, phase, contexts, mixture, decision, coder, data, decoding)
    distance = sample - floor - 1 if side else floor - sample
    stride = max(np.int64(1), contexts.error >> ERROR_BITS)
    reached = code_distance(distance, side, edge, 1.0, stride, phase, highest, contexts, mixture, decision, coder, data, decoding)
    value = floor + 1 + reached if side else floor - reached
    return value if reached >= 0 and value <= highest else np.int64(-1)


@inlined_kernel
def code_in_steps(  # type: ignore[no-untyped-def]
    sample, center, highest, quantiser, step, contexts, mixture, decision, coder, data, decoding
):
    """Code a sample in whole steps from the blend; return what comes back of it, or -1 if it is out of range.

    Parameters
    ----------
    sample, center, highest, contexts, mixture, decision, coder, data, decoding : as for `code_exactly`
    quantiser, step : as for `walk.walk`
    """
    places, widths, inputs, sides = decision.places, decision.widths, decision.inputs, decision.sides
    span, middle = np.float64(step) / UNIT, np.float64(step - quantiser.reach) / UNIT
    floor = (np.int64(center * UNIT + 0.5) if step % UNIT else np.int64(center + 0.5) * UNIT) + quantiser.bias
    steps = steps_to(sample * UNIT - floor, step, quantiser.reach)
    lower = np.float64(floor) / UNIT - middle
    upper = lower + 2.0 * middle
    phase = np.int64(contexts.west * UNIT > 8 * step) + 2 * np.int64(contexts.north * UNIT > 8 * step)
    for k in range(places.size):
        beyond_upper = logistic((places[k] - upper) * widths[k])
        beyond_lower = logistic((lower - places[k]) * widths[k])
        inputs[k] = log_odds(beyond_upper + beyond_lower)
        sides[k] = log_odds(beyond_upper / (beyond_upper + beyond_lower))
    off = settle(np.int64(steps != 0), OFF, DEPTH, phase, contexts, mixture, decision, coder, data, decoding)
    if off:
        for k in range(places.size):
            inputs[k] = sides[k]
        side = settle(np.int64(steps > 0), SIDE, 0, phase, contexts, mixture, decision, coder, data, decoding)
        edge = upper if side else lower
        stride = max(np.int64(1), max(np.int64(1), contexts.error >> ERROR_BITS) * UNIT // step)
        reached = code_distance(
            abs(steps) - 1, side, edge, span, stride, phase, highest, contexts, mixture, decision, coder, data, decoding
        )
        if reached < 0:
            return np.int64(-1)
        steps = reached + 1 if side else -1 - reached
    return stepped(floor, steps * off, quantiser, highest)
