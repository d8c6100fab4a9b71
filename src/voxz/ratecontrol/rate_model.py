"""What a step will cost, guessed from second differences: how the whole of a volume compares with small parts of it.

A sample whose second difference along x is r, scaled to the noise it is made of, is taken to need
``log2(1 + (k r / step)**2) / 2`` bits, as Gaussian noise does at high rates, and to be coded with a squared error of
``step**2 / 12``, or of ``r**2`` where that is less (reverse water-filling). Neither is right, but what whole and parts have in
common cancels in their ratio.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.volume.background import find_background

SAMPLED = 1 << 18
"""Samples that are looked at, in whole slices."""

GAUSSIAN = 6.7
"""The k above: ``sqrt(2 pi e)``, twice for the two quantisers of a trellis, less what low rates save."""


@dataclass(frozen=True)
class Outlook:
    """Squared second differences of some samples, and of those among them that are not background."""

    every: NDArray[np.float64]
    counted: NDArray[np.float64]

    @classmethod
    def of(cls, bricks: Iterable[NDArray[Any]], count_background: bool) -> "Outlook":
        """Look at slices of bricks ``(series, z, y, x, channels)``, at equal distances."""
        bricks = list(bricks)
        apart = max(1, sum(brick.size for brick in bricks) // SAMPLED)
        every, counted = [np.zeros(0)], [np.zeros(0)]
        for brick in bricks:
            slices = brick.reshape(1, -1, *brick.shape[2:])[:, :: min(apart, max(1, brick.shape[0] * brick.shape[1]))]
            values = slices.astype(np.float64)
            values[~np.isfinite(values)] = 0.0
            squares = np.square(np.diff(values, 2, axis=3)) / 6
            background = None if count_background else find_background(slices)
            every.append(squares.ravel())
            counted.append(squares.ravel() if background is None else squares[~background.mask[..., 1:-1]].ravel())
        return cls(np.concatenate(every), np.concatenate(counted))

    def bits(self, step: float) -> float:
        """Bits per sample."""
        return float(np.log2(1 + self.every * (GAUSSIAN / step) ** 2).mean()) / 2 if self.every.size else 0.0

    def square(self, step: float) -> float:
        """Mean squared error of what is not background."""
        return float(np.minimum(self.counted, step**2 / 12).mean()) if self.counted.size else 0.0


def ratio(whole: float, part: float) -> float:
    """How the whole compares with a part; 1 where nothing is known."""
    return min(max(whole / part, 0.1), 10.0) if whole > 0 and part > 0 else 1.0
