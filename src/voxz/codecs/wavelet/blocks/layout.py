"""How a volume lies in blocks: turns of its slices, and what is known of a slice while it is coded.

Even slices come first, each predicted from the even one before it; then the odd one between them, predicted from both. Slices
are cut into blocks of 32 x 32, these into quarters where that pays, down to 4 x 4. Maps have one entry for every 4 x 4 samples.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

UNIT = 4
"""Side of the smallest blocks; a block of size s has UNIT << s samples a side."""

SIZES = 4
LARGEST = UNIT << (SIZES - 1)

MODES = 36
PLANAR, MEAN, FIRST_ANGLE, ACROSS = 0, 1, 2, 35
"""What a block is predicted by: a plane, a mean, 33 angles, or other slices."""

STEP = 0.74
"""Step of blocks, as a part of the brick's: at low rates both ways of coding then have about the same error."""

STEP_BETWEEN = 1.05
"""Step of slices that no other is predicted from, as a multiple of the step of others."""

SIDE_OF_FIELDS = 16
"""Side of the blocks of a field of displacements."""

LARGEST_SAMPLE = 1e300
"""Magnitude of a decoded sample at most: what is predicted from it may grow, but stays in the range of doubles."""

ALONE, FROM_BEFORE, FROM_BOTH = 0, 1, 2
"""Kinds of slices."""

Plane = NDArray[np.float64]
Map = NDArray[np.uint8]


class Turn(NamedTuple):
    """A slice, and those that it is predicted from; -1 stands for none."""

    number: int
    before: int
    after: int

    @property
    def kind(self) -> int:
        """Of the slice."""
        return ALONE if self.before < 0 else FROM_BEFORE if self.after < 0 else FROM_BOTH

    @property
    def step(self) -> float:
        """Step of the slice, as a multiple of that of the blocks."""
        return STEP_BETWEEN if self.kind == FROM_BOTH else 1.0


def turns(slices: int) -> list[Turn]:
    """Slices in the order in which they are coded."""
    found = [Turn(0, -1, -1)]
    for even in range(2, slices, 2):
        found += [Turn(even, even - 2, -1), Turn(even - 1, even - 2, even)]
    if slices % 2 == 0:
        found.append(Turn(slices - 1, slices - 2, -1))
    return found


def whole_blocks(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Shape of a volume of this shape whose slices have whole blocks of the largest size."""
    z, y, x = (-(-n // side) * side for n, side in zip(shape, (1, LARGEST, LARGEST), strict=True))
    return z, y, x


class Slice(NamedTuple):
    """A slice that is being coded.

    Attributes
    ----------
    samples : float64 (y, x), as decoded so far
    likely : float64 (y, x), what other slices make of it
    indices : int32 (y, x), of the coefficients of each block, at its place
    sizes, modes, lasts : uint8 (y / UNIT, x / UNIT), of the block there; of `lasts`, diagonals that have indices
    known : uint8 (y / UNIT, x / UNIT), whether it is decoded
    modes_before : uint8 (y / UNIT, x / UNIT), `modes` of the slice that it is predicted from
    kind : of the slice
    step : of its coefficients
    """

    samples: Plane
    likely: Plane
    indices: NDArray[np.int32]
    sizes: Map
    modes: Map
    lasts: Map
    known: Map
    modes_before: Map
    kind: int
    step: float

    @classmethod
    def new(cls, likely: Plane, modes_before: Map, turn: Turn, step: float) -> "Slice":
        """A slice of which nothing is known; the `step` is that of the blocks."""
        sizes, modes, lasts, known = (np.zeros(modes_before.shape, np.uint8) for _ in range(4))
        samples, indices = np.zeros(likely.shape), np.zeros(likely.shape, np.int32)
        return cls(samples, likely, indices, sizes, modes, lasts, known, modes_before, turn.kind, step * turn.step)
