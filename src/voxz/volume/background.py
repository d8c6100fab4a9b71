"""Constant background: the zeros around a masked brain, the padding outside a CT's field of view, air clipped to 0.

Lossy codecs keep it exactly, and it does not count in the PSNR by default: a volume of mostly zeros would look better than it is.
There may be more than one constant (padding of -2000 around air at -1024), and not all volumes of a series need have it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SAMPLED = 1 << 16
"""Samples of a volume among which its most common values are looked for."""

COMMON = 0.01
"""Share of a brick from which on one of its most common values is background."""

MOST_CONSTANTS = 3
"""Values that may be background in a brick."""

SIDES = (3, 5, 8, 12, 20, 32)
"""Background is made of squares of one of these sides in the slice: single voxels of its value among others are image."""

RAGGED = (0.17, 0.3)
"""Changes between background and image, along all axes, that there may be per voxel of background: the smallest squares that
have no more are taken, of those within the first limit if there are any. Noise that is clipped at 0 makes small squares of zeros
everywhere; to say where they are costs up to a bit a voxel."""


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
    if not samples.size or samples.dtype.kind not in "iufb" or min(samples.shape[2:4]) < SIDES[0]:
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
    some = first[:: (first.size // SAMPLED) | 1]  # an odd stride: no power of two that would see a few columns only
    values, counts = np.unique(some, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:MOST_CONSTANTS]
    return [values[i] for i in order if counts[i] >= COMMON * some.size and np.isfinite(values[i])]


def _constant(samples: NDArray[np.generic], value: np.generic) -> Constant | None:
    """Where `value` is background: in each volume, if that is notably more than what is background in all."""
    each = (samples == value).all(axis=4)
    always = _solid(np.logical_and.reduce(each, axis=0)[None])
    if len(each) > 1:
        in_all = 0 if always is None else len(each) * np.count_nonzero(always)
        varying = _solid(each)
        if varying is not None and np.count_nonzero(varying) - in_all >= COMMON * each.size:
            return Constant(value, varying)
    return None if always is None else Constant(value, always)


def _solid(where: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """The part of `where` ``(series, z, y, x)`` that is made of squares and not ragged; None if that is not common."""
    second = None
    for side in SIDES:
        mask = _opened(where, side)
        count = np.count_nonzero(mask)
        if count < COMMON * mask.size:
            break
        changes = _changes(mask)
        if changes <= RAGGED[0] * count:
            return mask
        if second is None and changes <= RAGGED[1] * count:
            second = mask
    return second


def _changes(mask: NDArray[np.bool_]) -> int:
    """How many neighbours along z, y and x differ."""
    return sum(int(np.count_nonzero(_part(mask, axis, 1, None) != _part(mask, axis, 0, -1))) for axis in (1, 2, 3))


def _opened(mask: NDArray[np.bool_], side: int) -> NDArray[np.bool_]:
    """Union of the squares of `side` x `side` voxels that lie inside `mask`."""
    if min(mask.shape[2:]) < side:
        return np.zeros_like(mask)
    for axis in (2, 3):
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
