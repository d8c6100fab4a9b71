"""Smooth values for voxels that need not be coded, so that the edge of a mask costs nothing.

Push and pull (Gortler et al., The Lumigraph, 1996, section 3.4): means of what is known are taken over ever larger cubes, and
what is unknown gets the mean of the smallest cube around it that knows any; a few rounds of averaging over neighbours then
smooth the steps between cubes.
"""

import numpy as np
from numpy.typing import NDArray

from voxz.jit import kernel

ROUNDS = 8


@kernel
def _push(values, known, coarse, coarse_known):  # type: ignore[no-untyped-def]
    """Sum up voxels over cubes of two voxels a side.

    Parameters
    ----------
    values : float32 or float64 (z, y, x)
    known : float64 (z, y, x), voxels behind each value; 0 where it is unknown
    coarse, coarse_known : float64, half as long, rounded up; zeros at first, added to
    """
    for z in range(values.shape[0]):
        for y in range(values.shape[1]):
            for x in range(values.shape[2]):
                if known[z, y, x] > 0.0:
                    coarse[z >> 1, y >> 1, x >> 1] += values[z, y, x]
                    coarse_known[z >> 1, y >> 1, x >> 1] += known[z, y, x]


@kernel
def _pull(values, known, coarse):  # type: ignore[no-untyped-def]
    """Turn sums into means, and take those of the `coarse` cubes where nothing is known.

    Parameters
    ----------
    values : float32 or float64 (z, y, x), sums, changed
    known : float64 (z, y, x), voxels behind each sum
    coarse : float64, half as long, rounded up: means over cubes
    """
    for z in range(values.shape[0]):
        for y in range(values.shape[1]):
            for x in range(values.shape[2]):
                if known[z, y, x] > 0.0:
                    values[z, y, x] /= known[z, y, x]
                else:
                    values[z, y, x] = coarse[z >> 1, y >> 1, x >> 1]


@kernel
def _smooth(values, unknown):  # type: ignore[no-untyped-def]
    """One round of averaging over the face neighbours, in place.

    Parameters
    ----------
    values : float32 or float64 (z, y, x), changed
    unknown : int64 (voxels,), flat indices of those that are averaged
    """
    depth, height, width = values.shape
    for k in range(unknown.size):
        place = unknown[k]
        z, y, x = place // (height * width), place // width % height, place % width
        total = values[max(z - 1, 0), y, x] + values[min(z + 1, depth - 1), y, x]
        total += values[z, max(y - 1, 0), x] + values[z, min(y + 1, height - 1), x]
        total += values[z, y, max(x - 1, 0)] + values[z, y, min(x + 1, width - 1)]
        values[z, y, x] = total / 6.0


def fill(volume: NDArray[np.floating], unknown: NDArray[np.bool_], rounds: int = ROUNDS) -> None:
    """Replace the `unknown` voxels of `volume` ``(z, y, x)``, in place; zeros if all are unknown."""
    if not unknown.any():
        return
    _fill_cubes(volume, (~unknown).astype(np.float64))
    places = np.flatnonzero(unknown)
    for _ in range(rounds):
        _smooth(volume, places)


def _fill_cubes(values: NDArray[np.floating], known: NDArray[np.float64]) -> None:
    """Turn sums into means, filled where none are known."""
    shape = tuple(-(-n // 2) for n in values.shape)
    coarse = np.zeros(shape)
    if not (known > 0).all() and max(values.shape) > 1:
        coarse_known = np.zeros(shape)
        _push(values, known, coarse, coarse_known)
        _fill_cubes(coarse, coarse_known)
    _pull(values, known, coarse)
