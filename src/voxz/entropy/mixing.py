"""One binary decision: probabilities of all experts and counters mixed in the logistic domain, refined, and coded.

Mixing as in PAQ (Mahoney, Adaptive weighing of context models for lossless data compression, 2005): the probability is the
logistic function of a weighted sum of log odds, and each weight moves along its input by the coding error. Two sets of
weights, chosen by different contexts, are averaged. A last stage corrects the result by what followed such
probabilities before.
"""

import numpy as np

from voxz.entropy.binary import code_bit
from voxz.entropy.logistic import LOG_ODDS, LOGISTIC, PROBABILITY_BITS, REACH, RECIPROCALS, STEPS
from voxz.jit import at, inlined_kernel

RATE = 0.01
COUNTERS = 3
COUNT_BITS = 8
LIMIT = 250
LARGEST_ODDS = 8.0
"""Bound of log odds that go into a mixture."""

REFINED = 33
"""Points of the last stage, between which it interpolates."""

REFINING = 0.02


@inlined_kernel
def logistic(value):  # type: ignore[no-untyped-def]
    """``1 / (1 + exp(-value))``, interpolated."""
    scaled = (min(max(value, 0.01 - REACH), REACH - 0.01) + REACH) * STEPS
    index = np.int64(scaled)
    low = LOGISTIC[at(index)]
    return low + (scaled - index) * (LOGISTIC[at(index + 1)] - low)


@inlined_kernel
def log_odds(probability):  # type: ignore[no-untyped-def]
    """``ln(p / (1 - p))``, bounded."""
    index = np.int64(probability * (1 << PROBABILITY_BITS))
    return LOG_ODDS[at(min(max(index, 0), (1 << PROBABILITY_BITS) - 1))]


@inlined_kernel
def learnt(known, bit):  # type: ignore[no-untyped-def]
    """Counter `known` after one more `bit`."""
    count = known & ((1 << COUNT_BITS) - 1)
    change = ((bit * 65535 - (known >> COUNT_BITS)) * RECIPROCALS[at(count)]) >> 16
    return known + (change << COUNT_BITS) + np.int64(count < LIMIT)


@inlined_kernel
def decide(inputs, experts, first, second, counters, slots, refiner, coder, data, bit, decoding):  # type: ignore[no-untyped-def]
    """Code `bit`, or decode and return it; everything involved learns.

    Parameters
    ----------
    inputs : float64 (experts + COUNTERS,), log odds; the caller fills those of the experts
    experts : their number
    first, second : float64 (experts + COUNTERS,), both sets of weights
    counters : uint32, probability << COUNT_BITS | count
    slots : int64 (COUNTERS,), places of the counters that count here
    refiner : float64 (REFINED,), the last stage
    coder : int64 (4,), see `voxz.entropy.binary`
    data : uint8 (bytes,)
    bit : 0 or 1; anything when decoding
    decoding : whether `data` is decoded
    """
    size = experts + COUNTERS
    for k in range(experts):
        inputs[k] = min(max(inputs[k], -LARGEST_ODDS), LARGEST_ODDS)
    for k in range(COUNTERS):
        inputs[experts + k] = LOG_ODDS[at(np.int64(counters[at(slots[k])]) >> (16 + COUNT_BITS - PROBABILITY_BITS))]
    sum_first = 0.0
    sum_second = 0.0
    for k in range(size):
        sum_first += first[k] * inputs[k]
        sum_second += second[k] * inputs[k]
    total = 0.5 * (sum_first + sum_second)
    mixed = logistic(total)
    place = (min(max(total, 0.01 - LARGEST_ODDS), LARGEST_ODDS - 0.01) + LARGEST_ODDS) * ((REFINED - 1) / (2 * LARGEST_ODDS))
    index = np.int64(place)
    part = place - index
    refined = refiner[index] * (1.0 - part) + refiner[index + 1] * part
    probability = np.int64((mixed + refined) * 32768.0)
    bit = code_bit(bit, min(max(probability, 1), 65535), coder, data, decoding)
    change = RATE * (bit - mixed)
    for k in range(size):
        step = change * inputs[k]
        first[k] += step
        second[k] += step
    refiner[index] += REFINING * (1.0 - part) * (bit - refiner[index])
    refiner[index + 1] += REFINING * part * (bit - refiner[index + 1])
    for k in range(COUNTERS):
        counters[at(slots[k])] = learnt(np.int64(counters[at(slots[k])]), bit)
    return bit
