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
_CHANCES = np.clip(np.floor(LOGISTIC * 65536.0), 1, 65535).astype(np.uint16)
"""Chances in 1/65536, as the coder takes them, for each entry of LOGISTIC."""


@inlined_kernel
def decide(counters, a, b, c, weights, first, coder, data, bit, decoding):  # type: ignore[no-untyped-def]
    """Code `bit`, or decode and return it, by the `counters` a, b and c and three `weights`; all learn.

    Parameters
    ----------
    counters : int32 (PLACES,), chance in 1/65536 and how often it was asked, in one number
    a, b, c : places in `counters`
    weights : float64, flat
    first : place of the first of the three
    coder : int64 (4,), see `voxz.entropy.binary`
    data : uint8 (bytes,)
    bit : 0 or 1; anything when decoding
    decoding : whether `data` is decoded
    """
    known_a, known_b, known_c = np.int64(counters[at(a)]), np.int64(counters[at(b)]), np.int64(counters[at(c)])
    odds_a, odds_b, odds_c = LOG_ODDS[at(known_a >> _SHIFT)], LOG_ODDS[at(known_b >> _SHIFT)], LOG_ODDS[at(known_c >> _SHIFT)]
    weight_a, weight_b, weight_c = weights[at(first)], weights[at(first + 1)], weights[at(first + 2)]
    total = weight_a * odds_a + weight_b * odds_b + weight_c * odds_c
    place = at((min(max(total, -_EDGE), _EDGE) + REACH) * STEPS + 0.5)
    bit = code_bit(bit, np.int64(_CHANCES[place]), coder, data, decoding)
    change = RATE * (np.float64(bit) - LOGISTIC[place])
    weights[at(first)] = weight_a + change * odds_a
    weights[at(first + 1)] = weight_b + change * odds_b
    weights[at(first + 2)] = weight_c + change * odds_c
    counters[at(a)] = learnt(known_a, bit)
    counters[at(b)] = learnt(known_b, bit)
    counters[at(c)] = learnt(known_c, bit)
    return bit
