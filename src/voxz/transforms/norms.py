"""Norms of the synthesis functions of a transform's bands: an error of 1 in a band is one of its norm in the volume.

For separable wavelets the norm of a band is a product over the axes, of what is low after so many levels or high of one level.
Trained filters that look across are not separable; the product that is nearest to their norms is what models carry.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_LEVELS = 6

LOW_97 = (1.0, 1.0, 1.03279125, 1.05251321, 1.06481430, 1.07486023, 1.08435851)
HIGH_97 = (1.0, 0.97249524, 1.01694686, 1.04308910, 1.05732705, 1.06784831)
"""Of 9/7 along one axis: low-pass after so many levels, high-pass of a level."""

_RIDGE = 1e-3

Levels = tuple[int, int, int]
BandKey = tuple[int, int]
"""Level and orientation; the lowest band is of the coarsest level's number plus one, with orientation 0."""


@dataclass(frozen=True)
class Norms:
    """Factors along z and in plane: `low` ``(2, MOST_LEVELS + 1)``, `high` ``(2, MOST_LEVELS)``."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def of(self, level: int, orientation: int, levels: Levels) -> float:
        """Norm of a band of a pyramid with so many `levels`; of its lowest band for orientation 0."""
        product = 1.0
        for axis in range(3):
            plane = min(axis, 1)
            if orientation >> axis & 1:
                product *= float(self.high[plane, level])
            else:
                product *= float(self.low[plane, min(level + 1, levels[axis]) if orientation else levels[axis]])
        return product


NORMS_97 = Norms(np.tile(LOW_97, (2, 1)), np.tile(HIGH_97, (2, 1)))
NO_NORMS = Norms(np.ones((2, MOST_LEVELS + 1)), np.ones((2, MOST_LEVELS)))


def nearest_norms(ratios: Mapping[Levels, Mapping[BandKey, float]], known: int) -> Norms:
    """Factors nearest (least squares of logarithms) to norms that were measured on pyramids of up to `known` levels.

    `ratios` are those norms over the norms of 9/7 measured alike, which cancels what the borders of a small volume do. Deeper
    levels continue as those of 9/7 do.
    """
    rows, targets = [], []
    count = known + 1
    for levels, bands in ratios.items():
        for (level, orientation), ratio in bands.items():
            row = np.zeros(2 * (count + known))
            for axis in range(3):
                first = min(axis, 1) * (count + known)
                if orientation >> axis & 1:
                    row[first + count + level] += 1
                else:
                    row[first + (min(level + 1, levels[axis]) if orientation else levels[axis])] += 1
            rows.append(row)
            targets.append(np.log(ratio))
    keep = np.ones(2 * (count + known), bool)
    keep[[0, count + known]] = False  # nothing was split along this axis yet: a factor of 1
    matrix = np.array(rows)[:, keep]
    found = np.zeros(keep.size)
    found[keep] = np.linalg.solve(matrix.T @ matrix + _RIDGE * np.eye(matrix.shape[1]), matrix.T @ np.array(targets))
    factors = np.exp(found).reshape(2, count + known)
    low = np.concatenate([factors[:, :count], np.repeat(factors[:, count - 1 : count], MOST_LEVELS - known, 1)], 1)
    high = np.concatenate([factors[:, count:], np.repeat(factors[:, -1:], MOST_LEVELS - known, 1)], 1)
    return Norms(low * LOW_97, high * HIGH_97)
