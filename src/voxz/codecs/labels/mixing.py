"""Decisions that several contexts speak about: their counters, mixed in the logistic domain.

Each context's probability is stretched to ``ln(p / (1 - p))``; a weighted sum of these is squashed back into the
probability the bit is coded with, and the weights follow the gradient of its code length (M. Mahoney, "Adaptive weighing
of context models for lossless data compression", 2005), in integers. The weights are the sum of two sets, chosen by
different properties of the neighbourhood.
"""

import numpy as np

from voxz.codecs.labels.counters import COUNT_BITS, PROBABILITY_BITS, SQUASH, STRETCH, learn
from voxz.codecs.labels.logistic import LIMIT
from voxz.entropy.binary import code_bit
from voxz.jit import at, kernel

INPUTS = 6
"""Contexts of a decision."""

SLOTS, SAID = 8, 16
"""Places in `work` of the counters' slots and of what they say."""

LIMIT_OF_COUNTERS = 40
_RATE, _RATE_SHIFT = 28, 20
HEAVIEST = 1 << 22
"""Bound of a weight, of which ``1 << 16`` is the unit."""

INITIAL_WEIGHT = (3 << 16) // (4 * INPUTS)


@kernel
def decide(bit, first, second, state, work, stream, decoding):  # type: ignore[no-untyped-def]
    """Code a bit with the counters whose slots are in `work`, mixed with the weight sets at `first` and `second`; return it.

    Parameters
    ----------
    bit : 0 or 1; anything when decoding
    first, second : places in `state` of INPUTS weights each, of which ``1 << 16`` is the unit
    state, work, stream, decoding : as for `walk.walk`
    """
    total = np.int64(0)
    for k in range(INPUTS):
        p = np.int64(state[at(work[at(SLOTS + k)])]) >> (COUNT_BITS + PROBABILITY_BITS - 12)
        said = np.int64(state[at(STRETCH + p)])
        work[at(SAID + k)] = said
        total += said * (np.int64(state[at(first + k)]) + np.int64(state[at(second + k)]))
    mixed = min(max(total >> 16, -LIMIT), LIMIT)
    p = np.int64(state[at(SQUASH + LIMIT + mixed)])
    bit = code_bit(bit, p, work, stream, decoding)
    error = ((bit << 16) - p) * _RATE
    for k in range(INPUTS):
        delta = (work[at(SAID + k)] * error + (1 << (_RATE_SHIFT - 1))) >> _RATE_SHIFT
        state[at(first + k)] = min(max(np.int64(state[at(first + k)]) + delta, -HEAVIEST), HEAVIEST)
        state[at(second + k)] = min(max(np.int64(state[at(second + k)]) + delta, -HEAVIEST), HEAVIEST)
        learn(bit, work[at(SLOTS + k)], LIMIT_OF_COUNTERS, state)
    return bit
