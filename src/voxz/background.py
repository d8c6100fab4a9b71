"""Constant background: the zeros around a masked brain, the padding outside a CT's field of view, air clipped to 0.

Lossy codecs keep it exactly, and it does not count in the PSNR by default: a volume of mostly zeros would look better than it is.
There may be more than one constant (padding of -2000 around air at -1024), and not all volumes of a series need have it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SAMPLES = 1 << 16
COMMON = 0.01
"""Share of a brick from which on one of its most common values is background."""

MOST_CONSTANTS = 3
"""Values that may be background in a brick."""

SIDE = 3
"""Background is made of squares of this side in the slice: single voxels of its value among others are image."""


@dataclass(frozen=True)
class Constant:
    """One `value` (a sample, native byte order) and the voxels ``(series, z, y, x)`` that have it in all channels.

    Where all volumes have it at the same places, there is one volume of them in `mask`.
    """

    value: np.generic
    mask: NDArray[np.bool_]


@dataclass(frozen=True)
class Background:
    """The constants of a brick, most common first, and all their voxels ``(series, z, y, x)``."""

    constants: tuple[Constant, ...]
    mask: NDArray[np.bool_]


def find_background(samples: NDArray[np.generic]) -> Background | None:
    """Background of `samples` ``(series, z, y, x, channels)``, None without any. NaN and infinities never are background."""
    if not samples.size or samples.dtype.kind not in "iufb" or min(samples.shape[2:4]) < SIDE:
        return None
    found = [constant for value in _common(samples) if (constant := _constant(samples, value)) is not None]
    if not found:
        return None
    mask = np.zeros(samples.shape[:4], np.bool_)
    for constant in found:
        mask |= constant.mask
    return Background(tuple(found), mask)


def _common(samples: NDArray[np.generic]) -> list[np.generic]:
    """Values common enough to be background."""
    first = samples[..., 0].ravel()
    some = first[:: (first.size // SAMPLES) | 1]  # an odd stride: no power of two that would see a few columns only
    values, counts = np.unique(some, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:MOST_CONSTANTS]
    return [values[i] for i in order if counts[i] >= COMMON * some.size and np.isfinite(values[i])]


def _constant(samples: NDArray[np.generic], value: np.generic) -> Constant | None:
    each = _opened((samples == value).all(axis=4))
    always: NDArray[np.bool_] = np.logical_and.reduce(each, axis=0)[None]
    in_each, in_all = np.count_nonzero(each), len(each) * np.count_nonzero(always)
    if in_each < COMMON * each.size:
        return None
    return Constant(value, each if in_each - in_all >= COMMON * each.size else always)


def _opened(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Union of the squares of SIDE x SIDE voxels that lie inside `mask`."""
    for axis in (2, 3):
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
