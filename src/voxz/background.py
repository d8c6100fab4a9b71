"""Constant background: the zeros around a masked brain, the padding outside a CT's field of view, air clipped to 0.

Lossy codecs keep it exactly, and it does not count in the PSNR by default: a volume of mostly zeros would look better than it is.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SAMPLES = 1 << 16
COMMON = 0.01
"""Share of a brick from which on its most common value is background."""

SIDES = (3, 5, 8, 12, 20, 32)
"""Background is made of squares of one of these sides in the slice: single voxels of its value among others are image."""

RAGGED = (0.17, 0.3)
"""Changes between background and image, along all axes, that there may be per voxel of background: the smallest squares that
have no more are taken, of those within the first limit if there are any. Noise that is clipped at 0 makes small squares of zeros
everywhere; to say where they are costs up to a bit a voxel."""


@dataclass(frozen=True)
class Background:
    """A `value` (one sample, native byte order) and the voxels ``(z, y, x)`` that have it in all volumes and channels."""

    value: np.generic
    mask: NDArray[np.bool_]


def find_background(samples: NDArray[np.generic]) -> Background | None:
    """Background of `samples` ``(series, z, y, x, channels)``, None without any. NaN and infinities never are background."""
    if not samples.size or samples.dtype.kind not in "iufb" or min(samples.shape[2:4]) < SIDES[0]:
        return None
    first = samples[0, ..., 0].ravel()
    some = first[:: max(1, first.size // SAMPLES)]
    values, counts = np.unique(some, return_counts=True)
    value = values[int(np.argmax(counts))]
    if counts.max() < COMMON * some.size or not np.isfinite(value):
        return None
    everywhere = (samples == value).all(axis=(0, 4))
    second = None
    for side in SIDES:
        mask = _opened(everywhere, side)
        count = np.count_nonzero(mask)
        if count < COMMON * mask.size:
            break
        changes = _changes(mask)
        if changes <= RAGGED[0] * count:
            return Background(value, mask)
        if second is None and changes <= RAGGED[1] * count:
            second = Background(value, mask)
    return second


def _changes(mask: NDArray[np.bool_]) -> int:
    """How many neighbours along the three axes differ."""
    return sum(int(np.count_nonzero(_part(mask, axis, 1, None) != _part(mask, axis, 0, -1))) for axis in range(3))


def _opened(mask: NDArray[np.bool_], side: int) -> NDArray[np.bool_]:
    """Union of the squares of `side` x `side` voxels that lie inside `mask`."""
    if min(mask.shape[1:]) < side:
        return np.zeros_like(mask)
    for axis in (1, 2):
        mask = _spread(_runs(mask, axis, side), axis, side)
    return mask


def _runs(mask: NDArray[np.bool_], axis: int, side: int) -> NDArray[np.bool_]:
    """Where runs of `side` voxels begin along an axis."""
    length = 1
    while length < side:
        shift = min(length, side - length)
        mask = _part(mask, axis, 0, -shift) & _part(mask, axis, shift, None)
        length += shift
    return mask


def _spread(runs: NDArray[np.bool_], axis: int, side: int) -> NDArray[np.bool_]:
    """Inverse of `_runs`: all voxels of the runs."""
    length = 1
    while length < side:
        shift = min(length, side - length)
        shape = list(runs.shape)
        shape[axis] += shift
        spread = np.zeros(shape, np.bool_)
        _part(spread, axis, 0, -shift)[...] = runs
        _part(spread, axis, shift, None)[...] |= runs
        runs, length = spread, length + shift
    return runs


def _part(mask: NDArray[np.bool_], axis: int, start: int, stop: int | None) -> NDArray[np.bool_]:
    return mask[(slice(None),) * axis + (slice(start, stop),)]
