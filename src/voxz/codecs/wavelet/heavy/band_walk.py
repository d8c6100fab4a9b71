"""The walk over a band in the heavy profile, shared by encoder and decoder: the light profile's decisions, with more to go by.

Each coefficient gets a distribution from the network (`network`), is coded by it and by adaptive counters
(`coefficient_code`), and then teaches the network's last layers.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet.band_rows import BESIDE, rows_around
from voxz.codecs.wavelet.heavy.coefficient_code import Decision, Distribution, code_sign, code_size
from voxz.codecs.wavelet.heavy.contexts import contexts_of, expectation
from voxz.codecs.wavelet.heavy.network import (
    EXPERTS,
    OUTPUTS,
    bound_of,
    distributions,
    evaluate,
    last_layer,
    mean_of,
    row_of_first_layer,
    signed_inputs,
)
from voxz.codecs.wavelet.heavy.online_layer import RATES, energy_of, learn
from voxz.codecs.wavelet.heavy.tables import log2_of
from voxz.codecs.wavelet.heavy.wide_means import logs_of_means, next_row, next_slice
from voxz.codecs.wavelet.magnitude_context import MOST_MAGNITUDE, UNIT_BITS, WEIGHT_BITS, row_part
from voxz.codecs.wavelet.sign_context import lean_of_row
from voxz.codecs.wavelet.trellis import magnitude_of
from voxz.jit import at, inlined_kernel, kernel

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


class Room(NamedTuple):
    """What a walk works in.

    Attributes
    ----------
    line, leans : int64 (x,), parts of a row's expected magnitudes and of where they lean that are known ahead
    hidden : float64 (one, x), such a part of the first layer
    above : float64 (x,), fading mean of finished rows, see `wide_means`
    before, boxes : float64 (y, x), that of finished slices, and room for it
    wide : float64 (2, x), logarithms of both means
    slopes : float64 (OUTPUTS,), of a step of learning
    distribution : `coefficient_code.Distribution`
    decision : `coefficient_code.Decision`
    """

    line: NDArray[np.int64]
    leans: NDArray[np.int64]
    hidden: NDArray[np.float64]
    above: NDArray[np.float64]
    before: NDArray[np.float64]
    boxes: NDArray[np.float64]
    wide: NDArray[np.float64]
    slopes: NDArray[np.float64]
    distribution: Distribution
    decision: Decision

    @classmethod
    def fresh(cls, one: int, two: int, height: int, width: int) -> "Room":
        """Zeros for so many units in the hidden layers, and slices of this size."""
        zeros = np.zeros
        return cls(
            zeros(width, np.int64),
            zeros(width, np.int64),
            zeros((one, width)),
            zeros(width),
            zeros((height, width)),
            zeros((height, width)),
            zeros((2, width)),
            zeros(OUTPUTS),
            Distribution.fresh(one, two),
            Decision.fresh(),
        )


@kernel
def prepare_row(band, surroundings, layers, around, z, y, room):  # type: ignore[no-untyped-def]
    """Fill what finished rows and bands tell of a row.

    Parameters
    ----------
    band : `band_context.CodedBand`
    surroundings : `Surroundings`
    layers : `model.Layers`
    around : `band_rows.Around`
    z, y : place of the row
    room : `Room`, changed
    """
    if y == 0:
        for x in range(room.above.size):
            room.above[x] = room.before[0, x]
    else:
        next_row(band.magnitudes[around.up], room.above)
    row_part(band.magnitudes, around, band.weights, room.line)
    lean_of_row(band.signed, around, band.leaning, room.leans)
    logs_of_means(room.above, room.wide[0])
    logs_of_means(room.before[y], room.wide[1])
    row_of_first_layer(
        surroundings.logs,
        around,
        z,
        y,
        surroundings.planes,
        surroundings.places,
        room.wide,
        layers.first,
        layers.bias,
        room.hidden,
    )


@inlined_kernel
def distribute(signed, surroundings, layers, around, z, y, x, expected, hidden, found):  # type: ignore[no-untyped-def]
    """Fill what the network makes of a coefficient.

    Parameters
    ----------
    signed : int32, as in `band_context.CodedBand`
    surroundings : `Surroundings`
    layers : `model.Layers`
    around : `band_rows.Around`
    z, y, x : place of the coefficient, without margins
    expected : `contexts.Expected`
    hidden : float64 (one, x), as in `Room`
    found : `coefficient_code.Distribution`, filled
    """
    j = x + BESIDE
    logs, used = surroundings.logs[around.row], surroundings.used
    evaluate(
        hidden,
        x,
        logs[at(j - 1)],
        logs[at(j - 2)],
        expected.outer,
        expected.inner,
        expected.log,
        layers.first,
        layers.slope,
        layers.second,
        layers.second_bias,
        found.deep,
        found.deeper,
    )
    lean = np.float64(expected.lean) * _LEAN
    signed_inputs(lean, signed, around, z, y, j, surroundings.beside, surroundings.beside_at, found.values)
    for e in range(EXPERTS):
        last_layer(found.deeper, layers.third[e], layers.third_bias[e], used, found.outputs[e])
        distributions(found.outputs[e], expected.log, found.shares[e], found.steepness[e])
        found.means[e] = mean_of(found.outputs[e], found.values, used)


@inlined_kernel
def learn_coefficient(lower, upper, minus, used, layers, found, slopes):  # type: ignore[no-untyped-def]
    """Let each expert's last layer learn from a coefficient.

    Parameters
    ----------
    lower, upper : bounds of its magnitude, in half steps
    minus : whether it is negative
    used : outputs that this orientation has
    layers : `model.Layers`, the last one for each expert; changed
    found : `coefficient_code.Distribution` that it was coded with
    slopes : float64 (OUTPUTS,), room
    """
    energy = energy_of(found.deeper)
    for e in range(EXPERTS):
        learn(
            lower,
            upper,
            minus,
            found.means[e],
            found.outputs[e],
            found.shares[e],
            found.steepness[e],
            found.values,
            used,
            found.deeper,
            energy,
            layers.third[e],
            layers.third_bias[e],
            RATES[e],
            slopes,
        )


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
    """
    one, two = layers.second.shape
    room = Room.fresh(one, two, *band.indices.shape[1:])
    return _coefficients(band, surroundings, layers, mixture, coder, data, decoding, room)


@kernel
def _coefficients(band, surroundings, layers, mixture, coder, data, decoding, room):  # type: ignore[no-untyped-def]
    """The coefficients of a band, one after the other: `code_band` with what it works in.

    Parameters
    ----------
    band, surroundings, layers, mixture, coder, data, decoding : as for `code_band`
    room : `Room`, changed
    """
    magnitudes, signed, indices, orientation = band.magnitudes, band.signed, band.indices, band.orientation
    logs, found, decision, edges = surroundings.logs, room.distribution, room.decision, layers.edges
    kin = orientation * 8 + surroundings.role
    state = np.int64(0)
    for z in range(indices.shape[0]):
        if z:
            next_slice(magnitudes, z, room.before, room.boxes)
        for y in range(indices.shape[1]):
            around = rows_around(z, y, indices.shape[1], magnitudes.shape[0] - 1)
            prepare_row(band, surroundings, layers, around, z, y, room)
            row, signs, logs_row = magnitudes[around.row], signed[around.row], logs[around.row]
            for x in range(indices.shape[2]):
                j = x + BESIDE
                i = at(j)
                expected = expectation(band, around, band.sums[z, y, x], x, room.line, room.leans)
                distribute(signed, surroundings, layers, around, z, y, x, expected, room.hidden, found)
                coarse = contexts_of(surroundings, around, z, y, j, expected, decision.contexts)
                q = band.quantiser[state]
                index = np.int64(indices[z, y, x])
                west = logs_row[at(j - 1)]
                size = code_size(
                    abs(index), q, coarse, west, expected, kin, edges, found, decision, mixture, coder, data, decoding
                )
                if size < 0:
                    return False
                upper = bound_of(size, q, edges)
                lower = -upper
                minus = np.int64(0)
                if size > 0:
                    lower = bound_of(size - 1, q, edges)
                    minus = code_sign(
                        np.int64(index < 0),
                        size,
                        lower,
                        upper,
                        signed,
                        around,
                        j,
                        expected,
                        orientation,
                        kin,
                        found,
                        decision,
                        mixture,
                        coder,
                        data,
                        decoding,
                    )
                index = -size if minus else size
                learn_coefficient(lower, upper, index < 0, surroundings.used, layers, found, room.slopes)
                indices[z, y, x] = index
                row[i] = min(magnitude_of(index, q), MOST_MAGNITUDE)
                signs[i] = row[i] if index > 0 else -row[i]
                logs_row[i] = log2_of(2 * np.int64(row[i]) + 1) - 1.0
                state = band.after[state, size & 1]
    return True
