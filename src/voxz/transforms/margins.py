"""Samples with margins around them, a part at a time.

Filters look at neighbours on all sides. A margin around a whole volume costs as much as the volume where its axes are long, and
up to fifty times as much where they are not: so no more than MOST samples have one at once. Parts follow each other along the
slowest axis that is longer than one, so samples are met in their order.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.jit import at, kernel

MOST = 1 << 21
"""Samples of a part with its margins, at least one layer of them."""

Box = tuple[slice, slice, slice]
Shape = tuple[int, int, int]


class Part(NamedTuple):
    """A part of a volume.

    Attributes
    ----------
    box : where it lies
    flat : int32, its samples with margins, and room behind them
    shape : ``(z, y, x)`` of the samples with margins
    """

    box: Box
    flat: NDArray[np.int32]
    shape: Shape

    def distances(self, offsets: tuple[Shape, ...]) -> NDArray[np.int64]:
        """Offsets ``(z, y, x)`` as distances in `flat`."""
        _, height, width = self.shape
        return np.array([(z * height + y) * width + x for z, y, x in offsets], np.int64)


def parts_with_margins(
    samples: NDArray[np.int32], margins: Shape, room: int, *, repeated: bool, most: int = MOST
) -> Iterator[Part]:
    """Parts of `samples` ``(z, y, x)`` with so many samples around them, and `room` for so many behind the last one.

    Beyond the ends of the volume what is nearest is `repeated`, or there are zeros.
    """
    axis = next((k for k, n in enumerate(samples.shape) if n > 1), 2)
    around = [n + 2 * margin for n, margin in zip(samples.shape, margins, strict=True)]
    layers = max(1, most * around[axis] // math.prod(around) - 2 * margins[axis])
    for first in range(0, samples.shape[axis], layers):
        last = min(first + layers, samples.shape[axis])
        z, y, x = (slice(first, last) if k == axis else slice(0, n) for k, n in enumerate(samples.shape))
        depth, height, width = (part.stop - part.start + 2 * m for part, m in zip((z, y, x), margins, strict=True))
        count = depth * height * width
        flat = np.zeros(count + room, np.int32)
        starts = np.array([z.start, y.start, x.start], np.int64) - margins
        _surround(samples, starts, repeated, flat[:count].reshape(depth, height, width))
        yield Part((z, y, x), flat, (depth, height, width))


@kernel
def _surround(samples, starts, repeated, found):  # type: ignore[no-untyped-def]
    """Fill a part of the samples, which may reach beyond their ends.

    Parameters
    ----------
    samples : int32 (z, y, x)
    starts : int64 (3,), place of the part's first sample
    repeated : whether beyond the ends is what is nearest, and not zero
    found : int32 (z, y, x), zeros, filled
    """
    depth, height, width = samples.shape
    left = max(-starts[2], 0)
    right = min(width - starts[2], found.shape[2])
    for k in range(found.shape[0]):
        z = min(max(k + starts[0], 0), depth - 1)
        for j in range(found.shape[1]):
            y = min(max(j + starts[1], 0), height - 1)
            if not repeated and (z != k + starts[0] or y != j + starts[1]):
                continue
            row, line = samples[z, y], found[k, j]
            for i in range(left, right):
                line[at(i)] = row[at(i + starts[2])]
            if repeated:
                for i in range(left):
                    line[at(i)] = row[0]
                for i in range(right, line.size):
                    line[at(i)] = row[width - 1]
