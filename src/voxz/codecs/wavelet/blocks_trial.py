"""What blocks would cost, in the encoder only: the middle slices of a volume are coded in blocks, once it is coded in bands.

To code a volume in blocks takes two to four times as long as in bands, and most volumes are larger then. The middle slices tell
by how much, within some percent: what bands take for them is their share of all that changes along rows; errors are known. They
also tell by how much errors are larger in blocks at the same step, and so with which step blocks come near a wanted error.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet.blocks.codec import encode_blocks
from voxz.codecs.wavelet.chosen import NEAR
from voxz.codecs.wavelet.motion_trial import changes
from voxz.codecs.wavelet.transform_choice import WORTH_OF_BIT
from voxz.transforms.loop_filter import restore
from voxz.transforms.loop_filter_fit import fit_filters

SLICES = 5
"""Slices that are looked at."""

FEWEST = 2 * SLICES + 2
"""Slices of a volume below which it is coded at once: looking would take half as long."""

REFUSED = 1.03
"""What blocks cost to bands in these slices, above which the whole is not coded in blocks: it was smaller up to 1.01."""

PASSED_ON = 0.62
"""Power to which errors of the whole are larger than in bands, as these slices say: the more follow one, the less it errs."""

LEAST, MOST = 0.5, 2.0
"""Of what changes in as many slices in the mean, what changes in those that tell something of the whole."""

ELASTIC = 1.4
"""Doublings of the squared error for a doubling of the step, at low rates."""

Volume = NDArray[np.float64]


@dataclass(frozen=True)
class Look:
    """What blocks take in the middle slices, to what bands take: bits with the bits that errors are worth, and squared errors."""

    cost: float
    errors: float

    @classmethod
    def at(cls, volume: Volume, bands: Volume, missing: NDArray[np.bool_], bits: int, step: float, slope: float) -> "Look | None":
        """Code the middle slices of a `volume` ``(z, y, x)`` in blocks; None where they are unlike the others.

        Parameters
        ----------
        volume : which has smooth values where samples are `missing`
        bands : what it decodes to in bands, which take so many `bits`
        step : of the brick
        slope : as for `loop_filter_fit.fit_filters`
        """
        first = (len(volume) - SLICES) // 2
        part, share = slice(first, first + SLICES), SLICES / len(volume)
        change = np.array([changes(plane, 1, step).sum() for plane in volume])
        if not LEAST * share * change.sum() < change[part].sum() < MOST * share * change.sum():
            return None
        taken: list[int] = []
        stream, found = encode_blocks(np.ascontiguousarray(volume[part]), step, taken)
        length = float(len(stream))
        filters = fit_filters(volume[None, part], found[None], missing[None, part], step, slope)
        if filters is not None:
            restore(found, step, filters)
            length += share * len(filters.to_bytes())
        following = (len(stream) - taken[0]) / (SLICES - 1)
        alone = max(taken[0] - following, 0.0)  # by what the first one, which has none before it, is longer
        own, others = (squared_errors(volume[part] - one, missing[part], step) for one in (found, bands[part]))
        in_bands = bits * float(change[part].sum() / change.sum()) + others / WORTH_OF_BIT
        in_blocks = 8 * (length - (1 - share) * alone) + own / WORTH_OF_BIT
        return cls(in_blocks / in_bands, own / others) if others > 0 else None

    def factor(self, squares: float, wanted: float) -> float:
        """Step of blocks for a `wanted` squared error, to that with which bands have so many `squares`, both in half steps."""
        expected = squares * self.errors**PASSED_ON
        doublings = math.log2(wanted / expected) / ELASTIC if expected > 0 else 0.0
        return math.exp2(min(max(doublings, -NEAR), NEAR))


def squared_errors(errors: NDArray[np.float64], missing: NDArray[np.bool_], step: float) -> float:
    """Sum of squares of errors, in half steps, where no sample is missing."""
    return float(np.square(errors[~missing] * (2 / step)).sum())
