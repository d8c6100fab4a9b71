"""Second moments of features and error, by class, of every so many samples: what `voxz.transforms.wiener` fits filters to.

Kernels that know the features ask for each sample whether it is `taken`, fill the next row of its class, and say so by `added`.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.jit import inlined_kernel
from voxz.numerics.least_squares import BLOCK, add_block, add_rest

SAMPLED_OF_CLASS = 8000
"""Samples of each class that are looked at."""


class Moments(NamedTuple):
    """Moments of classes, of which there may be several groups.

    Attributes
    ----------
    strides : int64 (..., classes), of every so many samples of a class one is taken
    left : int64 (..., classes), samples up to the next that is taken
    blocks : float64 (..., classes, BLOCK, n), rows that are not in the sums yet: features, error and, up to whole vectors, zeros
    filled : int64 (..., classes), their number
    sums : float64 (..., classes, n, n), upper triangles
    """

    strides: NDArray[np.int64]
    left: NDArray[np.int64]
    blocks: NDArray[np.float64]
    filled: NDArray[np.int64]
    sums: NDArray[np.float64]

    @classmethod
    def of(cls, counts: NDArray[np.int64], taps: int) -> "Moments":
        """No moments yet, of classes with so many samples each."""
        strides, size = np.maximum(1, counts // SAMPLED_OF_CLASS), (taps + 8) // 8 * 8
        blocks, sums = np.zeros((*counts.shape, BLOCK, size)), np.zeros((*counts.shape, size, size))
        return cls(strides, strides.copy(), blocks, np.zeros_like(counts), sums)

    def group(self, number: int) -> "Moments":
        """Those of a group of classes."""
        return Moments(*(part[number] for part in self))

    def finished(self) -> NDArray[np.float64]:
        """The sums, with the rows that were left ``(all classes, n, n)``."""
        for place in np.ndindex(self.filled.shape):
            add_rest(self.sums[place], self.blocks[place], self.filled[place])
        return self.sums.reshape(-1, *self.sums.shape[-2:])


@inlined_kernel
def taken(moments, group):  # type: ignore[no-untyped-def]
    """Whether the next sample of a class is looked at."""
    moments.left[group] -= 1
    if moments.left[group]:
        return False
    moments.left[group] = moments.strides[group]
    return True


@inlined_kernel
def added(moments, group):  # type: ignore[no-untyped-def]
    """Count the next row of a class, which was filled."""
    moments.filled[group] += 1
    if moments.filled[group] == BLOCK:
        add_block(moments.sums[group], moments.blocks[group])
        moments.filled[group] = 0
