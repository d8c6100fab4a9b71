"""Norms of the synthesis functions of a transform's bands: an error of 1 in a band is one of its norm in the volume.

For separable wavelets the norm of a band is a product over the axes, of what is low after so many scales or high of one scale.
Trained filters that look across are not separable: a model carries the norms of its bands in a table.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_SCALES = 6

LOW_97 = (1.0, 1.0, 1.03279125, 1.05251321, 1.06481430, 1.07486023, 1.08435851)
HIGH_97 = (1.0, 0.97249524, 1.01694686, 1.04308910, 1.05732705, 1.06784831)
"""Of 9/7 along one axis: the low-pass, by the number of scales, and the high-pass, by scale."""

LOW_53 = (1.0, 1.22474487, 1.65831240, 2.31840462, 3.26917421, 4.61992965, 6.53237132)
HIGH_53 = (0.84779125, 0.96014322, 1.25934010, 1.74441072, 2.45387130, 3.46565177)
"""Of 5/3, whose halves are not scaled."""

Scales = tuple[int, int, int]
BandKey = tuple[int, int]
"""Scale and orientation; the lowest band has the number of scales and orientation 0."""

TABLE = (MOST_SCALES + 1, MOST_SCALES + 1, 8)
"""Shape of a table: scales along z, scale, orientation."""


@dataclass(frozen=True)
class Norms:
    """Norms in a table, for volumes that are split equally often along x and y."""

    table: NDArray[np.float64]

    def of(self, scale: int, orientation: int, scales: Scales) -> float:
        """Norm of a band of a pyramid with so many `scales`; of its lowest band for orientation 0."""
        return float(self.table[scales[0], scale, orientation])


@dataclass(frozen=True)
class SeparableNorms:
    """Norms of 9/7, whatever the scales; along z of what `low_z` and `high_z` are of."""

    low_z: tuple[float, ...] = LOW_97
    high_z: tuple[float, ...] = HIGH_97

    def of(self, scale: int, orientation: int, scales: Scales) -> float:
        """Norm of a band."""
        product = 1.0
        for axis in range(3):
            low, high = (LOW_97, HIGH_97) if axis else (self.low_z, self.high_z)
            if orientation >> axis & 1:
                product *= high[scale]
            else:
                product *= low[min(scale + 1, scales[axis]) if orientation else scales[axis]]
        return product


@dataclass(frozen=True)
class NoNorms:
    """Of coefficients that are not quantised."""

    def of(self, scale: int, orientation: int, scales: Scales) -> float:
        """1 for every band."""
        del scale, orientation, scales
        return 1.0


NORMS_97, NORMS_MOVED, NO_NORMS = SeparableNorms(), SeparableNorms(LOW_53, HIGH_53), NoNorms()

AnyNorms = Norms | SeparableNorms | NoNorms


def table_of(ratios: Mapping[Scales, Mapping[BandKey, float]], known: int) -> Norms:
    """Norms from `ratios` to those of 9/7 that were measured with 0, 1, ... scales along z and `known` in plane.

    Measured alike, both see the borders of a small volume. Deeper scales continue as those of 9/7 do.
    """
    table = np.ones(TABLE)
    deepest = max(scales[0] for scales in ratios)
    for along_z in range(MOST_SCALES + 1):
        found = ratios[min(along_z, deepest), known, known]
        for scale in range(MOST_SCALES + 1):
            for orientation in range(8):
                if (orientation and scale == MOST_SCALES) or (orientation & 1 and scale >= along_z):
                    continue
                key = (scale, orientation) if orientation else (known, 0)
                ratio = found.get(key) or found.get((known - 1, orientation & 6 or 1)) or found[known - 1, 2]
                scales = (along_z, scale, scale) if not orientation else (along_z, MOST_SCALES, MOST_SCALES)
                table[along_z, scale, orientation] = ratio * NORMS_97.of(scale, orientation, scales)
    return Norms(table)
