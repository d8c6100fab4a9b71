"""What the fast profile expects of a coefficient: weighted sums over coefficients around it, in whole numbers of 16 bits.

A band is walked in rows, and a row in two phases: its even columns, then its odd ones, which have finished neighbours on both
sides. Features are sums of two neighbours opposite each other, of magnitudes for the size of a coefficient and of signed values
for its sign. Both count as at most MOST, after a shift that suits the band; weights are in 1/ONE, and bounded so that no sum
leaves 16 bits.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet.fast.split_rows import LANES
from voxz.codecs.wavelet.magnitude_context import BOUNDS
from voxz.jit import apart_kernel, at, inlined_kernel

MOST = 127
ONE = 128

NEAR = 7
"""Features in the band: north, its neighbours, second north, the previous slice, its west and east, its north and south, and last
west and east."""

EXPECTING, LEANING = NEAR + 2, NEAR
"""Weights of a phase: of a magnitude, which has the parent and a constant too, and of a sign."""

TIMES = np.array([1, 2, 1, 1, 2, 2, 2, 1, 0])
"""How many coefficients a feature sums up; none for the constant."""

LARGEST_WEIGHTS = 256
"""Sum of the magnitudes of weights, each times its TIMES."""

LARGEST_CONSTANT = 255

BIN_OF: NDArray[np.uint8] = np.searchsorted(BOUNDS, np.arange(1 << 15), side="right").astype(np.uint8)
"""Bin of an expected magnitude, in 1/ONE of half a step; about three an octave."""

BINS = int(BIN_OF[-1]) + 1
AN_OCTAVE = 3
MOST_SHIFT = 18
MAGNITUDES = BINS + AN_OCTAVE * MOST_SHIFT
"""Contexts of magnitudes: bins, an octave higher for each place that a band's magnitudes are shifted."""

SIGNS = 16
"""Contexts of signs: how strongly a coefficient leans, in bins beyond what is expected of its magnitude."""

_MIDDLE = 9

DEFAULT_EXPECTING = np.array([[24, 8, 4, 20, 4, 4, 0, 20, 6], [12, 4, 2, 12, 2, 2, 18, 16, 6]], np.int16)
DEFAULT_LEANING = np.zeros((2, LEANING), np.int16)
"""Weights of both phases before any were sent."""


def mean_magnitudes() -> NDArray[np.float64]:
    """Magnitude, in half steps, that each of the MAGNITUDES contexts stands for, in the encoder's guesses of bits."""
    edges = np.concatenate([[0.5], BOUNDS[: BINS - 1], [2.0 * BOUNDS[BINS - 2]]])
    bins = np.sqrt(edges[:-1] * edges[1:])
    octaves = bins[-1] * 2 ** (np.arange(1, MAGNITUDES - BINS + 1) / AN_OCTAVE)
    return np.concatenate([bins, octaves]) / ONE


class Near(NamedTuple):
    """Where the rows of a phase and of its features begin, and the weights of these.

    Attributes
    ----------
    up, top, back, above, below : rows of the columns themselves, of finished rows
    up_west, back_west, row_west : rows of the columns to the west; those to the east are one place behind
    w0, w1, w2, w3, w4, w5, w6 : int16, weights; the last counts for odd columns only. Compiled code sums up 16 bits, and so many
        columns at once, where it sees that nothing has more
    """

    up: int
    top: int
    back: int
    above: int
    below: int
    up_west: int
    back_west: int
    row_west: int
    w0: int
    w1: int
    w2: int
    w3: int
    w4: int
    w5: int
    w6: int


@inlined_kernel
def near(around, phase, half, weights):  # type: ignore[no-untyped-def]
    """Return the `Near` of a phase of a row.

    Parameters
    ----------
    around : `band_rows.Around`, where rows begin
    phase : 0 for even columns, 1 for odd ones
    half : places of half a row
    weights : int16 (NEAR or more,), of the phase
    """
    own, west = 1 + phase * half, (1 - phase) * (half - 1) + 1
    return Near(
        around.up + own,
        around.top + own,
        around.back + own,
        around.above + own,
        around.below + own,
        around.up + west,
        around.back + west,
        around.row + west,
        weights[0],
        weights[1],
        weights[2],
        weights[3],
        weights[4],
        weights[5],
        weights[6],
    )


@inlined_kernel
def _finished(plane, near, i):  # type: ignore[no-untyped-def]
    """Weighted sum over the features of column `i` in finished rows."""
    total = np.int64(near.w0) * np.int64(plane[at(near.up + i)])
    total += np.int64(near.w1) * (np.int64(plane[at(near.up_west + i)]) + np.int64(plane[at(near.up_west + i + 1)]))
    total += np.int64(near.w2) * np.int64(plane[at(near.top + i)]) + np.int64(near.w3) * np.int64(plane[at(near.back + i)])
    total += np.int64(near.w4) * (np.int64(plane[at(near.back_west + i)]) + np.int64(plane[at(near.back_west + i + 1)]))
    total += np.int64(near.w5) * (np.int64(plane[at(near.above + i)]) + np.int64(plane[at(near.below + i)]))
    return total


@inlined_kernel
def _beside(plane, near, i):  # type: ignore[no-untyped-def]
    """Weighted sum over the even columns beside odd column `i`."""
    return np.int64(near.w6) * (np.int64(plane[at(near.row_west + i)]) + np.int64(plane[at(near.row_west + i + 1)]))


@apart_kernel
def lean_sums(plane, near, phase, count, sums):  # type: ignore[no-untyped-def]
    """Fill where the coefficients of a phase of a row lean.

    Parameters
    ----------
    plane : int8 (places,), see `split_rows`
    near : `Near`
    phase : 0 or 1
    count : columns of the phase, filled up
    sums : int16 (count or more,), filled
    """
    if phase:
        for first in range(0, count, LANES):
            for lane in range(LANES):
                i = first + lane
                sums[at(i)] = np.int16(_finished(plane, near, i) + _beside(plane, near, i))
    else:
        for first in range(0, count, LANES):
            for lane in range(LANES):
                sums[at(first + lane)] = np.int16(_finished(plane, near, first + lane))


@apart_kernel
def expected_sums(plane, parents, near, parent, constant, phase, count, sums):  # type: ignore[no-untyped-def]
    """Fill what is expected of the magnitudes of a phase of a row, 0 at least.

    Parameters
    ----------
    plane : uint8 (places,), see `split_rows`
    parents : uint8 (count or more,), magnitudes of the parents
    near, phase, count : as for `lean_sums`
    parent, constant : weights of these
    sums : int16 (count or more,), filled
    """
    if phase:
        for first in range(0, count, LANES):
            for lane in range(LANES):
                i = first + lane
                total = (
                    _finished(plane, near, i)
                    + _beside(plane, near, i)
                    + np.int64(parent) * np.int64(parents[at(i)])
                    + np.int64(constant)
                )
                sums[at(i)] = max(np.int16(total), np.int16(0))
    else:
        for first in range(0, count, LANES):
            for lane in range(LANES):
                i = first + lane
                total = _finished(plane, near, i) + np.int64(parent) * np.int64(parents[at(i)]) + np.int64(constant)
                sums[at(i)] = max(np.int16(total), np.int16(0))


@apart_kernel
def contexts_of(sums, states, first_context, quantisers, count, contexts, place):  # type: ignore[no-untyped-def]
    """Fill the contexts of magnitudes.

    Parameters
    ----------
    sums : int16 (count or more,), of `expected_sums`
    states : uint8 (count or more,), of the trellis of each column
    first_context : of the band, without quantisers
    quantisers : 1 or 2
    count : columns of the phase
    contexts : int16 or uint8
    place : where it is filled from
    """
    if quantisers == 1:
        for i in range(count):
            contexts[at(place + i)] = first_context + np.int64(BIN_OF[at(sums[at(i)])])
    else:
        for i in range(count):
            contexts[at(place + i)] = 2 * (first_context + np.int64(BIN_OF[at(sums[at(i)])])) + (np.int64(states[at(i)]) & 1)


@apart_kernel
def spread_parents(plane, start, half, columns, doubled, count, evens, odds):  # type: ignore[no-untyped-def]
    """Fill the parents of the columns of a row.

    Parameters
    ----------
    plane : uint8 (places,), magnitudes of the parent band, see `split_rows`
    start : where its row begins
    half : places of half a row
    columns : of a row
    doubled : whether each of them stands for two columns
    count : even columns of the row
    evens, odds : uint8 (count or more,), filled
    """
    first, second = start + 1, start + half + 1
    if not doubled:
        for i in range(count):
            evens[at(i)] = plane[at(first + i)]
            odds[at(i)] = plane[at(second + i)]
        return
    pairs = min(count, columns) // 2
    for i in range(pairs):
        evens[at(2 * i)] = plane[at(first + i)]
        evens[at(2 * i + 1)] = plane[at(second + i)]
    for i in range(2 * pairs, count):
        x = min(i, columns - 1)
        evens[i] = plane[(second if x & 1 else first) + x // 2]
    for i in range(count):
        odds[at(i)] = evens[at(i)]


@inlined_kernel
def sign_context(lean, expectation):  # type: ignore[no-untyped-def]
    """How strongly a coefficient leans, 0 to SIGNS - 1.

    Parameters
    ----------
    lean : weighted sum of its neighbours
    expectation : expected magnitude
    """
    bins = np.int64(BIN_OF[at(abs(lean))]) - np.int64(BIN_OF[at(expectation)])
    limited = min(max(bins + _MIDDLE, 1), SIGNS - 1)
    return limited if lean != 0 else 0  # no branch that may be foretold wrongly: both are known
