"""A source's samples slab by slab, for what has to look at them before they are coded."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from voxz.bricks import Box, Grid
from voxz.container.reader import brick_shape
from voxz.pipeline import Samples


def slabs_of(samples: Samples) -> Iterator[tuple[Box, NDArray[np.generic]]]:
    """Read all samples once: where each slab lies, and its samples ``(series, z, y, x, channels)`` in native byte order."""
    layout = samples.layout
    grid = Grid.choose(layout.canonical, layout.dtype.itemsize)
    for boxes in grid.slabs():
        box = grid.slab_box(boxes)
        shape = brick_shape(box, layout.channels)
        data = samples.read_samples(int(np.prod(shape)) * layout.dtype.itemsize)
        slab = np.frombuffer(data, layout.dtype).reshape(shape)
        yield box, slab.astype(layout.dtype.newbyteorder("="), copy=False)
