"""What the blend misses at levels 6 to 9, foreseen by least squares: a second regression on top of the experts.

The blend weighs experts by the size of their errors alone. How they differ from it tells more, and so do the errors, with their
signs, that it made around the voxel and at the same place of slices before: noise that a reconstruction filter has smoothed is
alike in neighbours, and in an image that was enlarged from fewer samples, as MRI often is, it is so along whole rows and
columns, further than any expert looks. As with the experts themselves, moments are kept by tiles, the past fades with each row,
and nothing is sent.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.predictive.mixed.online_least_squares import add_row, learn_row, size_of
from voxz.jit import at, inlined_kernel, kernel
from voxz.numerics.least_squares import BLOCK

STRAIGHT = 6
"""How far to the west and to the north the blend's errors are features."""

NEARBY = 2 * STRAIGHT + 4
"""All errors that are: those, north-west, north-east, and at the same place of the slice before and of the one beyond."""

TILE = 32
MEMORY = 0.984375
RIDGE = 64.0
"""Pull towards no correction: about that of so many voxels whose features are as large as the expected error."""

MOST = 1.5
"""Largest correction, in expected errors, to which 1 is added."""


class Correction(NamedTuple):
    """What is known of the blend's errors.

    Attributes
    ----------
    misses : float64 (height + STRAIGHT, STRAIGHT + width + 1), samples minus the blend, in dense values: those of the slice
        before until the walk passes; the first rows and the columns at both ends stay zeros
    beyond : float64 (height, width), those of the slice before the one in `misses`
    features : float64 (size, width), what each expert differs in from the blend, the errors nearby, and at last the voxel's own
    states : float64 (tiles, size * (size + 1) / 2), upper triangles of moments, row by row
    solutions : float64 (tiles, size), coefficients
    begun : float64 (width,), sums over what is known before a row
    tile, across : side of a tile in voxels, tiles in a row
    block, moments, triangle : room to learn in
    """

    misses: NDArray[np.float64]
    beyond: NDArray[np.float64]
    features: NDArray[np.float64]
    states: NDArray[np.float64]
    solutions: NDArray[np.float64]
    begun: NDArray[np.float64]
    tile: int
    across: int
    block: NDArray[np.float64]
    moments: NDArray[np.float64]
    triangle: NDArray[np.float64]

    @classmethod
    def fresh(cls, others: int, height: int, width: int, tile: int, tiles: int) -> "Correction":
        """Nothing known yet of a blend of so many experts."""
        size = size_of(others + NEARBY)
        return cls(
            np.zeros((height + STRAIGHT, STRAIGHT + width + 1)),
            np.zeros((height, width)),
            np.zeros((size, width)),
            np.zeros((tiles, size * (size + 1) // 2)),
            np.zeros((tiles, size)),
            np.zeros(width),
            tile,
            -(-width // tile),
            np.zeros((BLOCK, size)),
            np.zeros((size, size)),
            np.zeros((size, size)),
        )


def bytes_of_correction(others: int, height: int, width: int, tiles: int) -> int:
    """What `Correction.fresh` takes, without the room to learn in."""
    size = size_of(others + NEARBY)
    planes = (height + STRAIGHT) * (STRAIGHT + width + 1) + height * width
    return 8 * (planes + (size + 1) * width + tiles * (size * (size + 1) // 2 + size))


@kernel
def begin_row(y, others, correction):  # type: ignore[no-untyped-def]
    """Fill the features that are known before row `y`, and their part of the sums.

    Parameters
    ----------
    y : number of the row
    others : experts without the blend
    correction : `Correction`, changed
    """
    misses, now, end = correction.misses, y + STRAIGHT, STRAIGHT + correction.begun.size
    correction.begun[:] = 0.0
    first = others + STRAIGHT
    for k in range(STRAIGHT):
        _begin(misses[now - 1 - k, STRAIGHT:end], first + k, y, correction)
    first += STRAIGHT
    _begin(misses[now - 1, STRAIGHT - 1 : end - 1], first, y, correction)
    _begin(misses[now - 1, STRAIGHT + 1 : end + 1], first + 1, y, correction)
    _begin(misses[now, STRAIGHT:end], first + 2, y, correction)
    _begin(correction.beyond[y], first + 3, y, correction)


@kernel
def _begin(errors, number, y, correction):  # type: ignore[no-untyped-def]
    """Take a row of errors as a feature of row `y`.

    Parameters
    ----------
    errors : float64 (width,), misses
    number : of the feature
    y, correction : as for `begin_row`
    """
    line, begun, tile = correction.features[number], correction.begun, correction.tile
    first_tile = y // tile * correction.across
    for x0 in range(0, begun.size, tile):
        weight = correction.solutions[first_tile + x0 // tile, number]
        for x in range(x0, min(begun.size, x0 + tile)):
            line[at(x)] = errors[at(x)]
            begun[at(x)] += weight * errors[at(x)]


@inlined_kernel
def correct(center, x, y, error, places, correction):  # type: ignore[no-untyped-def]
    """The blend of a voxel with what it is expected to miss.

    Parameters
    ----------
    center : the blend, in dense values
    x, y : column and row
    error : expected error, in dense values
    places : float64 (experts,), predictions; the last is not read
    correction : `Correction`; the features that `begin_row` has left are filled
    """
    features, row, others = correction.features, correction.misses[y + STRAIGHT], places.size - 1
    solution = correction.solutions[y // correction.tile * correction.across + x // correction.tile]
    found = correction.begun[x]
    for k in range(others):
        features[k, x] = places[k] - center
        found += solution[k] * features[k, x]
    for k in range(STRAIGHT):
        features[others + k, x] = row[x + STRAIGHT - 1 - k]
        found += solution[others + k] * features[others + k, x]
    most = MOST * error + 1.0
    return center + min(max(found, -most), most)


@inlined_kernel
def note_miss(miss, x, y, taps, correction):  # type: ignore[no-untyped-def]
    """Keep what the blend missed.

    Parameters
    ----------
    miss : sample minus the blend, in dense values
    x, y : column and row
    taps : features
    correction : `Correction`, changed
    """
    row = correction.misses[y + STRAIGHT]
    correction.beyond[y, x] = row[x + STRAIGHT]
    row[x + STRAIGHT] = miss
    correction.features[taps, x] = miss


@kernel
def learn_misses(scales, y, taps, correction):  # type: ignore[no-untyped-def]
    """Fit the coefficients of the tiles of row `y` anew, once its samples are known.

    Parameters
    ----------
    scales : float64 (width,), weight of each voxel, see `state.RowExperts`
    y : number of the row
    taps : features
    correction : `Correction`, changed
    """
    width = scales.size
    first_tile = y // correction.tile * correction.across
    for x0 in range(0, width, correction.tile):
        tile = first_tile + x0 // correction.tile
        add_row(correction.features, scales, taps, x0, min(width, x0 + correction.tile), correction.block, correction.moments)
        state, solution = correction.states[tile], correction.solutions[tile]
        learn_row(state, correction.moments, MEMORY, y, taps, RIDGE, correction.triangle, solution)
