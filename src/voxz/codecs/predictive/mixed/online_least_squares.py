"""Backward-adaptive least squares: predictors fitted to what was decoded, in every tile anew after each of its rows.

The features of a voxel are its neighbours minus the one above it, the target likewise. Each tile of the slice keeps the
weighted second moments of features and target; the past fades by a factor with each row, and the tile in the next slice
goes on with them, so a predictor knows the voxels around and those before in depth. The weight of a voxel is the inverse of
its expected squared error: without it a few edges would decide.
"""

import math

import numpy as np

from voxz.jit import at, kernel
from voxz.numerics.least_squares import BLOCK, add_block

RIDGE = 1.0 / 8192
FLOOR = 0.01

LONG, PAUSE = 0.98, 4
"""A memory from LONG on changes little in a row: it is solved for in every PAUSE-th row only."""


def size_of(taps: int) -> int:
    """Rows of features and target, filled up to whole vectors."""
    return -(-(taps + 1) // BLOCK) * BLOCK


@kernel
def gather_features(samples, start, row, width, offsets, taps, features):  # type: ignore[no-untyped-def]
    """Fill ``features[j, x]`` for the taps from the third on: those lie in finished rows.

    Parameters
    ----------
    samples : int32 (padded,), dense values
    start : index of the row's first voxel
    row : indices from one row to the next
    width : voxels from there on
    offsets : int64 (taps or more,), indices from a voxel to its neighbours
    taps : neighbours, 2 or more
    features : float64 (taps + 1 or more, width), in dense values; rows from 2 on are filled
    """
    for j in range(2, taps):
        first = start + offsets[j]
        above = start - row
        line = features[j]
        for x in range(width):
            line[at(x)] = np.float64(samples[at(first + x)]) - np.float64(samples[at(above + x)])


@kernel
def partial_predictions(features, weights, taps, x0, x1, sums):  # type: ignore[no-untyped-def]
    """Sum the products of weights and features but for the west's into ``sums[x0:x1]``.

    Parameters
    ----------
    features : float64 (taps + 1 or more, width), from `gather_features`
    weights : float64 (taps or more,), coefficients of the tile
    taps : neighbours
    x0, x1 : first voxel of the tile in the row, and the one behind its last
    sums : float64 (width,), filled between them
    """
    for x in range(x0, x1):
        sums[at(x)] = 0.0
    for j in range(2, taps):
        weight = weights[j]
        line = features[j]
        for x in range(x0, x1):
            sums[at(x)] += weight * line[at(x)]


@kernel
def add_row(features, scales, taps, x0, x1, block, moments):  # type: ignore[no-untyped-def]
    """Fill `moments` with those of the voxels of a tile in a row; the target is feature number `taps`.

    Parameters
    ----------
    features : float64 (taps + 1 or more, width)
    scales : float64 (width,), roots of the voxels' weights
    taps, x0, x1 : as for `partial_predictions`
    block : float64 (BLOCK, n), room
    moments : float64 (n, n), upper triangle, filled; n is above `taps` and a multiple of eight
    """
    size = moments.shape[0]
    for i in range(size):
        for j in range(size):
            moments[i, j] = 0.0
    for first in range(x0, x1, BLOCK):
        for k in range(BLOCK):
            x = first + k
            scale = scales[x] if x < x1 else 0.0
            inside = min(x, x1 - 1)
            for j in range(taps + 1):
                block[k, j] = scale * features[j, inside]
        add_block(moments, block)


@kernel
def learn_row(state, moments, memory, y, taps, least, triangle, weights):  # type: ignore[no-untyped-def]
    """Let `state` fade, add `moments`, and in rows whose turn it is solve for `weights` (Cholesky, upper triangle).

    Parameters
    ----------
    state : float64 (n * (n + 1) / 2,), rows of the upper triangle of the tile's moments so far, changed
    moments : float64 (n, n), from `add_row`
    memory : share of the state that is kept, 0 to 1
    y : number of the row
    taps : neighbours
    least : of what is added to the diagonal
    triangle : float64 (n, n), room
    weights : float64 (taps or more,), coefficients, filled
    """
    size = moments.shape[0]
    trace = 0.0
    row = 0
    for i in range(taps + 1):
        of_moments = moments[i]
        for j in range(i, taps + 1):
            state[at(row + j)] = memory * state[at(row + j)] + of_moments[at(j)]
        if i < taps:
            trace += state[row + i]
        row += size - i - 1
    if memory >= LONG and y % PAUSE:
        return
    ridge = RIDGE * trace / taps + least
    row = 0
    for k in range(taps):
        line = triangle[k]
        for j in range(k, taps + 1):
            line[at(j)] = state[at(row + j)]
        row += size - k - 1
        line[k] += ridge
        for p in range(k):
            above = triangle[p]
            factor = above[k]
            for j in range(k, taps + 1):
                line[at(j)] -= factor * above[at(j)]
        inverse = 1.0 / math.sqrt(max(line[k], FLOOR))
        for j in range(k, taps + 1):
            line[at(j)] *= inverse
    for i in range(taps - 1, -1, -1):
        line = triangle[i]
        value = line[taps]
        for j in range(i + 1, taps):
            value -= line[j] * weights[j]
        weights[i] = value / line[i]
