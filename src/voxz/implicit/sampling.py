"""Values of a grid at any positions along its axes, by cubic convolution or linearly, one axis after the other.

Cubic convolution (Keys, Cubic Convolution Interpolation for Digital Image Processing, 1981) passes through the samples, so at the
grid's own positions it changes nothing. Beyond the edge the outermost samples go on.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxz.jit import kernel

TAPS = 4

at = np.uint64

Positions = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
"""Positions along z, y and x, in samples of the grid from its first one."""


@dataclass(frozen=True)
class Taps:
    """Samples ``(positions, TAPS)`` along an axis, and their weights."""

    indices: NDArray[np.int64]
    weights: NDArray[np.float64]

    @classmethod
    def cubic(cls, positions: NDArray[np.float64], length: int) -> "Taps":
        """Cubic convolution."""
        low = np.floor(positions)
        f = positions - low
        g = f * f
        h = g * f
        inner = 1.0 - 2.5 * g + 1.5 * h, 0.5 * f + 2.0 * g - 1.5 * h
        weights = np.stack([g - 0.5 * f - 0.5 * h, *inner, 0.5 * h - 0.5 * g], axis=1)
        return cls._of(low, weights, length)

    @classmethod
    def linear(cls, positions: NDArray[np.float64], length: int) -> "Taps":
        """Linear interpolation."""
        low = np.floor(positions)
        f = positions - low
        return cls._of(low, np.stack([0.0 * f, 1.0 - f, f, 0.0 * f], axis=1), length)

    @classmethod
    def _of(cls, low: NDArray[np.float64], weights: NDArray[np.float64], length: int) -> "Taps":
        indices = np.clip(low.astype(np.int64)[:, None] + np.arange(-1, TAPS - 1), 0, length - 1)
        return cls(indices, np.ascontiguousarray(weights))

    @property
    def plain(self) -> bool:
        """Whether every position is that of a sample."""
        return bool((np.abs(self.weights - np.array([0.0, 1.0, 0.0, 0.0])) == 0).all())


@kernel
def _along(source, indices, weights, target):  # type: ignore[no-untyped-def]
    """Interpolate ``(a, n, b)`` along its middle axis to ``(a, m, b)``."""
    for a in range(source.shape[0]):
        for m in range(indices.shape[0]):
            line = target[a, m]
            for k in range(indices.shape[1]):
                weight = weights[m, k]
                if weight != 0.0:
                    row = source[a, indices[m, k]]
                    for b in range(line.size):
                        line[at(b)] += weight * row[at(b)]


def along(source: NDArray[np.float64], axis: int, taps: Taps) -> NDArray[np.float64]:
    """Interpolate a grid along one axis."""
    length = len(taps.indices)
    if taps.plain:
        chosen: NDArray[np.float64] = np.take(source, taps.indices[:, 1], axis=axis)
        return chosen
    before, after = source.shape[:axis], source.shape[axis + 1 :]
    flat = np.ascontiguousarray(source).reshape(int(np.prod(before)), source.shape[axis], int(np.prod(after)))
    target = np.zeros((flat.shape[0], length, flat.shape[2]))
    _along(flat, taps.indices, taps.weights, target)
    return target.reshape(*before, length, *after)


def sample(grid: NDArray[np.float64], taps: tuple[Taps, Taps, Taps]) -> NDArray[np.float64]:
    """Values ``(channels, z, y, x)`` of a grid of several channels."""
    for axis, one in enumerate(taps):
        grid = along(grid, axis + 1, one)
    return grid


def halved(grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means over cubes of two samples a side; a last sample without a partner stays."""
    for axis in (1, 2, 3):
        length = grid.shape[axis]
        if length > 1:
            first = np.take(grid, np.arange(0, length, 2), axis=axis)
            second = np.take(grid, np.minimum(np.arange(1, length + 1, 2), length - 1), axis=axis)
            grid = (first + second) * 0.5
    return grid
