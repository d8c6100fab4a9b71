"""Constant background: the zeros around a masked brain, the padding outside a CT's field of view, air clipped to 0.

Lossy codecs keep it exactly, and it does not count in the PSNR by default: a volume of mostly zeros would look better than it is.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SAMPLES = 1 << 16
COMMON = 0.01
"""Share of a brick from which on its most common value is background."""

SIDE = 3
"""Background is made of squares of this side in the slice: single voxels of its value among others are image."""


@dataclass(frozen=True)
class Background:
    """A `value` (one sample, native byte order) and the voxels ``(z, y, x)`` that have it in all volumes and channels."""

    value: np.generic
    mask: NDArray[np.bool_]


def find_background(samples: NDArray[np.generic]) -> Background | None:
    """Background of `samples` ``(series, z, y, x, channels)``, None without any. NaN and infinities never are background."""
    if not samples.size or samples.dtype.kind not in "iufb" or min(samples.shape[2:4]) < SIDE:
        return None
    first = samples[0, ..., 0].ravel()
    some = first[:: max(1, first.size // SAMPLES)]
    values, counts = np.unique(some, return_counts=True)
    value = values[int(np.argmax(counts))]
    if counts.max() < COMMON * some.size or not np.isfinite(value):
        return None
    mask = _opened((samples == value).all(axis=(0, 4)))
    return Background(value, mask) if np.count_nonzero(mask) >= COMMON * mask.size else None


def _opened(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Union of the squares of SIDE x SIDE voxels that lie inside `mask`."""
    for axis in (1, 2):
        length = mask.shape[axis] - SIDE + 1
        runs = np.logical_and.reduce([_part(mask, axis, i, length) for i in range(SIDE)])
        mask = _spread(runs, axis, mask.shape[axis])
    return mask


def _part(mask: NDArray[np.bool_], axis: int, start: int, length: int) -> NDArray[np.bool_]:
    return mask[(slice(None),) * axis + (slice(start, start + length),)]


def _spread(runs: NDArray[np.bool_], axis: int, size: int) -> NDArray[np.bool_]:
    """Inverse of the erosion along one axis."""
    shape = list(runs.shape)
    shape[axis] = size
    spread = np.zeros(shape, np.bool_)
    for i in range(SIDE):
        _part(spread, axis, i, runs.shape[axis])[...] |= runs
    return spread
