"""The walk over a band in the heavy profile, shared by encoder and decoder: the light profile's decisions, with more to go by.

Each decision mixes COUNTERS adaptive counters (three of them those of the light profile) with the chance that the network's
distribution gives (`network`); so the adaptive coder's statistics stay in play where the network does not fit.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet.band_rows import BESIDE, rows_around
from voxz.codecs.wavelet.band_walk import DEPTH, LONGEST, MOST_BITS, REACHED, beyond, lean_bin, raw, trit
from voxz.codecs.wavelet.heavy.mixing import CHOICES, COUNTERS, INPUTS, NETWORK, PLACES, SETS, decide
from voxz.codecs.wavelet.heavy.network import (
    EXPERTS,
    MIXED,
    OUTPUTS,
    SIGNED,
    bound_of,
    chance_beyond,
    chance_of_minus,
    distributions,
    evaluate,
    last_layer,
    mean_of,
    row_of_first_layer,
    signed_inputs,
)
from voxz.codecs.wavelet.heavy.online_layer import RATES, energy_of, learn
from voxz.codecs.wavelet.heavy.tables import log2_of, odds_of
from voxz.codecs.wavelet.heavy.wide_means import logs_of_means, next_row, next_slice
from voxz.codecs.wavelet.magnitude_context import MOST_MAGNITUDE, UNIT_BITS, WEIGHT_BITS, row_part
from voxz.codecs.wavelet.sign_context import lean_of_row
from voxz.codecs.wavelet.trellis import magnitude_of
from voxz.jit import allocating_kernel, at, kernel

SIGN = 2 * DEPTH
"""Kind of the decision about the sign; the others are twice the number of the decision, plus the quantiser."""

KINDS = SIGN + 1
ROWS = 32
"""Rows of the last stage for each kind."""

_LEAN = 1.0 / (1 << (WEIGHT_BITS + UNIT_BITS))


class Surroundings(NamedTuple):
    """What the heavy profile knows around a band, as logarithms of magnitudes to the base 2.

    Attributes
    ----------
    logs : float64, with margins as in `band_rows`: of the band itself; the walk fills it
    planes : float64 (planes, z, y, x), of what is known as a whole
    places : int64 (planes,), input of the network that each plane is
    relatives : int64 (3,), first planes of parent, last sister and previous component; -1: there is none
    beside : int32 (bands, z, y, x), with margins of 1, magnitudes with signs of other bands, see `network.signed_inputs`
    beside_at : int64 (bands,), which inputs each of them gives
    role : 0 to 7: twice the scale, up to 3, plus 1 if there is a previous component
    used : inputs of the mean that this orientation has
    """

    logs: NDArray[np.float64]
    planes: NDArray[np.float64]
    places: NDArray[np.int64]
    relatives: NDArray[np.int64]
    beside: NDArray[np.int32]
    beside_at: NDArray[np.int64]
    role: int
    used: int


@kernel
def _bin(log, per, count):  # type: ignore[no-untyped-def]
    """Bin of a logarithm from -4 on, with so many an octave."""
    return np.int64(min(max((log + 4.0) * per, 0.0), count - 1.0))


@kernel
def _beside(log, expected):  # type: ignore[no-untyped-def]
    """One of 8 bins, half an octave each, of a logarithm relative to what is expected."""
    return np.int64(min(max((log - expected) * 2.0 + 4.5, 0.0), 7.99))


@kernel
def _odds_bin(odds, per):  # type: ignore[no-untyped-def]
    """One of 128 bins of log odds."""
    return np.int64(min(max(odds * per + 64.0, 0.0), 127.0))


@kernel
def _apart(difference):  # type: ignore[no-untyped-def]
    """One of 8 bins of how much the quickest learner's log odds exceed the slowest one's."""
    return np.int64(min(max(difference * 4.0 + 4.0, 0.0), 7.99))


@kernel
def contexts_of(  # type: ignore[no-untyped-def]
    logs, around, z, y, x, expected, outer, inner, near_size, shift, planes, places, contexts
):
    """Fill the contexts that do not depend on the decision; return the coarse bin of `expected`.

    Parameters
    ----------
    logs : float64, rows of the band with margins, logarithms of its magnitudes
    around : `band_rows.Around`
    z, y, x : place of the coefficient, x with margins
    expected, outer, inner : logarithms of the expected magnitude, of its part from other bands, and of that from the band itself
    near_size : 0 to 63, sizes of the three nearest coefficients
    shift : bits of the index that are coded with equal chances
    planes : float64 (planes, z, y, x), see `Surroundings`
    places : int64 (3,), first planes of parent, last sister and previous component; -1: there is none
    contexts : int64 (COUNTERS,), the first nine are filled
    """
    row, up, top, back = logs[around.row], logs[around.up], logs[around.top], logs[around.back]
    above, below = logs[around.above], logs[around.below]
    fine = _bin(expected, 6.0, 128.0)
    coarse = min(fine >> 2, 31)
    near = 0.25 * (row[x - 1] + up[x] + back[x] + 0.5 * (up[x - 1] + up[x + 1]))
    wide = row[x - 2] + up[x - 2] + up[x + 2] + top[x] + top[x - 1] + top[x + 1]
    wide = (wide + logs[around.far, x] + back[x - 1] + back[x + 1] + above[x] + below[x]) * (1.0 / 11.0)
    contexts[0] = fine
    contexts[1] = _bin(outer, 2.0, 32.0) * 32 + _bin(inner, 2.0, 32.0)
    contexts[2] = near_size * 2 + min(shift, 1)
    contexts[3] = (coarse * 8 + _beside(row[x - 1], expected)) * 8 + _beside(up[x], expected)
    contexts[4] = (coarse * 8 + _beside(back[x], expected)) * 8 + _beside(wide, expected)
    w = x - BESIDE
    for k in range(3):
        first = places[k]
        contexts[5 + k] = coarse
        if first >= 0:
            contexts[5 + k] = (coarse * 8 + _beside(planes[first, z, y, w], expected)) * 8
            contexts[5 + k] += _beside(planes[first + 1, z, y, w], expected)
    contexts[8] = _bin(near, 4.0, 64.0) * 16 + np.int64(min(max((wide - near) * 3.0 + 8.0, 0.0), 15.0))
    return coarse


@allocating_kernel
def code_band(band, surroundings, layers, mixture, coder, data, decoding):  # type: ignore[no-untyped-def]
    """Code the indices of a band; decoding fills them and the arrays with margins. False for a damaged stream.

    Parameters
    ----------
    band : `band_context.CodedBand`
    surroundings : `Surroundings`
    layers : `model.Layers`, the last one for each of the EXPERTS; it learns
    mixture : `mixing.Mixture`, which learns
    coder : int64 (4,), see `voxz.entropy.binary`
    data : uint8 (bytes,)
    decoding : whether `data` is decoded

    Tuples are taken apart once, and steps stand here: as separate functions they took 1.5 to 2.2 times as long.
    """
    magnitudes, signed, indices, sums, orientation = band.magnitudes, band.signed, band.indices, band.sums, band.orientation
    weights, leaning, after, quantiser = band.weights, band.leaning, band.after, band.quantiser
    logs, planes, places, relatives = surroundings.logs, surroundings.planes, surroundings.places, surroundings.relatives
    beside, beside_at, role, used = surroundings.beside, surroundings.beside_at, surroundings.role, surroundings.used
    first, slope, bias, edges = layers.first, layers.slope, layers.bias, layers.edges
    second, second_bias, third, third_bias = layers.second, layers.second_bias, layers.third, layers.third_bias
    mixing, final, refiners = mixture.weights, mixture.final, mixture.refiners
    chances, counts = mixture.chances, mixture.counts
    width = indices.shape[2]
    line, leans = np.zeros(width, np.int64), np.zeros(width, np.int64)
    lean_1, lean_2 = np.int64(leaning[0]) << UNIT_BITS, np.int64(leaning[1]) << UNIT_BITS
    west, west_2 = np.int64(weights[0]) << UNIT_BITS, np.int64(weights[1]) << UNIT_BITS
    slots, chosen, contexts = np.zeros(COUNTERS, np.int64), np.zeros(SETS, np.int64), np.zeros(COUNTERS, np.int64)
    inputs, results = np.zeros(INPUTS), np.zeros(SETS)
    hidden, deep, deeper = np.zeros((bias.size, width)), np.zeros(bias.size), np.zeros(second_bias.size)
    outputs, values, slopes = np.zeros((EXPERTS, OUTPUTS)), np.zeros(SIGNED), np.zeros(OUTPUTS)
    shares, steepness = np.zeros((EXPERTS, MIXED)), np.zeros((EXPERTS, MIXED))
    means, before = np.zeros(EXPERTS), np.zeros(EXPERTS)
    above, before_here, boxes = np.zeros(width), np.zeros((indices.shape[1], width)), np.zeros((indices.shape[1], width))
    wide = np.zeros((2, width))
    state = np.int64(0)
    for z in range(indices.shape[0]):
        if z:
            next_slice(magnitudes, z, before_here, boxes)
        above[:] = before_here[0]
        for y in range(indices.shape[1]):
            around = rows_around(z, y, indices.shape[1], magnitudes.shape[0] - 1)
            row_part(magnitudes, around, weights, line)
            lean_of_row(signed, around, leaning, leans)
            if y:
                next_row(magnitudes[around.up], above)
            logs_of_means(above, wide[0])
            logs_of_means(before_here[y], wide[1])
            row_of_first_layer(logs, around, z, y, planes, places, wide, first, bias, hidden)
            signs, signs_up, signs_top = signed[around.row], signed[around.up], signed[around.top]
            signs_back, signs_far = signed[around.back], signed[around.far]
            row, up, back = magnitudes[around.row], magnitudes[around.up], magnitudes[around.back]
            logs_row = logs[around.row]
            for x in range(width):
                j = x + BESIDE
                i = at(j)
                here = line[at(x)] + west * row[at(j - 1)] + west_2 * row[at(j - 2)]
                outside = sums[z, y, x]
                expected = max((here + outside) >> WEIGHT_BITS, 0)
                log = log2_of(2 * expected + 1) - 6.0
                outer = log2_of(2 * max(outside >> WEIGHT_BITS, 0) + 1) - 6.0
                inner = log2_of(2 * max(here >> WEIGHT_BITS, 0) + 1) - 6.0
                lean = leans[at(x)] + lean_1 * signs[at(j - 1)] + lean_2 * signs[at(j - 2)]
                evaluate(
                    hidden,
                    x,
                    logs_row[at(j - 1)],
                    logs_row[at(j - 2)],
                    outer,
                    inner,
                    log,
                    first,
                    slope,
                    second,
                    second_bias,
                    deep,
                    deeper,
                )
                signed_inputs(np.float64(lean) * _LEAN, signed, around, z, y, j, beside, beside_at, values)
                for e in range(EXPERTS):
                    last_layer(deeper, third[e], third_bias[e], used, outputs[e])
                    distributions(outputs[e], log, shares[e], steepness[e])
                    means[e] = mean_of(outputs[e], values, used)
                nearest = np.int64(16 * min(row[at(j - 1)], 3) + 4 * min(up[i], 3) + min(back[i], 3))
                shift = np.int64(0)
                while (expected >> shift) > REACHED:
                    shift += 1
                coarse = contexts_of(logs, around, z, y, j, log, outer, inner, nearest, shift, planes, relatives, contexts)
                west_bin = _beside(logs_row[at(j - 1)], log)
                q = quantiser[state]
                index = np.int64(indices[z, y, x])
                size = abs(index)
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
                    odds = inputs[NETWORK]
                    place = _odds_bin(odds, 5.0)
                    contexts[9] = place
                    contexts[10] = (place >> 1) * 8 + west_bin
                    contexts[11] = (place >> 1) * 32 + coarse
                    for k in range(COUNTERS):
                        slots[k] = (k * KINDS + kind) * PLACES + contexts[k]
                    chosen[0] = kind * CHOICES + contexts[0]
                    chosen[1] = kind * CHOICES + contexts[2]
                    chosen[2] = kind * CHOICES + orientation * 8 + role
                    apart = _apart(inputs[NETWORK + EXPERTS - 1] - odds)
                    chosen[3] = kind * CHOICES + (place >> 3) * 8 + apart
                    more = decide(
                        slots,
                        chosen,
                        inputs,
                        results,
                        mixing,
                        final[kind],
                        refiners[kind * ROWS + coarse],
                        chances,
                        counts,
                        coder,
                        data,
                        np.int64(high > reached),
                        decoding,
                    )
                    if not more:
                        break
                    reached += 1
                    if reached == LONGEST:
                        reached += beyond(high - reached, coder, data, decoding)
                        break
                size = (reached << shift) | raw(size, shift, coder, data, decoding)
                if size >> MOST_BITS:
                    return False
                upper = bound_of(size, q, edges)
                lower = bound_of(size - 1, q, edges) if size > 0 else -upper
                if size > 0:
                    near = 3 * trit(signs[at(j - 1)]) + trit(signs_up[i])
                    near = (near * 3 + trit(signs_up[at(j - 1)])) * 3 + trit(signs_up[at(j + 1)])
                    farther = 3 * trit(signs_back[i]) + trit(signs[at(j - 2)])
                    farther = (farther * 3 + trit(signs_top[i])) * 3 + trit(signs_far[i])
                    leant = lean_bin(lean >> WEIGHT_BITS, expected)
                    for e in range(EXPERTS):
                        inputs[NETWORK + e] = odds_of(chance_of_minus(lower, upper, means[e], shares[e], steepness[e]))
                    odds = inputs[NETWORK]
                    place = _odds_bin(odds, 8.0)
                    least = min(size, 8)
                    for k in range(COUNTERS):
                        slots[k] = (k * KINDS + SIGN) * PLACES
                    slots[0] += orientation * 96 + leant * 3 + min(size, 3) - 1
                    slots[1] += orientation * 81 + near
                    slots[2] += orientation * 81 + farther
                    slots[3] += least * 31 + leant
                    slots[9] += place
                    slots[10] += orientation * 128 + place
                    slots[11] += least * 128 + place
                    chosen[0] = SIGN * CHOICES + leant
                    chosen[1] = SIGN * CHOICES + least
                    chosen[2] = SIGN * CHOICES + orientation * 8 + role
                    apart = _apart(inputs[NETWORK + EXPERTS - 1] - odds)
                    chosen[3] = SIGN * CHOICES + (place >> 3) * 8 + apart
                    negative = decide(
                        slots,
                        chosen,
                        inputs,
                        results,
                        mixing,
                        final[SIGN],
                        refiners[SIGN * ROWS + leant],
                        chances,
                        counts,
                        coder,
                        data,
                        np.int64(index < 0),
                        decoding,
                    )
                    index = -size if negative else size
                else:
                    index = np.int64(0)
                energy = energy_of(deeper)
                for e in range(EXPERTS):
                    learn(
                        lower,
                        upper,
                        index < 0,
                        means[e],
                        outputs[e],
                        shares[e],
                        steepness[e],
                        values,
                        used,
                        deeper,
                        energy,
                        third[e],
                        third_bias[e],
                        RATES[e],
                        slopes,
                    )
                indices[z, y, x] = index
                row[i] = min(magnitude_of(index, q), MOST_MAGNITUDE)
                signs[i] = row[i] if index > 0 else -row[i]
                logs_row[i] = log2_of(2 * np.int64(row[i]) + 1) - 1.0
                state = after[state, size & 1]
    return True
