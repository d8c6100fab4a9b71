"""Which bricks hold the samples that are wanted, and where they go: the outer product of positions along each axis.

Positions ascend, as a `range` or an array of integers. Ranges stay slices down to the copy out of the brick, which costs a
twentieth of index arrays.
"""

import itertools
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxz.volume.bricks import Grid

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
