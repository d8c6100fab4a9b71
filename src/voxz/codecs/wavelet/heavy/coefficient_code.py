"""A coefficient in the heavy profile: its size in a few binary decisions, as in the light profile, then its sign.

Each decision mixes COUNTERS adaptive counters (three of them those of the light profile) with the chance that the network's
distribution gives (`network`); so the adaptive coder's statistics stay in play where the network does not fit.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet.band_walk import DEPTH, LONGEST, MOST_BITS, beyond, lean_bin, raw
from voxz.codecs.wavelet.heavy.contexts import beside
from voxz.codecs.wavelet.heavy.mixing import CHOICES, COUNTERS, INPUTS, NETWORK, PLACES, SETS, decide
from voxz.codecs.wavelet.heavy.network import (
    EXPERTS,
    MIXED,
    OUTPUTS,
    SIGNED,
    bound_of,
    chance_beyond,
    chance_of_minus,
)
from voxz.codecs.wavelet.heavy.tables import odds_of
from voxz.codecs.wavelet.magnitude_context import WEIGHT_BITS
from voxz.codecs.wavelet.sign_context import trit
from voxz.jit import at, inlined_kernel, kernel

SIGN = 2 * DEPTH
"""Kind of the decision about the sign; the others are twice the number of the decision, plus the quantiser."""

KINDS = SIGN + 1
ROWS = 32
"""Rows of the last stage for each kind."""


class Distribution(NamedTuple):
    """What the network makes of a coefficient, written anew for each.

    Attributes
    ----------
    deep, deeper : float64 (one,) and (two,), the hidden layers
    values : float64 (SIGNED,), signed inputs
    outputs : float64 (EXPERTS, OUTPUTS), of each last layer
    shares, steepness : float64 (EXPERTS, MIXED), see `network.distributions`
    means : float64 (EXPERTS,), in half steps
    """

    deep: NDArray[np.float64]
    deeper: NDArray[np.float64]
    values: NDArray[np.float64]
    outputs: NDArray[np.float64]
    shares: NDArray[np.float64]
    steepness: NDArray[np.float64]
    means: NDArray[np.float64]

    @classmethod
    def fresh(cls, one: int, two: int) -> "Distribution":
        """Zeros for so many units in the hidden layers."""
        zeros = np.zeros
        outputs, shares, steepness = zeros((EXPERTS, OUTPUTS)), zeros((EXPERTS, MIXED)), zeros((EXPERTS, MIXED))
        return cls(zeros(one), zeros(two), zeros(SIGNED), outputs, shares, steepness, zeros(EXPERTS))


class Decision(NamedTuple):
    """What a decision is made from; written anew for each.

    Attributes
    ----------
    contexts : int64 (COUNTERS,), of each counter
    slots : int64 (COUNTERS,), places of the counters
    chosen : int64 (SETS,), sets of weights
    inputs : float64 (INPUTS,), log odds that are mixed
    results : float64 (SETS,), of each set
    before : float64 (EXPERTS,), chance by each expert of getting as far as this decision
    """

    contexts: NDArray[np.int64]
    slots: NDArray[np.int64]
    chosen: NDArray[np.int64]
    inputs: NDArray[np.float64]
    results: NDArray[np.float64]
    before: NDArray[np.float64]

    @classmethod
    def fresh(cls) -> "Decision":
        """Zeros."""
        contexts, slots, chosen = (np.zeros(size, np.int64) for size in (COUNTERS, COUNTERS, SETS))
        return cls(contexts, slots, chosen, np.zeros(INPUTS), np.zeros(SETS), np.zeros(EXPERTS))


@kernel
def _odds_bin(odds, per):  # type: ignore[no-untyped-def]
    """One of 128 bins of log odds."""
    return np.int64(min(max(odds * per + 64.0, 0.0), 127.0))


@kernel
def _apart(difference):  # type: ignore[no-untyped-def]
    """One of 8 bins of how much the quickest learner's log odds exceed the slowest one's."""
    return np.int64(min(max(difference * 4.0 + 4.0, 0.0), 7.99))


@inlined_kernel
def settle(bit, kind, first, second, third, place, row, decision, mixture, coder, data, decoding):  # type: ignore[no-untyped-def]
    """Code a decision whose contexts and whose experts' log odds are known; return it.

    Parameters
    ----------
    bit : 0 or 1; anything when decoding
    kind : 0 to KINDS - 1
    first, second, third : 0 to CHOICES - 1, contexts that choose sets of weights
    place : bin of the slowest expert's log odds, 0 to 127
    row : 0 to ROWS - 1, of the last stage
    decision : `Decision`, with contexts, and inputs from NETWORK on; changed
    mixture : `mixing.Mixture`, which learns
    coder, data, decoding : as for `band_walk.code_band`
    """
    contexts, slots, chosen, inputs = decision.contexts, decision.slots, decision.chosen, decision.inputs
    for k in range(COUNTERS):
        slots[k] = (k * KINDS + kind) * PLACES + contexts[k]
    chosen[0] = kind * CHOICES + first
    chosen[1] = kind * CHOICES + second
    chosen[2] = kind * CHOICES + third
    chosen[3] = kind * CHOICES + (place >> 3) * 8 + _apart(inputs[NETWORK + EXPERTS - 1] - inputs[NETWORK])
    return decide(
        slots,
        chosen,
        inputs,
        decision.results,
        mixture.weights,
        mixture.final[kind],
        mixture.refiners[kind * ROWS + row],
        mixture.chances,
        mixture.counts,
        coder,
        data,
        bit,
        decoding,
    )


@inlined_kernel
def code_size(  # type: ignore[no-untyped-def]
    size, q, coarse, west, expected, kin, edges, distribution, decision, mixture, coder, data, decoding
):
    """Code the magnitude of an index; return it, or -1 for a damaged stream.

    Parameters
    ----------
    size : from 0 on; anything when decoding
    q : quantiser, 0 or 1
    coarse : from `contexts.contexts_of`
    west : logarithm of the magnitude before
    expected : `contexts.Expected`
    kin : eight times the orientation, plus the role, see `band_walk.Surroundings`
    edges : float64 (2, 3), see `model.Layers`
    distribution : `Distribution`
    decision : `Decision` with `contexts_of`, changed
    mixture, coder, data, decoding : as for `settle`
    """
    means, shares, steepness = distribution.means, distribution.shares, distribution.steepness
    contexts, inputs, before, shift = decision.contexts, decision.inputs, decision.before, expected.shift
    near, west_bin = contexts[2], beside(west, expected.log)
    high = size >> shift
    reached = np.int64(0)
    before[:] = 1.0
    while True:
        kind = (2 * reached if reached < DEPTH else 2 * DEPTH - 2) + q
        bound = bound_of(((reached + 1) << shift) - 1, q, edges)
        for e in range(EXPERTS):
            further = chance_beyond(bound, means[e], shares[e], steepness[e])
            inputs[NETWORK + e] = odds_of(min(further / max(before[e], 1e-9), 0.99999))
            before[e] = further
        place = _odds_bin(inputs[NETWORK], 5.0)
        contexts[9] = place
        contexts[10] = (place >> 1) * 8 + west_bin
        contexts[11] = (place >> 1) * 32 + coarse
        bit = np.int64(high > reached)
        if not settle(bit, kind, contexts[0], near, kin, place, coarse, decision, mixture, coder, data, decoding):
            break
        reached += 1
        if reached == LONGEST:
            reached += beyond(high - reached, coder, data, decoding)
            break
    size = (reached << shift) | raw(size, shift, coder, data, decoding)
    return np.int64(-1) if size >> MOST_BITS else size


@inlined_kernel
def code_sign(  # type: ignore[no-untyped-def]
    negative,
    size,
    lower,
    upper,
    signed,
    around,
    x,
    expected,
    orientation,
    kin,
    distribution,
    decision,
    mixture,
    coder,
    data,
    decoding,
):
    """Code whether an index is negative; return it.

    Parameters
    ----------
    negative : 0 or 1; anything when decoding
    size : 1 or more, its magnitude
    lower, upper : bounds of the coefficient's magnitude, in half steps
    signed : int32, rows of the band with margins, magnitudes with signs
    around : `band_rows.Around`
    x : column, with margins
    expected : `contexts.Expected`
    orientation : 0 to 7, of the band
    kin, distribution, mixture, coder, data, decoding : as for `code_size`
    decision : `Decision`, changed
    """
    means, shares, steepness = distribution.means, distribution.shares, distribution.steepness
    contexts, inputs = decision.contexts, decision.inputs
    row, up = signed[around.row], signed[around.up]
    near = 3 * trit(row[at(x - 1)]) + trit(up[at(x)])
    near = (near * 3 + trit(up[at(x - 1)])) * 3 + trit(up[at(x + 1)])
    farther = 3 * trit(signed[around.back][at(x)]) + trit(row[at(x - 2)])
    farther = (farther * 3 + trit(signed[around.top][at(x)])) * 3 + trit(signed[around.far][at(x)])
    leant = lean_bin(expected.lean >> WEIGHT_BITS, expected.magnitude)
    for e in range(EXPERTS):
        inputs[NETWORK + e] = odds_of(chance_of_minus(lower, upper, means[e], shares[e], steepness[e]))
    place = _odds_bin(inputs[NETWORK], 8.0)
    least = min(size, 8)
    contexts[0] = orientation * 96 + leant * 3 + min(size, 3) - 1
    contexts[1] = orientation * 81 + near
    contexts[2] = orientation * 81 + farther
    contexts[3] = least * 31 + leant
    contexts[4:9] = 0
    contexts[9] = place
    contexts[10] = orientation * 128 + place
    contexts[11] = least * 128 + place
    return settle(negative, SIGN, leant, least, kin, place, leant, decision, mixture, coder, data, decoding)
