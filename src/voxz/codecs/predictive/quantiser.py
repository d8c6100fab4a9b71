"""Quantiser of residuals: from what may be lost to steps among dense values (`value_map`).

Steps are counted in 1/64 of the distance of dense values, so that any mean square error can be met. A residual r, the difference
between a sample and its unrounded prediction, becomes the whole number q of steps::

    |r| <= size - reach              0
    |r| >  size - reach + k * size   k + 1, for k = 0, 1, ...

and comes back as ``q * size``, moved towards 0 by `pull_one` for one step and by `pull_more` for more: to the centroids of what
is coded so. The sum with the prediction, itself moved by `bias`, is rounded to a dense value.
"""

import math
from typing import NamedTuple

from voxz.codecs.fidelity import Fidelity
from voxz.entropy.integers import IntegerReader, IntegerWriter
from voxz.errors import CorruptError

STEP_BITS = 6
UNIT = 1 << STEP_BITS
"""Distance of neighbouring dense values."""

LARGEST_SIZE = (1 << 33) - 1
_HALF = (1 << 22) - 1


class Quantiser(NamedTuple):
    """All in 1/UNIT; a named tuple, since kernels take it as it is.

    Attributes
    ----------
    size : the step; 0 where nothing is lost
    reach : what is added to a residual's magnitude before whole steps are counted; below half a step, that leaves a dead zone
    pull_one, pull_more : how far the centroids of one step, and of more, lie below their multiple of the step
    bias : what predictions lack on average
    """

    size: int = 0
    reach: int = 0
    pull_one: int = 0
    pull_more: int = 0
    bias: int = 0

    def write(self, side: IntegerWriter) -> None:
        """Send the fields."""
        side.put([self.size >> 22, self.size & _HALF])
        side.put([half for field in self[1:] for half in (field >> 22, field & _HALF)])

    @classmethod
    def read(cls, side: IntegerReader) -> "Quantiser":
        """Inverse of `write`; damage raises `CorruptError`."""
        halves = [int(n) for n in side.take(2)] + [int(n) for n in side.take(8)]
        size, reach, one, more, bias = ((high << 22) + low for high, low in zip(halves[::2], halves[1::2], strict=True))
        if not UNIT < size <= LARGEST_SIZE or not 0 <= reach < size or max(abs(one), abs(more), abs(bias)) > size:
            raise CorruptError(f"the quantiser is out of bounds: steps of {size}/{UNIT}, offsets {reach}, {one}, {more}, {bias}")
        return cls(size, reach, one, more, bias)


EXACT = Quantiser()


def quantiser_of(fidelity: Fidelity, common: int) -> Quantiser:
    """Quantiser among values that are `common` stored units apart: the coarsest that keeps a `fidelity`, without a dead zone."""
    if not fidelity.step and math.isinf(fidelity.bound):
        return EXACT
    size = largest = UNIT * (2 * bound_among(fidelity, common) + 1)
    if fidelity.step:
        size = min(largest, round(min(UNIT * fidelity.step / common, float(LARGEST_SIZE))))
    return Quantiser(size, (size - 1) // 2) if size > UNIT else EXACT


def bound_among(fidelity: Fidelity, common: int) -> int:
    """Error bound in dense values; neighbouring dense values are `common` stored units apart."""
    return int(min(fidelity.bound / common, float((LARGEST_SIZE // UNIT - 1) // 2)))
