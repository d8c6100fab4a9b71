"""Is this a map? A cheap test that chooses the codec of a brick; it needs no kernels."""

import numpy as np
from numpy.typing import NDArray

SIZES = (1, 2, 4, 8)
"""Bytes of the samples that can be taken for a map."""

SLICES = 12
"""Slices of a brick that are looked at, about."""

SURE, DOUBTFUL = 0.12, 0.3
"""Shares of surprising voxels below which a brick is surely a map, or may be one: maps have 0.02 to 0.1, images 0.4 to 0.95,
and images that are mostly constant background 0.15 and more."""


def surprise(samples: NDArray[np.generic]) -> float:
    """Share of surprising voxels in ``(series, z, y, x, channels)``: 0 to 1, and 1 where a brick is too narrow to tell.

    Of the voxels that are not inside a constant region, those are surprising that equal none of their neighbours west, north,
    north-west and north-east. In a map the boundaries of regions continue from row to row; noise does not. Constant
    background does not count: a masked image is no map.
    """
    surprising, rough = surprises(samples)
    return surprising / max(1, rough)


def surprises(samples: NDArray[np.generic]) -> tuple[int, int]:
    """Numbers of surprising voxels and of those that are not inside a constant region; 1 and 1 where a brick is too narrow."""
    if samples.size == 0 or samples.shape[2] < 2 or samples.shape[3] < 3 or samples.dtype.itemsize not in SIZES:
        return 1, 1
    slices = np.moveaxis(samples, 4, 1).reshape(-1, *samples.shape[2:4])
    step = -(-len(slices) // SLICES)
    v = slices[len(slices) // 2 % step :: step]
    v = v.view(f"u{v.dtype.itemsize}")
    here, west, north = v[:, 1:, 1:-1], v[:, 1:, :-2], v[:, :-1, 1:-1]
    equals = [here == other for other in (west, north, v[:, :-1, :-2], v[:, :-1, 2:])]
    rough = here.size - int(np.count_nonzero(np.logical_and.reduce(equals)))
    return here.size - int(np.count_nonzero(np.logical_or.reduce(equals))), rough


def suits(samples: NDArray[np.generic]) -> bool:
    """Whether a brick looks like a map, perhaps one of many small regions."""
    return surprise(samples) < DOUBTFUL
