"""What encoder and decoder of the fast profile share of the walk over a band: the band, room for a row, and the steps of a phase.

Rows are walked in two phases, even columns and then odd ones. Magnitudes of a phase are one run of tokens; the signs of those
that are not zero are another. With a trellis each column follows a path of its own down the rows and slices, so the quantisers of
a row are known before it is read.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet.fast.contexts import AN_OCTAVE, MAGNITUDES, MOST, contexts_of, near_sums, sign_context, spread_parents
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
    contexts, sign_contexts : int16 (columns,)
    tokens, sign_tokens : uint8 (columns,)
    sizes : int32 (columns,), magnitudes of indices, then in half steps
    places : int32 (columns,), of coefficients that are not zero
    values : float32 (2, columns), of both phases
    """

    parents: NDArray[np.uint8]
    sums: NDArray[np.int16]
    leans: NDArray[np.int16]
    contexts: NDArray[np.int16]
    sign_contexts: NDArray[np.int16]
    tokens: NDArray[np.uint8]
    sign_tokens: NDArray[np.uint8]
    sizes: NDArray[np.int32]
    places: NDArray[np.int32]
    values: NDArray[np.float32]


def room_for(width: int) -> Room:
    """Room for bands of up to `width` columns."""
    columns = padded(width)
    sums, leans, contexts, sign_contexts = np.zeros((4, columns), np.int16)
    tokens, sign_tokens = np.zeros((2, columns), np.uint8)
    sizes, places = np.zeros((2, columns), np.int32)
    parents, values = np.zeros((2, columns), np.uint8), np.zeros((2, columns), np.float32)
    return Room(parents, sums, leans, contexts, sign_contexts, tokens, sign_tokens, sizes, places, values)


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
def contexts_of_phase(band, around, phase, filled, states, room):  # type: ignore[no-untyped-def]
    """Fill what is expected of the magnitudes of a phase of a row, and their contexts.

    Parameters
    ----------
    band : `Band`
    around : `band_rows.Around`, where rows begin
    phase : 0 or 1
    filled : columns of the phase, filled up
    states : uint8 (columns,), of the trellis of each column
    room : `Room`, `parents` filled; `sums` and `contexts` are
    """
    weights, first = band.weights[phase], AN_OCTAVE * band.shift
    near_sums(band.magnitudes, around, phase, band.pitch // 2, filled, weights, room.sums)
    contexts_of(room.sums, room.parents[phase], weights, states, first, band.quantisers, filled, room.contexts)


@inlined_kernel
def sign_contexts_of_phase(band, around, phase, filled, some, room):  # type: ignore[no-untyped-def]
    """Fill where the coefficients of a phase lean, and the contexts of the signs of those that are not zero.

    Parameters
    ----------
    band, around, phase, filled : as for `contexts_of_phase`
    some : how many are not zero
    room : `Room`, `sums` and `places` filled; `leans` and `sign_contexts` are
    """
    near_sums(band.signed, around, phase, band.pitch // 2, filled, band.leaning[phase], room.leans)
    _sign_contexts(room.sums, room.leans, room.places, some, band.quantisers * MAGNITUDES, room.sign_contexts)


@apart_kernel
def _sign_contexts(sums, leans, places, count, first, contexts):  # type: ignore[no-untyped-def]
    """Fill the contexts of the signs of coefficients.

    Parameters
    ----------
    sums, leans : int16 (columns,), expected magnitudes, and weighted sums of signed neighbours
    places : int32 (count or more,), columns of the coefficients
    count : how many
    first : first context of signs
    contexts : int16 (count or more,), filled
    """
    for i in range(count):
        place = np.int64(places[at(i)])
        contexts[at(i)] = np.int16(first + sign_context(np.int64(leans[at(place)]), np.int64(sums[at(place)])))


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


@apart_kernel
def half_steps(sizes, states, count, quantisers):  # type: ignore[no-untyped-def]
    """Turn magnitudes of indices into those of coefficients, in half steps.

    Parameters
    ----------
    sizes : int32 (count or more,), changed
    states : uint8 (count or more,), of the trellis of each column
    count : columns, filled up
    quantisers : as in `Band`
    """
    if quantisers == 1:
        for first in range(0, count, LANES):
            for lane in range(LANES):
                sizes[at(first + lane)] = np.int32(2 * sizes[at(first + lane)])
        return
    for first in range(0, count, LANES):
        for lane in range(LANES):
            size, odd = sizes[at(first + lane)], np.int32(states[at(first + lane)] & 1)
            sizes[at(first + lane)] = np.int32(2 * size - (odd & np.int32(size > 0)))


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


@apart_kernel
def keep(sizes, count, shift, magnitudes, signed, own):  # type: ignore[no-untyped-def]
    """Keep magnitudes as contexts of later ones, without signs.

    Parameters
    ----------
    sizes : int32 (count or more,), in half steps, changed; zeros where columns are filled up
    count : columns, filled up
    shift : places that they are shifted by
    magnitudes, signed : uint8 and int8 (places,), of a band, changed
    own : where the phase begins
    """
    most = np.int32(MOST)
    if shift:
        for i in range(count):
            sizes[at(i)] = np.int32(np.int64(sizes[at(i)]) >> shift)
    for first in range(0, count, LANES):
        for lane in range(LANES):
            limited = min(sizes[at(first + lane)], most)
            magnitudes[at(own + first + lane)] = np.uint8(limited)
            signed[at(own + first + lane)] = np.int8(limited)
