"""Which bricks hold the samples that are wanted, and where they go: the outer product of positions along each axis.

Positions ascend, as a `range` or an array of integers. Ranges stay slices down to the copy out of the brick, which costs a
twentieth of index arrays.
"""

import itertools
import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxz.volume.bricks import Extent, Grid
from voxz.volume.layout import Layout

Positions = range | NDArray[np.intp]
"""Ascending positions along an axis."""


@dataclass(frozen=True)
class Piece:
    """What is wanted of one brick: `target` is its place in the result, `inside` the positions in the brick."""

    number: int
    target: tuple[slice, ...]
    inside: tuple[Positions, ...]

    def of(self, brick: NDArray[np.generic]) -> NDArray[np.generic]:
        """Wanted samples of the brick."""
        if all(isinstance(part, range) for part in self.inside):
            return brick[tuple(slice(part[0], part[-1] + 1, part.step) for part in self.inside if isinstance(part, range))]
        return brick[np.ix_(*self.arrays())]

    def arrays(self) -> list[NDArray[np.intp]]:
        """Positions in the brick as arrays."""
        return [np.asarray(part, np.intp) for part in self.inside]


def pieces(grid: Grid, wanted: Sequence[Positions]) -> Iterator[Piece]:
    """Pieces of the bricks that hold the outer product of positions along ``(series, z, y, x)``, in file order."""
    counts = [-(-size // extent) for size, extent in zip(grid.shape, grid.extent, strict=False)]
    cuts = [list(_cuts(part, extent)) for part, extent in zip(wanted, grid.extent, strict=True)]
    for chosen in itertools.product(*cuts):
        number = 0
        for (cut, _, _), count in zip(chosen, counts, strict=True):
            number = number * count + cut
        yield Piece(number, tuple(target for _, target, _ in chosen), tuple(inside for _, _, inside in chosen))


def _cuts(wanted: Positions, extent: int) -> Iterator[tuple[int, slice, Positions]]:
    """Number of each brick along an axis that holds some of the positions, which of them, and where in the brick they are."""
    first = 0
    while first < len(wanted):
        number = int(wanted[first]) // extent
        start = number * extent
        last = bisect_left(wanted, start + extent, first)
        part = wanted[first:last]
        if isinstance(part, range):
            yield number, slice(first, last), range(part.start - start, part[-1] - start + 1, part.step)
        else:
            yield number, slice(first, last), part - start
        first = last


def canonical_positions(layout: Layout, positions: tuple[Positions, ...]) -> list[Positions]:
    """Positions along ``(series, z, y, x)`` of positions along the axes that users see."""
    memory = positions[::-1] if layout.first_axis_fastest else positions
    chosen = (range(1),) * max(0, 3 - len(memory)) + memory
    series: Positions = chosen[0] if len(chosen) == 4 else range(1)
    if len(chosen) > 4:
        series = np.zeros(1, np.intp)
        for length, part in zip(layout.memory_shape, chosen[:-3], strict=False):
            series = (series[:, None] * length + np.asarray(part, np.intp)).ravel()
    return [series, *chosen[-3:]]


def chunk_of(layout: Layout, extent: Extent) -> tuple[int, ...]:
    """Lengths of a brick of `extent` ``(series, z, y, x)`` along the axes that users see."""
    series, *spatial = extent
    lengths: list[int] = []
    for length in layout.memory_shape[:-3][::-1]:  # axes beyond three are one axis of bricks, the last of them fastest
        lengths.insert(0, max(1, length if series >= length and series % max(1, length) == 0 else math.gcd(series, length)))
        series = max(1, series // lengths[0]) if lengths[0] == length else 1
    lengths += [max(1, min(pair)) for pair in zip(spatial, layout.canonical[1:4], strict=True)]
    lengths = lengths[len(lengths) - len(layout.shape) :] if layout.shape else []
    return tuple(lengths[::-1] if layout.first_axis_fastest else lengths)
