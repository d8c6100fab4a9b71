"""What the blend misses at levels 6 to 9, foreseen by least squares: a second regression on top of the experts.

The blend weighs experts by the size of their errors alone. How they differ from it tells more, and so do the errors, with their
signs, that it made around the voxel and at the same place of the slice before: noise that a reconstruction filter has smoothed
is alike in neighbours. As with the experts themselves, moments are kept by tiles, the past fades with each row, and nothing is
sent.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.predictive.mixed.online_least_squares import add_row, learn_row, size_of
from voxz.jit import inlined_kernel, kernel
from voxz.numerics.least_squares import BLOCK

NEARBY = 5
"""Errors of the blend that are features: west, north, north-west, north-east, and at the same place of the slice before."""

TILE = 32
MEMORY = 0.984375
RIDGE = 16.0
"""Pull towards no correction: about that of so many voxels whose features are as large as the expected error."""


class Correction(NamedTuple):
    """What is known of the blend's errors.

    Attributes
    ----------
    misses : float64 (height + 1, width + 2), samples minus the blend, in dense values: those of the slice before until the walk
        passes; the first row and the columns at both ends stay zeros
    features : float64 (size, width), what each expert differs in from the blend, the errors nearby, and at last the voxel's own
    states : float64 (tiles, size * (size + 1) / 2), upper triangles of moments, row by row
    solutions : float64 (tiles, size), coefficients
    tile, across : side of a tile in voxels, tiles in a row
    block, moments, triangle : room to learn in
    """

    misses: NDArray[np.float64]
    features: NDArray[np.float64]
    states: NDArray[np.float64]
    solutions: NDArray[np.float64]
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
            np.zeros((height + 1, width + 2)),
            np.zeros((size, width)),
            np.zeros((tiles, size * (size + 1) // 2)),
            np.zeros((tiles, size)),
            tile,
            -(-width // tile),
            np.zeros((BLOCK, size)),
            np.zeros((size, size)),
            np.zeros((size, size)),
        )


def bytes_of_correction(others: int, height: int, width: int, tiles: int) -> int:
    """What `Correction.fresh` takes, without the room to learn in."""
    size = size_of(others + NEARBY)
    return 8 * ((height + 1) * (width + 2) + size * width + tiles * (size * (size + 1) // 2 + size))


@inlined_kernel
def correct(center, x, y, error, places, correction):  # type: ignore[no-untyped-def]
    """The blend of a voxel with what it is expected to miss, at most half its expected error and one.

    Parameters
    ----------
    center : the blend, in dense values
    x, y : column and row
    error : expected error, in dense values
    places : float64 (experts,), predictions; the last is not read
    correction : `Correction`; the voxel's features are filled
    """
    features, row, above = correction.features, correction.misses[y + 1], correction.misses[y]
    solution = correction.solutions[y // correction.tile * correction.across + x // correction.tile]
    others = places.size - 1
    found = 0.0
    for k in range(others):
        features[k, x] = places[k] - center
        found += solution[k] * features[k, x]
    features[others, x], features[others + 1, x] = row[x], above[x + 1]
    features[others + 2, x], features[others + 3, x] = above[x], above[x + 2]
    features[others + 4, x] = row[x + 1]
    for k in range(others, others + NEARBY):
        found += solution[k] * features[k, x]
    most = 0.5 * error + 1.0
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
    correction.misses[y + 1, x + 1] = miss
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
        learn_row(state, correction.moments, MEMORY, taps, RIDGE, correction.triangle, solution)
