"""The pyramid whose step along z follows motion: 5/3 between displaced blocks, then 9/7 in the slice.

Coefficients lie as in `voxz.transforms.pyramid`. On every scale z comes first, so that displacements are those of samples.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.transforms.band_norms import NORMS_MOVED, AnyNorms
from voxz.transforms.lifting_97 import LOW_GAIN_97, lift_97
from voxz.transforms.motion.field import Fields, side_of
from voxz.transforms.motion.lifting import lift
from voxz.transforms.pyramid import Pyramid


@dataclass(frozen=True)
class MotionPyramid(Pyramid):
    """Pyramid with fields."""

    fields: Fields

    def norms(self) -> AnyNorms:
        """Norms of the synthesis functions where nothing moves."""
        return NORMS_MOVED

    def analyse(self, volume: NDArray[Any]) -> None:
        """Transform `volume` in place."""
        work = np.ascontiguousarray(volume)
        for scale, (shape, axes) in enumerate(self.steps()):
            if 0 in axes:
                split(work, shape, self.fields.cells[scale], side_of(scale))
            for axis in (2, 1):
                if axis in axes:
                    lift_97(work, shape, axis, forward=True)
        if work is not volume:
            volume[...] = work

    def synthesise(self, volume: NDArray[Any], down_to: int = 0) -> None:
        """Inverse of `analyse`, in place, but for the `down_to` finest scales, whose coefficients are not touched."""
        work = np.ascontiguousarray(volume)
        for scale, (shape, axes) in reversed(list(enumerate(self.steps()))[down_to:]):
            for axis in (1, 2):
                if axis in axes:
                    lift_97(work, shape, axis, forward=False)
            if 0 in axes:
                merge(work, shape, self.fields.cells[scale], side_of(scale))
        if work is not volume:
            volume[...] = work

    def gain(self, scale: int) -> float:
        """What the `scale` finest scales multiply a constant with: 5/3 with 1."""
        gain = 1.0
        for most in self.scales[1:]:
            for _ in range(min(scale, most)):
                gain *= LOW_GAIN_97
        return gain


def split(volume: NDArray[np.float64], shape: tuple[int, ...], cells: NDArray[np.int64], side: int) -> None:
    """Split a box at the start of a volume along z, in place."""
    if shape[0] < 2:
        return
    box = volume[tuple(slice(n) for n in shape)]
    low, high = np.ascontiguousarray(box[0::2]), np.ascontiguousarray(box[1::2])
    lift(low, high, cells, side, forward=True)
    box[: len(low)], box[len(low) :] = low, high


def merge(volume: NDArray[np.float64], shape: tuple[int, ...], cells: NDArray[np.int64], side: int) -> None:
    """Inverse of `split`."""
    if shape[0] < 2:
        return
    box = volume[tuple(slice(n) for n in shape)]
    lows = (shape[0] + 1) // 2
    low, high = box[:lows].copy(), box[lows:].copy()
    lift(low, high, cells, side, forward=False)
    box[0::2], box[1::2] = low, high
