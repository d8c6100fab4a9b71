"""Views: how samples that lie in a file in one order become an array in another.

Every view is the same three steps, so that a file says it in a few small numbers and a decoder needs one function: the samples as
they lie in the file are split into axes (slowest first), the axes are put into another order, and some of them are
reversed. Mosaics, colour planes, axes stored in another order or direction are all of this kind. A view moves whole samples
and is undone exactly.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.errors import CorruptError

MOST_VIEW_AXES = 9


@dataclass(frozen=True)
class View:
    """Axes as they lie in the file, and where each goes.

    Attributes
    ----------
    split : lengths of the axes in the file, slowest first; channels are an axis like any other
    order : for each axis of the array, slowest first, the axis of `split` that it is
    reversed : numbers of the axes of the array that run against those of the file
    """

    split: tuple[int, ...] = ()
    order: tuple[int, ...] = ()
    reversed: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        axes = len(self.split)
        if (
            axes > MOST_VIEW_AXES
            or sorted(self.order) != list(range(axes))
            or any(not 0 <= axis < axes for axis in self.reversed)
        ):
            raise CorruptError(
                f"a view of {self.split} with the order {self.order} and {sorted(self.reversed)} reversed is impossible"
            )

    @property
    def samples(self) -> int | None:
        """Samples that the view is made for; None if it takes any number."""
        return math.prod(self.split) if self.split else None

    def apply(self, samples: NDArray[Any]) -> NDArray[Any]:
        """Samples as they lie in the file, in any shape, to one axis in the order of the array."""
        if not self.split:
            return samples.reshape(-1)
        seen = samples.reshape(self.split).transpose(self.order)
        return np.flip(seen, tuple(self.reversed)).reshape(-1)

    def undo(self, samples: NDArray[Any]) -> NDArray[Any]:
        """Samples in the order of the array, in any shape, to one axis in the order of the file."""
        if not self.split:
            return samples.reshape(-1)
        seen = samples.reshape([self.split[axis] for axis in self.order])
        return np.flip(seen, tuple(self.reversed)).transpose(np.argsort(self.order)).reshape(-1)


IDENTITY = View()
"""Samples lie in the file as they do in the array."""


def mosaic(down: int, across: int, height: int, width: int) -> View:
    """Slices side by side in one picture, row by row of tiles: an array of ``(down * across, height, width)``."""
    return View((down, height, across, width), (0, 2, 1, 3))


def channels_first(channels: int, *memory_shape: int) -> View:
    """One plane a channel: an array of `memory_shape` (slowest first) with the channels of a voxel side by side."""
    return View((channels, *memory_shape), (*range(1, len(memory_shape) + 1), 0))


def axes(split: tuple[int, ...], order: tuple[int, ...], reversed_axes: tuple[int, ...] = ()) -> View:
    """Axes of lengths `split` (slowest first in the file) in another order, some of the result reversed."""
    return View(split, order, frozenset(reversed_axes))
