"""A source's samples slab by slab, for what has to look at them before they are coded."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from voxz import pipeline
from voxz.bricks import Box, Grid
from voxz.pipeline import Samples


def slabs_of(samples: Samples) -> Iterator[tuple[Box, NDArray[np.generic]]]:
    """Read all samples once: where each slab lies, and its samples ``(series, z, y, x, channels)`` in native byte order."""
    grid = Grid.choose(samples.layout.canonical, samples.layout.dtype.itemsize)
    for boxes, slab in pipeline.slabs_of(samples, grid):
        yield grid.slab_box(boxes), slab.astype(slab.dtype.newbyteorder("="), copy=False)
