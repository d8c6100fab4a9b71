"""One binary decision of the heavy profile: counters in many contexts and the network's chance, mixed in two layers, refined.

Mixing in the logistic domain as in PAQ (Mahoney 2005; two layers as in paq8): SETS sets of weights, each chosen by a context of
its own, mix the log odds of all inputs; a last set mixes their results. What followed such a result before corrects it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet.heavy.network import EXPERTS
from voxz.codecs.wavelet.heavy.tables import odds_of
from voxz.entropy.binary import code_bit
from voxz.entropy.logistic import LOGISTIC, REACH, STEPS
from voxz.entropy.mixing import logistic
from voxz.jit import at, kernel

COUNTERS = 12
PLACES = 4096
"""Contexts of each kind for each decision that is told apart."""

CONSTANT, NETWORK = COUNTERS, COUNTERS + 1
INPUTS = NETWORK + EXPERTS
USES = INPUTS
"""Places among the inputs: of a constant, and of the network's experts. USES: a set's number of uses, behind its weights."""

SETS = 4
CHOICES = 128
"""Sets of weights, and contexts that choose among each."""

REFINED = 33
"""Points of the last stage, between which it interpolates."""

RATE, EARLY_RATE, EARLY = 0.002, 0.01, 64.0
"""Learning rate of weights; what is added to it at first, and after how many uses that has halved."""

FINAL_RATE, REFINING = 0.0005, 0.005
LIMIT = 1000
"""Decisions after which a counter forgets."""

EDGE = 11.5
START_COUNTER, START_NETWORK = 0.03, 0.7


class Mixture(NamedTuple):
    """What adapts, for so many kinds of decisions.

    Attributes
    ----------
    weights : float64 (SETS, kinds * CHOICES, INPUTS + 1), and how often each set was used
    final : float64 (kinds, SETS), weights of the last set
    refiners : float64 (refiners, REFINED), the last stage
    chances : float64 (COUNTERS * kinds * PLACES,), of a 1, by each counter
    counts : int64 (COUNTERS * kinds * PLACES,), decisions that each counter has seen, at most LIMIT
    """

    weights: NDArray[np.float64]
    final: NDArray[np.float64]
    refiners: NDArray[np.float64]
    chances: NDArray[np.float64]
    counts: NDArray[np.int64]

    @classmethod
    def fresh(cls, kinds: int, refiners: int) -> "Mixture":
        """Before anything was coded."""
        weights = np.full((SETS, kinds * CHOICES, INPUTS + 1), START_COUNTER)
        weights[:, :, CONSTANT], weights[:, :, NETWORK:USES], weights[:, :, USES] = 0.0, START_NETWORK / EXPERTS, 0.0
        identity = LOGISTIC[np.arange(REFINED) * (2 * REACH * STEPS // (REFINED - 1))]
        places = COUNTERS * kinds * PLACES
        return cls(
            weights,
            np.full((kinds, SETS), 1 / SETS),
            np.tile(identity, (refiners, 1)),
            np.full(places, 0.5),
            np.zeros(places, np.int64),
        )


@kernel
def decide(  # type: ignore[no-untyped-def]
    slots, chosen, inputs, results, weights, final, refiner, chances, counts, coder, data, bit, decoding
):
    """Code `bit`, or decode and return it; everything involved learns.

    Parameters
    ----------
    slots : int64 (COUNTERS,), places of the counters
    chosen : int64 (SETS,), number of the set of weights that each context chooses
    inputs : float64 (INPUTS,), log odds; the caller fills those from NETWORK on
    results : float64 (SETS,), room
    weights, chances, counts : as in `Mixture`
    final : float64 (SETS,), weights of the last set
    refiner : float64 (REFINED,), the last stage
    coder : int64 (4,), see `voxz.entropy.binary`
    data : uint8 (bytes,)
    bit : 0 or 1; anything when decoding
    decoding : whether `data` is decoded
    """
    for k in range(COUNTERS):
        inputs[k] = odds_of(chances[at(slots[k])])
    inputs[CONSTANT] = 0.3
    total = 0.0
    for s in range(SETS):
        own = weights[s, chosen[s]]
        result = 0.0
        for k in range(INPUTS):
            result += own[k] * inputs[k]
        result = min(max(result, -EDGE), EDGE)
        results[s] = result
        total += final[s] * result
    total = min(max(total, -EDGE), EDGE)
    mixed = logistic(total)
    place = (total + REACH) * ((REFINED - 1) / (2 * REACH))
    index = np.int64(place)
    part = place - index
    refined = refiner[index] * (1.0 - part) + refiner[index + 1] * part
    probability = np.int64((mixed + refined) * 32768.0)
    bit = code_bit(bit, min(max(probability, 1), 65535), coder, data, decoding)
    one = np.float64(bit)
    for s in range(SETS):
        result = results[s]
        final[s] += FINAL_RATE * (one - mixed) * result
        own = weights[s, chosen[s]]
        change = (RATE + EARLY_RATE * EARLY / (EARLY + own[USES])) * (one - logistic(result))
        own[USES] += 1.0
        for k in range(INPUTS):
            own[k] += change * inputs[k]
    refiner[index] += REFINING * (1.0 - part) * (one - refiner[index])
    refiner[index + 1] += REFINING * part * (one - refiner[index + 1])
    for k in range(COUNTERS):
        slot = at(slots[k])
        seen = counts[slot]
        chances[slot] += (one - chances[slot]) / (np.float64(seen) + 1.5)
        if seen < LIMIT:
            counts[slot] = seen + 1
    return bit
