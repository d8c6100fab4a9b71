"""Which volumes of a series predict which: chosen by measuring, not by position.

In diffusion series the best reference is a volume with a similar gradient direction, in arterial spin labelling the one
before the previous one. Each volume is reduced to fine structure (a second difference along x and y) at a regular
subsample; the first reference is the earlier volume with the highest squared correlation, the second the one that adds
most to it.
"""

import numpy as np
from numpy.typing import NDArray

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
    inner = volumes[:, :, 1:-1, 1:-1]
    if inner.size == 0:
        return np.ones((len(volumes), len(volumes)))
    step = max(1, inner[0].size // SAMPLED_VOXELS)
    coarse = max(0, int(volumes.max()).bit_length() - 16)
    fine = np.empty((len(volumes), -(-inner[0].size // step)), np.float64)
    z, y, x = np.unravel_index(np.arange(0, inner[0].size, step), inner[0].shape)
    for s, volume in enumerate(volumes):
        centre, *around = (
            volume[z, y + 1 + dy, x + 1 + dx].astype(np.int64) >> coarse for dy, dx in ((0, 0), (0, -1), (0, 1), (-1, 0), (1, 0))
        )
        fine[s] = 4 * centre - sum(around)
    products: NDArray[np.float64] = np.einsum("ik,jk->ij", fine, fine)  # not @: its threads would fight those of the bricks
    return products + np.eye(len(volumes))
