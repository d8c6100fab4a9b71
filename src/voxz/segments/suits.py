"""Is this a map, and do its rows repeat? Cheap tests that choose how a brick is coded."""

import numpy as np
from numpy.typing import NDArray

from voxz.segments.neighbourhood import BOTTOM, LEFT, TOP

SLICES = 12
"""About so many slices of a brick are looked at."""

SURE, DOUBTFUL = 0.12, 0.3
"""Shares of surprising voxels below which a brick is surely a map, or may be one: maps have 0.02 to 0.1, images 0.4 to 0.95,
and images that are mostly constant background 0.15 and more."""

REPEATS = 0.5
"""Share of repeated rows from which it is worth asking for each of them."""


def surprise(samples: NDArray[np.generic]) -> float:
    """Share of surprising voxels in ``(series, z, y, x, channels)``: 0 to 1, and 1 where a brick is too narrow to tell.

    Of the voxels that are not inside a constant region, those are surprising that equal none of their neighbours west, north,
    north-west and north-east. In a map the boundaries of regions continue from row to row; noise does not. Constant
    background does not count, so it makes no map of a masked image.
    """
    slices = np.moveaxis(samples, 4, 1).reshape(-1, *samples.shape[2:4])
    if slices.size == 0 or slices.shape[1] < 2 or slices.shape[2] < 3:
        return 1.0
    step = -(-len(slices) // SLICES)
    v = slices[len(slices) // 2 % step :: step]
    v = v.view(f"u{v.dtype.itemsize}")
    here, west, north = v[:, 1:, 1:-1], v[:, 1:, :-2], v[:, :-1, 1:-1]
    equals = [here == other for other in (west, north, v[:, :-1, :-2], v[:, :-1, 2:])]
    rough = here.size - int(np.count_nonzero(np.logical_and.reduce(equals)))
    surprising = here.size - int(np.count_nonzero(np.logical_or.reduce(equals)))
    return surprising / max(1, rough)


def suits(samples: NDArray[np.generic]) -> bool:
    """Whether a brick looks like a map, perhaps one of many small regions."""
    return surprise(samples) < DOUBTFUL


def repeats_rows(ids: NDArray[np.int32], sizes: NDArray[np.int64]) -> bool:
    """Whether most rows with more than one id repeat that of the previous slice or, from volume 1 on, of the previous volume.

    Maps that were enlarged without interpolation do, and series of masks of something that does not move.
    """
    series, depth, height, width = (int(n) for n in sizes)
    padded = ids.reshape(series, depth, height + TOP + BOTTOM, width + 2 * LEFT)
    rows = padded[:, :, TOP : TOP + height, LEFT : LEFT + width]
    mixed = (rows[..., 1:] != rows[..., :-1]).any(axis=-1)
    repeated = np.zeros_like(mixed)
    repeated[0, 1:] = (rows[0, 1:] == rows[0, :-1]).all(axis=-1)
    repeated[1:] = (rows[1:] == rows[:-1]).all(axis=-1)
    mixed[0, 0] = False
    return bool(np.count_nonzero(repeated & mixed) > REPEATS * np.count_nonzero(mixed))
