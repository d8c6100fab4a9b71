"""Smooth values for voxels that need not be coded, so that the edge of a mask costs nothing.

Push and pull (Gortler et al., The Lumigraph, 1996, section 3.4): means of what is known are taken over ever larger cubes, and what is
unknown gets the mean of the smallest cube around it that knows any; a few rounds of averaging over neighbours then smooth the steps
between cubes.
"""

import numpy as np
from numpy.typing import NDArray

ROUNDS = 8


def fill(volume: NDArray[np.float64], unknown: NDArray[np.bool_]) -> None:
    """Replace the `unknown` voxels of `volume` ``(z, y, x)``, in place; zeros if all are unknown."""
    if not unknown.any():
        return
    known = (~unknown).astype(np.float64)
    volume[...] = np.where(unknown, _pulled(np.where(unknown, 0.0, volume), known), volume)
    for _ in range(ROUNDS):
        volume[...] = np.where(unknown, _mean_of_faces(volume), volume)


def _pulled(sums: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means of ``sums / weights``, filled where the weights are zero."""
    means = sums / np.maximum(weights, 1e-300)
    if (weights > 0).all() or max(sums.shape) == 1:
        return means
    coarse = _pulled(_halved(sums), _halved(weights))
    places = [np.arange(n) // 2 for n in sums.shape]
    return np.where(weights > 0, means, coarse[np.ix_(*places)])


def _halved(volume: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums over cubes of two voxels a side."""
    for axis in range(3):
        if volume.shape[axis] % 2:
            end = list(volume.shape)
            end[axis] = 1
            volume = np.concatenate([volume, np.zeros(end)], axis=axis)
        pairs = np.moveaxis(volume, axis, 0)
        volume = np.moveaxis(pairs[0::2] + pairs[1::2], 0, axis)
    return volume


def _mean_of_faces(volume: NDArray[np.float64]) -> NDArray[np.float64]:
    total = np.zeros_like(volume)
    for axis in range(3):
        moved, target = np.moveaxis(volume, axis, 0), np.moveaxis(total, axis, 0)
        target[1:] += moved[:-1]
        target[:1] += moved[:1]
        target[:-1] += moved[1:]
        target[-1:] += moved[-1:]
    return total / 6
