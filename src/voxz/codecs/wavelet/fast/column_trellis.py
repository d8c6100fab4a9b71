"""Trellis-coded quantisation down the columns of a band, in the encoder only: the paths of a row's columns are found together.

Two interleaved quantisers of four states, as in `voxz.codecs.wavelet.trellis`: the parity of an index decides which state comes
next, and the lowest bit of a state which quantiser. A column's path of least ``squared error + slope * bits`` runs down its rows,
slice by slice (Viterbi). Bits are taken to grow with the index in proportion, as they do for Laplacian coefficients. Every step
of the search is the same for all columns, so it runs on whole vectors.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet.fast.contexts import AN_OCTAVE, contexts_of, mean_magnitudes
from voxz.codecs.wavelet.fast.encode_walk import LARGEST
from voxz.codecs.wavelet.fast.split_rows import LANES, starts_around
from voxz.codecs.wavelet.fast.walk import Band, Room, expect_phase, parents_of_row
from voxz.jit import apart_kernel, at, inlined_kernel, kernel

LEAST_MEAN = 0.02
"""Mean magnitude, in half steps, that is expected at least."""


class Bits(NamedTuple):
    """What indices cost, times the slope, by context ``2 * magnitude context + quantiser``, float32.

    Attributes
    ----------
    none, one, more : of 0, of 1 with its sign, of each unit above 1
    """

    none: NDArray[np.float32]
    one: NDArray[np.float32]
    more: NDArray[np.float32]


def bits_for(slope: float) -> Bits:
    """Costs for Laplacian coefficients of the mean that is expected; a bit is worth `slope`, in half steps squared."""
    mean = np.maximum(mean_magnitudes(), LEAST_MEAN)[:, None]
    bounds = np.array([[1.0, 3.0], [0.5, 2.0]])  # where 0 ends, and 1, by quantiser
    beyond = np.exp(-bounds[None] / mean[:, :, None])
    none, one = -np.log2(1 - beyond[..., 0]), -np.log2(np.maximum(beyond[..., 0] - beyond[..., 1], 1e-9)) + 1
    more = np.broadcast_to(2 / (mean * np.log(2)), none.shape)
    costs = (np.minimum(slope * bits, MOST_COST).astype(np.float32).ravel() for bits in (none, one, more))
    return Bits(*costs)


MOST_COST = np.float32(4.0)
"""Costs are at most this."""

UNREACHED = np.float32(1e9)
"""Cost of a path into a state that none begins in."""


@kernel
def context_rows(band, room, states, contexts):  # type: ignore[no-untyped-def]
    """Fill the magnitude contexts of a band whose magnitudes were guessed, as if it had one quantiser.

    Parameters
    ----------
    band : `walk.Band`
    room : `walk.Room`
    states : uint8 (columns,), zeros
    contexts : uint8 (rows, phases, columns), filled
    """
    depth, height, width = band.shape
    evens = (width + 1) // 2
    filled = contexts.shape[2]
    for z in range(depth):
        for y in range(height):
            around = starts_around(z, y, band.shape, band.pitch)
            parents_of_row(band, z, y, evens, room.parents)
            for phase in range(2):
                expect_phase(band, around, phase, filled, room)
                contexts_of(room.sums, states, AN_OCTAVE * band.shift, 1, filled, contexts[z * height + y, phase], 0)


@inlined_kernel
def _best(size, quantiser, parity, none, one, more):  # type: ignore[no-untyped-def]
    """Return the best index of a parity for a coefficient, and its squared error and cost.

    Parameters
    ----------
    size : float32, magnitude of the coefficient in half steps
    quantiser, parity : 0 or 1
    none, one, more : float32, costs as in `Bits`
    """
    quarter, half = np.float32(0.25), np.float32(0.5)
    first = np.float32(2 * parity - quantiser)
    pulled = max(size - more * quarter, np.float32(0.0))
    fours = np.int32(max((pulled - first) * quarter, np.float32(0.0)) + half)
    index = np.int32(2 * fours + parity)
    miss = size - (np.float32(4 * fours) + first)
    cost = miss * miss + one + more * np.float32(index - 1)
    nothing = size * size + none
    if parity == 0 and (index == 0 or nothing < cost):
        return np.int32(0), nothing
    return index, cost


@apart_kernel
def _gather(table, contexts, quantiser, count, costs):  # type: ignore[no-untyped-def]
    """Fill the costs of columns from a `table` of `Bits`, for their contexts and a quantiser.

    Parameters
    ----------
    table : float32 (contexts,)
    contexts : uint8 (count,), magnitude contexts
    quantiser : 0 or 1
    count : columns, filled up
    costs : float32 (count or more,), filled
    """
    for i in range(count):
        costs[at(i)] = table[at(2 * np.int64(contexts[at(i)]) + quantiser)]


@apart_kernel
def _forward(values, none_0, one_0, more_0, none_1, one_1, more_1, cost_0, cost_1, cost_2, cost_3, back, count):  # type: ignore[no-untyped-def]
    """Take the best paths into each state of some columns one row on.

    Parameters
    ----------
    values : float32 (count,), in half steps
    none_0, one_0, more_0, none_1, one_1, more_1 : float32 (count or more,), costs as in `Bits`, by quantiser
    cost_0, cost_1, cost_2, cost_3 : float32 (count or more,), of the paths, changed
    back : uint8 (count,), filled; bit s tells from which of two states the path into state s came
    count : columns, filled up
    """
    for first in range(0, count, LANES):
        for lane in range(LANES):
            i = at(first + lane)
            size = min(abs(values[i]), LARGEST)
            _, even = _best(size, 0, 0, none_0[i], one_0[i], more_0[i])
            _, odd = _best(size, 0, 1, none_0[i], one_0[i], more_0[i])
            _, other_even = _best(size, 1, 0, none_1[i], one_1[i], more_1[i])
            _, other_odd = _best(size, 1, 1, none_1[i], one_1[i], more_1[i])
            here_0, there_0 = cost_0[i] + even, cost_2[i] + odd
            here_1, there_1 = cost_0[i] + odd, cost_2[i] + even
            here_2, there_2 = cost_1[i] + other_even, cost_3[i] + other_odd
            here_3, there_3 = cost_1[i] + other_odd, cost_3[i] + other_even
            bits = np.uint8(there_0 < here_0) + 2 * np.uint8(there_1 < here_1)
            back[i] = np.uint8(bits + 4 * np.uint8(there_2 < here_2) + 8 * np.uint8(there_3 < here_3))
            new_0, new_1, new_2, new_3 = min(here_0, there_0), min(here_1, there_1), min(here_2, there_2), min(here_3, there_3)
            least = min(new_0, new_1, new_2, new_3)
            cost_0[i], cost_1[i], cost_2[i], cost_3[i] = new_0 - least, new_1 - least, new_2 - least, new_3 - least


@apart_kernel
def _backward(values, none_0, one_0, more_0, none_1, one_1, more_1, states, back, indices, count):  # type: ignore[no-untyped-def]
    """Follow the paths of some columns one row back.

    Parameters
    ----------
    values, none_0, one_0, more_0, none_1, one_1, more_1, back, count : as for `_forward`
    states : uint8 (count or more,), after this row, changed to those before it
    indices : int32 (count,), filled, without signs
    """
    for i in range(count):
        state = np.int64(states[at(i)])
        bit = (np.int64(back[at(i)]) >> state) & 1
        before, parity = (state >> 1) + 2 * bit, (state & 1) ^ bit
        size = min(abs(values[at(i)]), LARGEST)
        if before & 1:
            index, _ = _best(size, 1, parity, none_1[at(i)], one_1[at(i)], more_1[at(i)])
        else:
            index, _ = _best(size, 0, parity, none_0[at(i)], one_0[at(i)], more_0[at(i)])
        indices[at(i)] = index
        states[at(i)] = np.uint8(before)


@kernel
def find_paths(values, contexts, bits, costs, paths, states, back, indices):  # type: ignore[no-untyped-def]
    """Fill the indices of the best paths down the columns of a band, without signs.

    Parameters
    ----------
    values : float32 (rows, phases, columns), in half steps
    contexts : uint8, likewise, magnitude contexts
    bits : `Bits`
    costs : float32 (6, columns), room
    paths : float32 (4, columns), room
    states : uint8 (columns,), room
    back : uint8 (rows, phases, columns), room
    indices : int32 (rows, phases, columns), filled
    """
    rows, phases, count = values.shape
    for phase in range(phases):
        for i in range(count):
            paths[0, i] = 0.0
            paths[1, i] = paths[2, i] = paths[3, i] = UNREACHED
        for row in range(rows):
            _gather_all(contexts[row, phase], bits, costs, count)
            _forward(
                values[row, phase],
                costs[0],
                costs[1],
                costs[2],
                costs[3],
                costs[4],
                costs[5],
                paths[0],
                paths[1],
                paths[2],
                paths[3],
                back[row, phase],
                count,
            )
        for i in range(count):
            best = 0
            for state in range(1, 4):
                if paths[state, i] < paths[best, i]:
                    best = state
            states[i] = best
        for row in range(rows - 1, -1, -1):
            _gather_all(contexts[row, phase], bits, costs, count)
            _backward(
                values[row, phase],
                costs[0],
                costs[1],
                costs[2],
                costs[3],
                costs[4],
                costs[5],
                states,
                back[row, phase],
                indices[row, phase],
                count,
            )


@inlined_kernel
def _gather_all(contexts, bits, costs, count):  # type: ignore[no-untyped-def]
    """Fill the costs of both quantisers.

    Parameters
    ----------
    contexts, count : as for `_gather`
    bits : `Bits`
    costs : float32 (6, columns), filled
    """
    for quantiser in range(2):
        _gather(bits.none, contexts, quantiser, count, costs[3 * quantiser])
        _gather(bits.one, contexts, quantiser, count, costs[3 * quantiser + 1])
        _gather(bits.more, contexts, quantiser, count, costs[3 * quantiser + 2])


def trellis_indices(band: Band, values: NDArray[np.float32], bits: Bits, room: Room) -> NDArray[np.int32]:
    """Indices ``(rows, phases, columns)`` of a band whose magnitudes are guessed, without signs."""
    count = values.shape[2]
    contexts, back = np.zeros(values.shape, np.uint8), np.empty(values.shape, np.uint8)
    indices, states = np.empty(values.shape, np.int32), np.zeros(count, np.uint8)
    context_rows(band, room, states, contexts)
    costs, paths = np.empty((6, count), np.float32), np.empty((4, count), np.float32)
    find_paths(values, contexts, bits, costs, paths, states, back, indices)
    return indices
