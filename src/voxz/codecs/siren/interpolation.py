"""Values of a grid at any positions along its axes, by cubic splines or linearly, one axis after the other.

Splines pass through the samples: a recursive filter, there and back, makes coefficients of B-splines of them (Unser, Splines: A
Perfect Fit for Signal and Image Processing, 1999, box 2). At positions of samples nothing is computed. Splines mirror the samples
at the ends, linear interpolation repeats the outermost.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxz.jit import allocating_kernel, at, kernel

TAPS = 4

POLE = -0.2679491924311227
"""``sqrt(3) - 2``: how fast the influence of a sample on coefficients fades."""

HORIZON = 30
"""Samples after which it is below 1e-17."""

Positions = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
"""Positions along z, y and x, in samples of the grid from its first one."""


@dataclass(frozen=True)
class Taps:
    """Samples ``(positions, TAPS)`` along an axis, and their weights."""

    indices: NDArray[np.int64]
    weights: NDArray[np.float64]
    spline: bool = False

    @classmethod
    def cubic(cls, positions: NDArray[np.float64], length: int) -> "Taps":
        """Cubic splines."""
        low = np.floor(positions)
        if length == 1 or (positions == low).all():
            return cls.linear(low, length)
        f = positions - low
        e = 1.0 - f
        weights = np.stack([e * e * e, 4.0 - 3.0 * f * f * (2.0 - f), 4.0 - 3.0 * e * e * (2.0 - e), f * f * f], axis=1) / 6.0
        around = low.astype(np.int64)[:, None] + np.arange(-1, TAPS - 1)
        last = length - 1
        mirrored = last - np.abs(last - np.abs(around))
        return cls(np.clip(mirrored, 0, last), np.ascontiguousarray(weights), spline=True)

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
        return not self.spline and bool((self.weights[:, 2] == 0.0).all())


@kernel
def _along(source, indices, weights, target):  # type: ignore[no-untyped-def]
    """Interpolate ``(a, n, b)`` along its middle axis to ``(a, m, b)``.

    Parameters
    ----------
    source : float64 (a, n, b)
    indices : int64 (m, TAPS), samples that count for each position
    weights : float64 (m, TAPS), how much
    target : float64 (a, m, b), zeros at first, added to
    """
    for a in range(source.shape[0]):
        for m in range(indices.shape[0]):
            line = target[a, m]
            for k in range(indices.shape[1]):
                weight = weights[m, k]
                if weight != 0.0:
                    row = source[a, indices[m, k]]
                    for b in range(line.size):
                        line[at(b)] += weight * row[at(b)]


@allocating_kernel
def _coefficients(lines):  # type: ignore[no-untyped-def]
    """Turn samples ``(a, n, b)`` into coefficients of cubic B-splines along the middle axis, in place; n is at least 2."""
    count = lines.shape[1]
    for a in range(lines.shape[0]):
        first = np.zeros(lines.shape[2])
        power = 1.0
        for k in range(HORIZON):
            place = k % (2 * count - 2)
            row = lines[a, min(place, 2 * count - 2 - place)]
            for b in range(first.size):
                first[at(b)] += power * row[at(b)]
            power *= POLE
        lines[a, 0] = first
        for k in range(1, count):
            before, row = lines[a, k - 1], lines[a, k]
            for b in range(row.size):
                row[at(b)] += POLE * before[at(b)]
        before, row = lines[a, count - 2], lines[a, count - 1]
        for b in range(row.size):
            row[at(b)] = (POLE / (POLE * POLE - 1.0)) * (row[at(b)] + POLE * before[at(b)])
        for k in range(count - 2, -1, -1):
            after, row = lines[a, k + 1], lines[a, k]
            for b in range(row.size):
                row[at(b)] = POLE * (after[at(b)] - row[at(b)])
        for k in range(count):
            row = lines[a, k]
            for b in range(row.size):
                row[at(b)] *= 6.0


def along(source: NDArray[np.float64], axis: int, taps: Taps) -> NDArray[np.float64]:
    """Interpolate a grid along one axis."""
    length = len(taps.indices)
    if taps.plain:
        chosen: NDArray[np.float64] = np.take(source, taps.indices[:, 1], axis=axis)
        return chosen
    before, after = source.shape[:axis], source.shape[axis + 1 :]
    flat = np.ascontiguousarray(source).reshape(int(np.prod(before)), source.shape[axis], int(np.prod(after)))
    if taps.spline:
        flat = flat.copy()
        _coefficients(flat)
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
