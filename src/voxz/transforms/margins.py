"""Samples with margins around them, a part at a time.

Filters look at neighbours on all sides. A margin around a whole volume costs as much as the volume where its axes are long, and
up to fifty times as much where they are not: so no more than MOST samples have one at once. Parts follow each other along the
slowest axis that is longer than one, so samples are met in their order.
"""

import math
from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

MOST = 1 << 21
"""Samples of a part with its margins, at least one layer of them."""

Box = tuple[slice, slice, slice]
Margins = tuple[int, int, int]


def parts_with_margins(
    samples: NDArray[np.int32], margins: Margins, beyond: Literal["constant", "edge"], most: int = MOST
) -> Iterator[tuple[Box, NDArray[np.int32]]]:
    """Parts of `samples` ``(z, y, x)``: where each lies, and a copy with so many samples around it.

    Beyond the ends of the volume these are zeros, or repeat what is nearest (``edge``).
    """
    shape = samples.shape
    axis = next((k for k, n in enumerate(shape) if n > 1), 2)
    around = [n + 2 * margin for n, margin in zip(shape, margins, strict=True)]
    layers = max(1, most * around[axis] // math.prod(around) - 2 * margins[axis])
    for first in range(0, shape[axis], layers):
        last = min(first + layers, shape[axis])
        low, high = max(0, first - margins[axis]), min(shape[axis], last + margins[axis])
        lacking = [(margin, margin) for margin in margins]
        lacking[axis] = margins[axis] - first + low, margins[axis] - high + last
        with_neighbours = samples[(slice(None),) * axis + (slice(low, high),)]
        z, y, x = (slice(first, last) if k == axis else slice(n) for k, n in enumerate(shape))
        yield (z, y, x), np.pad(with_neighbours, lacking, mode=beyond)
