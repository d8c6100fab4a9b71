"""Separable wavelet pyramids of a volume, with as many scales along each axis as suit it.

Scale 0 is the finest. At scale l every axis with more than l scales is split in two, and the next scale goes on with what is low
along all of them. The coefficients keep the volume's shape (Mallat's arrangement); a `Band` is a box of it.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.transforms.band_norms import MOST_SCALES, NORMS_97, AnyNorms, Scales
from voxz.transforms.lifting import analyse, synthesise
from voxz.transforms.lifting_97 import LOW_GAIN_97, lift_97

__all__ = ["MOST_SCALES", "Band", "Pyramid", "Scales"]

Shape = tuple[int, ...]
Box = tuple[slice, slice, slice]


@dataclass(frozen=True)
class Band:
    """A sub-band.

    Attributes
    ----------
    scale : 0 is the finest; the lowest band has that of the coarsest
    orientation : bit set of the axes along which it is high-pass: 1 z, 2 y, 4 x; 0 is the lowest band
    box : where it lies
    norm : that of its synthesis functions: an error of 1 in it is one of `norm` in the volume
    """

    scale: int
    orientation: int
    box: Box
    norm: float

    @property
    def shape(self) -> Shape:
        """Shape ``(z, y, x)``."""
        return tuple(part.stop - part.start for part in self.box)


@dataclass(frozen=True)
class Pyramid:
    """Pyramid of a volume of `shape` ``(z, y, x)`` with so many `scales` along each axis."""

    shape: Shape
    scales: Scales

    def steps(self) -> list[tuple[Shape, tuple[int, ...]]]:
        """For each scale from the finest on: the shape it splits, and along which axes."""
        found, shape = [], list(self.shape)
        for scale in range(max(self.scales)):
            axes = tuple(axis for axis in range(3) if scale < self.scales[axis])
            found.append((tuple(shape), axes))
            shape = [-(-n // 2) if axis in axes else n for axis, n in enumerate(shape)]
        return found

    def norms(self) -> AnyNorms:
        """Norms of the synthesis functions."""
        return NORMS_97

    def lowest(self, scale: int) -> Shape:
        """Shape of what is left low after `scale` scales."""
        return tuple(-(-n // (1 << min(scale, most))) for n, most in zip(self.shape, self.scales, strict=True))

    def bands(self) -> list[Band]:
        """All bands that are not empty, from coarse to fine."""
        coarsest = max(self.scales)
        norms, steps = self.norms(), self.steps()
        found = [Band(coarsest, 0, _box((0, 0, 0), self.lowest(coarsest)), norms.of(coarsest, 0, self.scales))]
        for scale in range(coarsest - 1, -1, -1):
            full, axes = steps[scale]
            low = self.lowest(scale + 1)
            for orientation in range(1, 8):
                high = [axis for axis in range(3) if orientation >> axis & 1]
                if not set(high) <= set(axes):
                    continue
                starts = [low[axis] if axis in high else 0 for axis in range(3)]
                stops = [full[axis] if axis in high else low[axis] for axis in range(3)]
                norm = norms.of(scale, orientation, self.scales)
                if all(stop > start for start, stop in zip(starts, stops, strict=True)):
                    found.append(Band(scale, orientation, _box(tuple(starts), tuple(stops)), norm))
        return found

    def analyse(self, volume: NDArray[Any]) -> None:
        """Transform `volume` in place: doubles and singles by 9/7, integers by 5/3."""
        work = np.ascontiguousarray(volume)
        for shape, axes in self.steps():
            for axis in axes[::-1]:
                _lift(work, shape, axis, forward=True)
        if work is not volume:
            volume[...] = work

    def synthesise(self, volume: NDArray[Any], down_to: int = 0) -> None:
        """Inverse of `analyse`, in place, but for the `down_to` finest scales, whose coefficients are not touched."""
        work = np.ascontiguousarray(volume)
        for shape, axes in self.steps()[down_to:][::-1]:
            for axis in axes:
                _lift(work, shape, axis, forward=False)
        if work is not volume:
            volume[...] = work

    def coarser(self, halvings: Scales) -> tuple[int, "Pyramid"]:
        """For a resolution halved so often: how many of the finest scales stay undone, and a pyramid of what is left to do."""
        undone = 0
        while undone < max(self.scales) and all(min(undone + 1, n) <= h for n, h in zip(self.scales, halvings, strict=True)):
            undone += 1
        z, y, x = (h - min(undone, n) for n, h in zip(self.scales, halvings, strict=True))
        return undone, Pyramid(self.lowest(undone), (z, y, x))

    def low_pass(self, volume: NDArray[Any]) -> NDArray[Any]:
        """What is low along all axes on the coarsest scale, in units of the samples; `volume` is used up."""
        self.analyse(volume)
        coarsest = max(self.scales)
        low = volume[tuple(slice(n) for n in self.lowest(coarsest))]
        return low / self.gain(coarsest) if volume.dtype.kind == "f" else low

    def gain(self, scale: int) -> float:
        """What 9/7 multiplies a constant with over the `scale` finest scales."""
        return math.prod([LOW_GAIN_97] * sum(min(scale, most) for most in self.scales), start=1.0)


def _lift(volume: NDArray[Any], shape: Shape, axis: int, *, forward: bool) -> None:
    if volume.dtype.kind == "f":
        lift_97(volume, shape, axis, forward=forward)
    else:
        (analyse if forward else synthesise)(volume[tuple(slice(n) for n in shape)], axis)


def _box(starts: Shape, stops: Shape) -> Box:
    z, y, x = (slice(start, stop) for start, stop in zip(starts, stops, strict=True))
    return z, y, x
