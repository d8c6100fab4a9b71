"""Which volumes of a series predict which: chosen by measuring, not by position.

In diffusion series the best reference is a volume with a similar gradient direction, in arterial spin labelling the one
before the previous one. Each volume is reduced to fine structure (a second difference along x and y) at a regular
subsample; the first reference is the earlier volume with the highest squared correlation, the second the one that adds
most to it.
"""

import numpy as np
from numpy.typing import NDArray

from voxz.jit import kernel

SAMPLED_VOXELS = 6_000
"""Voxels of each volume, evenly spaced, by which volumes are compared."""

WINDOW = 512
"""Series of more than twice this many volumes are cut into stretches of this many, each of which looks back as far. So memory and
time are bounded by the square of this."""


def choose_references(volumes: NDArray[np.int32]) -> NDArray[np.int64]:
    """Two earlier volumes for each volume of ``(series, z, y, x)``; the first row is zeros."""
    series = len(volumes)
    references = np.zeros((series, 2), np.int64)
    if series <= 2:
        return references
    part = series if series <= 2 * WINDOW else WINDOW
    for first in range(0, series, part):
        back = max(0, first - WINDOW)
        covariance = _covariance(volumes[back : first + part])
        for s in range(max(1, first), min(first + part, series)):
            references[s] = np.add(_two_best(covariance, s - back), back)
    return references


def _two_best(covariance: NDArray[np.float64], s: int) -> tuple[int, int]:
    """The volumes before `s` that together explain it best."""
    cross, own = covariance[s, :s], np.diag(covariance)[:s]
    first = int(np.argmax(cross**2 / own))
    with_first = covariance[first, :s]
    left = np.maximum(own - with_first**2 / own[first], 1e-6 * own)
    added = (cross - with_first * cross[first] / own[first]) ** 2 / left
    added[first] = -1.0
    return first, int(np.argmax(added)) if s > 1 else first


def _covariance(volumes: NDArray[np.int32]) -> NDArray[np.float64]:
    """Sums of products of the fine structure of all pairs of volumes (whole numbers, so exact in any order)."""
    series, depth, height, width = volumes.shape
    inner = depth * (height - 2) * (width - 2)
    if min(height, width) <= 2 or not depth:
        return np.ones((series, series))
    step = max(1, inner // SAMPLED_VOXELS)
    coarse = max(0, int(volumes.max()).bit_length() - 16)
    fine = np.empty((series, -(-inner // step)), np.float64)
    _fine_structure(volumes, step, coarse, fine)
    products: NDArray[np.float64] = np.einsum("ik,jk->ij", fine, fine)  # not @: its threads would fight those of the bricks
    return products + np.eye(series)


@kernel
def _fine_structure(volumes, step, coarse, fine):  # type: ignore[no-untyped-def]
    """Second differences along x and y of some voxels that do not lie on the border of a slice.

    Parameters
    ----------
    volumes : int32 (series, z, y, x)
    step : one voxel in so many is taken, 1 or more
    coarse : low bits that samples lose
    fine : float64 (series, voxels), filled
    """
    height, width = volumes.shape[2] - 2, volumes.shape[3] - 2
    for s in range(fine.shape[0]):
        for k in range(fine.shape[1]):
            row = k * step // width
            x, y, z = k * step - row * width + 1, row % height + 1, row // height
            centre = np.int64(volumes[s, z, y, x]) >> coarse
            beside = (np.int64(volumes[s, z, y, x - 1]) >> coarse) + (np.int64(volumes[s, z, y, x + 1]) >> coarse)
            above = (np.int64(volumes[s, z, y - 1, x]) >> coarse) + (np.int64(volumes[s, z, y + 1, x]) >> coarse)
            fine[s, k] = float(4 * centre - beside - above)
