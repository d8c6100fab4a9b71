"""What a bit is worth in each slice, in the encoder only.

A block that other slices predict and that has no indices copies them, errors and all. Where much is copied, an error in a slice
that others are predicted from counts several times over, so a bit has to save less of it there, and more where nothing follows
(as in the macroblock tree of x264, by Garrett-Glaser, for whole slices). How much will be copied is told by the last such slice,
and before there is one by how much of the first and the third differs little.
"""

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet.blocks.layout import ACROSS, FROM_BEFORE, FROM_BOTH, SIDE_OF_FIELDS, Slice, Turn

PRICE_OF_BIT = 0.1
"""Squared error, in squared steps, that a bit is worth where nothing is copied."""

NO_MATTER = 0.15
"""Part of a slice that is copied anyway, where the rest is noise."""

PASSED_ON = 3.0
"""How much dearer an error is for each part that is copied, where many slices follow."""

SLICES_ON = 6
"""Slices after one with which it is half as much."""

ALIKE = 0.06
"""Mean square difference, in squared steps, up to which parts of two slices are alike."""


class Price:
    """Follows how much is copied in a `volume` of whole blocks that is coded with a `step`."""

    def __init__(self, volume: NDArray[np.float64], step: float) -> None:
        self._slices = len(volume)
        rows, columns = (n // SIDE_OF_FIELDS for n in volume.shape[1:])
        apart = np.square((volume[min(2, len(volume) - 1)] - volume[0]) / step)
        parts = apart.reshape(rows, SIDE_OF_FIELDS, columns, SIDE_OF_FIELDS).mean(axis=(1, 3))
        self._copied = _that_matters(parts < ALIKE)

    def of(self, turn: Turn) -> float:
        """Squared error, in squared steps, that a bit is worth in a slice."""
        if turn.kind == FROM_BOTH:
            return PRICE_OF_BIT * (1 + self._copied)
        left = self._slices - 1 - turn.number
        return PRICE_OF_BIT / (1 + PASSED_ON * self._copied * left / (left + SLICES_ON))

    def learn(self, one: Slice) -> None:
        """Look at a slice that is coded."""
        if one.kind == FROM_BEFORE:
            self._copied = _that_matters((one.modes == ACROSS) & (one.lasts == 0))


def _that_matters(copied: NDArray[np.bool_]) -> float:
    return max(float(np.mean(copied)) - NO_MATTER, 0.0)
