"""Norms of the synthesis functions of a transform's bands: an error of 1 in a band is one of its norm in the volume.

For separable wavelets the norm of a band is a product over the axes, of what is low after so many levels or high of one level.
Trained filters that look across are not separable: a model carries the norms of its bands in a table.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_LEVELS = 6

LOW_97 = (1.0, 1.0, 1.03279125, 1.05251321, 1.06481430, 1.07486023, 1.08435851)
HIGH_97 = (1.0, 0.97249524, 1.01694686, 1.04308910, 1.05732705, 1.06784831)
"""Of 9/7 along one axis: low-pass after so many levels, high-pass of a level."""

Levels = tuple[int, int, int]
BandKey = tuple[int, int]
"""Level and orientation; the lowest band has the number of levels and orientation 0."""

TABLE = (MOST_LEVELS + 1, MOST_LEVELS + 1, 8)
"""Shape of a table: levels along z, level, orientation."""


@dataclass(frozen=True)
class Norms:
    """Norms in a table, for volumes that are split equally often along x and y."""

    table: NDArray[np.float64]

    def of(self, level: int, orientation: int, levels: Levels) -> float:
        """Norm of a band of a pyramid with so many `levels`; of its lowest band for orientation 0."""
        return float(self.table[levels[0], level, orientation])


@dataclass(frozen=True)
class SeparableNorms:
    """Norms of 9/7, whatever the levels."""

    def of(self, level: int, orientation: int, levels: Levels) -> float:
        """Norm of a band."""
        product = 1.0
        for axis in range(3):
            if orientation >> axis & 1:
                product *= HIGH_97[level]
            else:
                product *= LOW_97[min(level + 1, levels[axis]) if orientation else levels[axis]]
        return product


@dataclass(frozen=True)
class NoNorms:
    """Of coefficients that are not quantised."""

    def of(self, level: int, orientation: int, levels: Levels) -> float:
        """1 for every band."""
        del level, orientation, levels
        return 1.0


NORMS_97, NO_NORMS = SeparableNorms(), NoNorms()

AnyNorms = Norms | SeparableNorms | NoNorms


def table_of(ratios: Mapping[Levels, Mapping[BandKey, float]], known: int) -> Norms:
    """Norms from `ratios` to those of 9/7 that were measured with 0, 1, ... levels along z and `known` in plane.

    Measured alike, both see the borders of a small volume. Deeper levels continue as those of 9/7 do.
    """
    table = np.ones(TABLE)
    deepest = max(levels[0] for levels in ratios)
    for along_z in range(MOST_LEVELS + 1):
        found = ratios[min(along_z, deepest), known, known]
        for level in range(MOST_LEVELS + 1):
            for orientation in range(8):
                if (orientation and level == MOST_LEVELS) or (orientation & 1 and level >= along_z):
                    continue
                key = (level, orientation) if orientation else (known, 0)
                ratio = found.get(key) or found.get((known - 1, orientation & 6 or 1)) or found[known - 1, 2]
                levels = (along_z, level, level) if not orientation else (along_z, MOST_LEVELS, MOST_LEVELS)
                table[along_z, level, orientation] = ratio * NORMS_97.of(level, orientation, levels)
    return Norms(table)
