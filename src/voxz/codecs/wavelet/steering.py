"""Bringing a brick near a number of bytes while its bands are coded: what a bit is worth follows what is left to spend.

Bits of each band are guessed from its coefficients ahead. After each band, those of the bands to come are reckoned from the
guesses and from what bands took that were coded; where too many bits are left, or too few, a bit is taken to be worth less
squared error, or more, in the next one. Within the limits here this moves a brick by 3 to 14 %, for 0.2 to 0.7 % more bytes at
equal error, where another step would mean coding it anew. Decoders see nothing of it.
"""

import math

import numpy as np
from numpy.typing import NDArray

from voxz.transforms.pyramid import Band, Pyramid

LEAST, MOST = 0.4, 1.6
"""Limits of the factor by which the worth of a bit changes."""

MAGNIFIED, TYPICAL = 4.0, 1.5
"""A coefficient c is guessed to take ``b log2(1 + (k c / step)**4) / 4`` bits, with this k and b ..."""

SPARSE = 0.12
"""... and a band of `n` bits a coefficient ``n / (n + this)`` of them."""

TRUST = 1.0
"""Weight of what the whole brick is to take, as if so much of it had been coded already and taken just that."""

ELASTIC, MOST_ELASTIC = 0.16, 0.3
"""Doublings of the bits for a halving of the worth of a bit: the first over the bits a coefficient, the second at most. Measured
on three volumes at 0.2 to 2.3 bits."""

UNSURE = 0.004
"""Share by which bits may be off without anything being done."""

_DROPPED = 19
_MIDDLES = np.fmin(
    ((np.arange(1 << (31 - _DROPPED), dtype=np.uint32) << _DROPPED) + (1 << (_DROPPED - 1))).view(np.float32), np.float32(1e30)
).astype(np.float64)
"""Magnitudes of what is counted together: singles that have all but their low bits in common."""


class Steering:
    """Chooses the worth of a bit, band by band, so that all take about so many `bits`."""

    def __init__(self, components: NDArray[np.float64], pyramid: Pyramid, step: float, bits: float) -> None:
        costs = TYPICAL * np.log2(np.hypot(1, (MAGNIFIED / step * _MIDDLES) ** 2)) / 2
        self._guesses = {
            (number, band.scale, band.orientation): _guess(volume[band.box], band.norm, costs)
            for number, volume in enumerate(components)
            for band in pyramid.bands()
        }
        total = sum(self._guesses.values())
        self._left, self._coefficients = bits, int(components.size)
        self._guessed, self._taken = TRUST * total, TRUST * bits
        self._ahead = total

    def factor(self) -> float:
        """By what the worth of a bit is to be multiplied in the bands to come."""
        expected = self._ahead * self._taken / self._guessed if self._guessed else 0.0
        if expected <= 0 or self._left <= 0 or abs(self._left / expected - 1) < UNSURE:
            return 1.0
        return float(min(max((self._left / expected) ** (-1 / self._elastic()), LEAST), MOST))

    def learn(self, component: int, band: Band, bits: float, factor: float) -> None:
        """A band took so many bits with this factor."""
        guess = self._guesses[component, band.scale, band.orientation]
        self._left -= bits
        self._ahead -= guess
        self._taken += bits * factor ** self._elastic()
        self._guessed += guess
        self._coefficients -= math.prod(band.shape)

    def _elastic(self) -> float:
        """Doublings of the bits of the bands to come for a halving of the worth of a bit."""
        rate = self._ahead / max(1, self._coefficients)
        return min(MOST_ELASTIC, ELASTIC / max(rate, 0.01))


def _guess(values: NDArray[np.float64], norm: float, costs: NDArray[np.float64]) -> float:
    """Bits of a band."""
    if not values.size:
        return 0.0
    sizes = np.minimum(np.abs(values) * norm, 1e30).astype(np.float32)
    counts = np.bincount(sizes.view(np.uint32).ravel() >> _DROPPED, minlength=costs.size)
    mean = float(counts @ costs) / values.size
    return mean * mean / (mean + SPARSE) * values.size
