"""What errors look like, beyond their size: how often each occurs, and whether neighbours share them.

A codec that only rounds leaves errors without structure, their autocorrelation is near 0. Blur, ringing and blocks show as
values away from 0, positive for smooth errors, negative for alternating ones.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

AXES = "xyzt"

BINS = 256
"""Bins of a histogram at most, or one more: whole numbers that are further apart share them."""


def histogram_edges(low: float, high: float, whole: bool) -> NDArray[np.float64]:
    """Edges of the bins for errors of `low` to `high`: one for each whole number if they are few, else of equal width."""
    if whole:
        step = max(1, math.ceil((high - low) / BINS))
        return np.arange(low - 0.5, high + step, step)
    return np.linspace(low, high, BINS + 1) if high > low else np.array([low - 0.5, low + 0.5])


@dataclass
class Autocorrelation:
    """Sums over the errors of volume after volume ``(z, y, x, channels)``."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0
    products: dict[str, float] = field(default_factory=lambda: dict.fromkeys(AXES, 0.0))
    pairs: dict[str, int] = field(default_factory=lambda: dict.fromkeys(AXES, 0))

    def add(self, error: NDArray[Any], before: NDArray[Any] | None = None) -> None:
        """Add a volume's errors, and those of the volume `before` it."""
        e = error.astype(np.float64)
        self.count += e.size
        self.total += float(e.sum())
        self.squares += float(np.vdot(e, e))
        for name, axis in zip(AXES, (2, 1, 0), strict=False):
            moved = np.moveaxis(e, axis, 0)
            self._multiply(name, moved[1:], moved[:-1])
        if before is not None:
            self._multiply("t", e, before.astype(np.float64))

    def _multiply(self, name: str, a: NDArray[Any], b: NDArray[Any]) -> None:
        self.products[name] += float((a * b).sum())
        self.pairs[name] += a.size

    def result(self) -> dict[str, float | None]:
        """Correlation of errors one step apart along each axis that has such pairs; None where all errors are the same."""
        mean = self.total / max(1, self.count)
        variance = self.squares / max(1, self.count) - mean**2
        varies = variance > 1e-12 * max(self.squares / max(1, self.count), 1e-300)
        return {
            name: (self.products[name] / self.pairs[name] - mean**2) / variance if varies else None
            for name in AXES
            if self.pairs[name]
        }
