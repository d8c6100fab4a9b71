"""What encoder and decoder of the fast profile share of the walk over a band: the band, room for a row, and the steps of a phase.

Rows are walked in two phases, even columns and then odd ones. Magnitudes of a phase are one run of tokens; the signs of those
that are not zero are another. With a trellis each column follows a path of its own down the rows and slices, so the quantisers of
a row are known before it is read.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet.fast.contexts import MOST, NEAR, expected_sums, lean_sums, near, spread_parents
from voxz.codecs.wavelet.fast.split_rows import LANES, padded
from voxz.jit import apart_kernel, at, inlined_kernel

UNITS = 32
"""Units of half a step, in which coefficients are rebuilt."""


class Band(NamedTuple):
    """A band as it is walked; rows are as in `split_rows`.

    Attributes
    ----------
    magnitudes : uint8 (places,), of the coefficients in half steps, shifted, at most MOST
    signed : int8, the same with signs
    parents : uint8, magnitudes of the parent band, or a row of zeros
    shape, pitch : slices, rows and columns of the band; places of a row
    parent_shape, parent_pitch : of the parent band
    doubled : (3,), 1 for axes along which a parent stands for two
    weights : int16 (2, EXPECTING), of magnitudes, by phase
    leaning : int16 (2, LEANING), of signs
    shift : places that magnitudes are shifted by
    quantisers : 1, or 2 with a trellis
    """

    magnitudes: NDArray[np.uint8]
    signed: NDArray[np.int8]
    parents: NDArray[np.uint8]
    shape: tuple[int, int, int]
    pitch: int
    parent_shape: tuple[int, int, int]
    parent_pitch: int
    doubled: tuple[int, int, int]
    weights: NDArray[np.int16]
    leaning: NDArray[np.int16]
    shift: int
    quantisers: int


class Room(NamedTuple):
    """Room for a phase of a row: what each column's context, token and so on are. Columns are filled up.

    Attributes
    ----------
    parents : uint8 (2, columns), of both phases
    sums, leans : int16 (columns,), weighted sums of magnitudes and of signed values around
    contexts : int16 (columns,)
    tokens : uint8 (columns,)
    sizes : int32 (columns,), magnitudes of indices, then in half steps
    places : int32 (columns,), of coefficients that are not zero
    values : float32 (2, columns), of both phases
    """

    parents: NDArray[np.uint8]
    sums: NDArray[np.int16]
    leans: NDArray[np.int16]
    contexts: NDArray[np.int16]
    tokens: NDArray[np.uint8]
    sizes: NDArray[np.int32]
    places: NDArray[np.int32]
    values: NDArray[np.float32]


def room_for(width: int) -> Room:
    """Room for bands of up to `width` columns."""
    columns = padded(width)
    sums, leans, contexts = np.zeros((3, columns), np.int16)
    sizes, places = np.zeros((2, columns), np.int32)
    parents, values = np.zeros((2, columns), np.uint8), np.zeros((2, columns), np.float32)
    return Room(parents, sums, leans, contexts, np.zeros(columns, np.uint8), sizes, places, values)


@inlined_kernel
def parents_of_row(band, z, y, count, phases):  # type: ignore[no-untyped-def]
    """Fill the parents of a row.

    Parameters
    ----------
    band : `Band`
    z, y : slice and row
    count : even columns of a row
    phases : uint8 (2, count or more), filled
    """
    depth, height, width = band.parent_shape
    above, beside = min(z >> band.doubled[0], depth - 1), min(y >> band.doubled[1], height - 1)
    start, half = (above * height + beside) * band.parent_pitch, band.parent_pitch // 2
    spread_parents(band.parents, start, half, width, band.doubled[2] == 1, count, phases[0], phases[1])


@inlined_kernel
def expect_phase(band, around, phase, filled, room):  # type: ignore[no-untyped-def]
    """Fill what is expected of the magnitudes of a phase of a row.

    Parameters
    ----------
    band : `Band`
    around : `band_rows.Around`, where rows begin
    phase : 0 or 1
    filled : columns of the phase, filled up
    room : `Room`, `parents` filled; `sums` are
    """
    weights = band.weights[phase]
    places = near(around, phase, band.pitch // 2, weights)
    expected_sums(band.magnitudes, room.parents[phase], places, weights[NEAR], weights[NEAR + 1], phase, filled, room.sums)


@inlined_kernel
def lean_phase(band, around, phase, filled, room):  # type: ignore[no-untyped-def]
    """Fill where the coefficients of a phase lean.

    Parameters
    ----------
    band, around, phase, filled, room : as for `expect_phase`; `leans` of `room` is filled
    """
    places = near(around, phase, band.pitch // 2, band.leaning[phase])
    lean_sums(band.signed, places, phase, filled, room.leans)


@apart_kernel
def places_of(sizes, count, places):  # type: ignore[no-untyped-def]
    """Fill the places of magnitudes that are not zero; return how many.

    Parameters
    ----------
    sizes : int32 (count or more,)
    count : how many
    places : int32 (count or more,), filled
    """
    some = np.int64(0)
    for i in range(count):
        places[at(some)] = i
        some += np.int64(sizes[at(i)] != 0)
    return some


@inlined_kernel
def half_steps(size, state):  # type: ignore[no-untyped-def]
    """Magnitude of a coefficient in half steps, from that of its index, int32; `state` of the trellis, 0 without."""
    return np.int32(2 * size - (np.int32(state & 1) & np.int32(size > 0)))


@inlined_kernel
def as_context(size, shrink):  # type: ignore[no-untyped-def]
    """A magnitude in half steps, int32, as later ones see it: shifted, in vectors, by a product.

    Singles hold all its 25 bits but the lowest, which counts only where nothing is shifted.
    """
    shifted = np.int32(np.float32(size >> 1) * (shrink + shrink))
    return min(np.int32(shifted + (size & np.int32(shrink))), np.int32(MOST))


@inlined_kernel
def shrink_of(shift):  # type: ignore[no-untyped-def]
    """What a magnitude is multiplied with to shift it by so many places, a power of two."""
    return np.float32(1.0) / np.float32(np.int64(1) << shift)


@apart_kernel
def next_states(sizes, count, states):  # type: ignore[no-untyped-def]
    """Take the trellis of each column on.

    Parameters
    ----------
    sizes : int32 (count or more,), magnitudes in half steps
    count : columns, filled up
    states : uint8 (count or more,), changed
    """
    for first in range(0, count, LANES):
        for lane in range(LANES):
            i = at(first + lane)
            state = np.int64(states[i])
            parity = ((np.int64(sizes[i]) + (state & 1)) >> 1) & 1
            states[i] = np.uint8(((state << 1) & 2) | (parity ^ (state >> 1)))
