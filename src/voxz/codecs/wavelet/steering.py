"""Bringing a brick near a number of bytes while its bands are coded: what a bit is worth follows what is left to spend.

Bits of each band are guessed ahead as those that the fast profile would take, scaled to what is to be spent, since the step was
chosen for that. After each band, those of the bands to come are reckoned from the guesses and from what the bands took that were
coded. Where too many bits are left, or too few, a bit is taken to be worth less squared error, or more, in the next one, within
narrow limits: this makes up for a few percent, where another step would mean coding the brick anew, and costs next to nothing at
equal error. Beyond, another step is far cheaper. Decoders see nothing of it.
"""

import math

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet.fast.forecast import forecast
from voxz.transforms.pyramid import Band, Pyramid

LEAST, MOST = 0.6, 1.15
"""Limits of the factor by which the worth of a bit changes. With 1.6 in all bands files are up to 8 % larger at equal error."""

TRUST = 1.0
"""Weight of what is to be spent, as if a brick of this size, in bricks, had been coded already and taken just that."""

ELASTIC, MOST_ELASTIC = 0.08, 0.25
"""Doublings of the bits for a halving of the worth of a bit: the first over the bits a coefficient, the second at most. Measured
on three volumes at 0.2 to 2.3 bits."""

UNSURE = 0.004
"""Share by which bits may be off without anything being done."""

STATES = 4
"""Of the trellis of the fast profile."""


class Steering:
    """Chooses the worth of a bit, band by band, so that all take about so many `bits`."""

    def __init__(self, components: NDArray[np.float64], pyramid: Pyramid, step: float, bits: float) -> None:
        self._guesses = forecast(components.astype(np.float32), pyramid, step, STATES).bits
        total = sum(self._guesses.values())
        self._left, self._coefficients, self._ahead = bits, int(components.size), total
        self._guessed, self._taken = TRUST * total, TRUST * bits

    def factor(self) -> float:
        """By what the worth of a bit is to be multiplied in the bands to come."""
        expected = self._ahead * self._taken / self._guessed if self._guessed else 0.0
        share = max(self._left, 1.0) / expected if expected > 0 else 1.0
        return float(min(max(share ** (-1 / self._elastic()), LEAST), MOST)) if abs(share - 1) > UNSURE else 1.0

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
