"""One binary decision about a coefficient: three adaptive counters, mixed in the logistic domain, and coded.

A lean form of what `voxz.entropy.mixing` does (mixing as in PAQ: Mahoney 2005), since there are two to three decisions for every
coefficient: no experts, one set of weights, no last stage.
"""

import numpy as np

from voxz.entropy.binary import code_bit
from voxz.entropy.logistic import LOG_ODDS, LOGISTIC, PROBABILITY_BITS, REACH, STEPS
from voxz.entropy.mixing import COUNT_BITS, learnt
from voxz.jit import at, inlined_kernel

RATE = 0.004
START = 0.4
"""Weight of each counter before anything was coded."""

UNDECIDED = 1 << (15 + COUNT_BITS)
"""A counter that has seen nothing: its chance in 1/65536, and how often it was asked."""

_EDGE = REACH - 0.01
_SHIFT = 16 + COUNT_BITS - PROBABILITY_BITS


@inlined_kernel
def decide(counters, a, b, c, weights, coder, data, bit, decoding):  # type: ignore[no-untyped-def]
    """Code `bit`, or decode and return it, by the `counters` a, b and c and their `weights`; all learn.

    Parameters
    ----------
    counters : int64 (PLACES,), chance in 1/65536 and how often it was asked, in one number
    a, b, c : places in `counters`
    weights : float64 (3,)
    coder : int64 (4,), see `voxz.entropy.binary`
    data : uint8 (bytes,)
    bit : 0 or 1; anything when decoding
    decoding : whether `data` is decoded
    """
    known_a, known_b, known_c = np.int64(counters[at(a)]), np.int64(counters[at(b)]), np.int64(counters[at(c)])
    odds_a, odds_b, odds_c = LOG_ODDS[at(known_a >> _SHIFT)], LOG_ODDS[at(known_b >> _SHIFT)], LOG_ODDS[at(known_c >> _SHIFT)]
    total = weights[0] * odds_a + weights[1] * odds_b + weights[2] * odds_c
    mixed = LOGISTIC[at(np.int64((min(max(total, -_EDGE), _EDGE) + REACH) * STEPS + 0.5))]
    probability = np.int64(mixed * 65536.0)
    bit = code_bit(bit, min(max(probability, 1), 65535), coder, data, decoding)
    change = RATE * (np.float64(bit) - mixed)
    weights[0] += change * odds_a
    weights[1] += change * odds_b
    weights[2] += change * odds_c
    counters[at(a)] = learnt(known_a, bit)
    counters[at(b)] = learnt(known_b, bit)
    counters[at(c)] = learnt(known_c, bit)
    return bit
