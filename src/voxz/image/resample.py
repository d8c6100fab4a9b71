"""Samples of a fitted function on a grid of another resolution: what the codec siren offers beside the voxels.

The field of view stays: n' voxels take the place of n, so voxel i of the new grid lies at ``(i + 1/2) n / n' - 1/2`` of the old.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.numbers import SIREN
from voxz.container.reader import StoredArray
from voxz.errors import UnsupportedError, UsageError
from voxz.io import nifti, npy
from voxz.volume.layout import Layout

MOST_VOXELS = 1 << 34

FEW = 8
"""A brick with more than this many voxels for each position asked for is decoded at those positions only."""


@dataclass(frozen=True)
class Resampling:
    """A grid over the voxels of a layout; `sizes` are its voxels along (z, y, x)."""

    layout: Layout
    sizes: tuple[int, int, int]

    @classmethod
    def of(cls, layout: Layout, shape: Sequence[int] | float) -> "Resampling":
        """Grid from the number of voxels along each visible spatial axis, or from a factor for all axes longer than 1."""
        canonical = layout.canonical[1:4]
        spatial = min(3, len(layout.shape))
        if isinstance(shape, Sequence):
            if len(shape) != spatial:
                raise UsageError(f"a grid of this image has {spatial} sizes (got {len(shape)})")
            order = tuple(shape)[::-1] if layout.first_axis_fastest else tuple(shape)
            sizes = (1,) * (3 - spatial) + order
        else:
            if not 0 < shape < math.inf:
                raise UsageError(f"the factor of a grid must be above 0 (got {shape})")
            sizes = tuple(max(1, round(n * shape)) if n > 1 else 1 for n in canonical)
        if min(sizes, default=1) < 1 or math.prod(sizes) > MOST_VOXELS:
            raise UsageError(f"a grid must have 1 to {MOST_VOXELS} voxels (got {'x'.join(map(str, sizes))})")
        return cls(layout, (sizes[0], sizes[1], sizes[2]))

    @property
    def samples(self) -> int:
        """Samples of the whole series on this grid."""
        return self.layout.canonical[0] * math.prod(self.sizes) * self.layout.channels

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the visible axes."""
        return self._memory_shape[::-1] if self.layout.first_axis_fastest else self._memory_shape

    @property
    def _memory_shape(self) -> tuple[int, ...]:
        axes = len(self.layout.shape)
        return (*self.layout.memory_shape[:-3], *self.sizes) if axes >= 3 else self.sizes[3 - axes :]

    @property
    def steps(self) -> list[float]:
        """Voxels of the layout to a step of this grid, along the visible axes of a NIfTI file."""
        steps = [n / m for n, m in zip(self.layout.canonical[3:0:-1], self.sizes[::-1], strict=True)]
        return [*steps, *[1.0] * 4][: len(self.layout.shape)]

    @property
    def starts(self) -> list[float]:
        """Position of the first voxel along the visible axes of a NIfTI file."""
        return [0.5 * step - 0.5 for step in self.steps]

    def array(self, array: StoredArray) -> NDArray[np.generic]:
        """Samples with the visible axes of the image."""
        samples = self.evaluate(array).reshape(*self._memory_shape, self.layout.channels)
        axes = samples.ndim - 1
        samples = samples.transpose(*range(axes)[::-1], axes) if self.layout.first_axis_fastest else samples
        return samples if self.layout.channels > 1 else samples[..., 0]

    def write(self, array: StoredArray, head: bytes | None, sink: BinaryIO) -> None:
        """Write header and samples: NIfTI like that with this `head`, or .npy."""
        if head is None:
            sink.write(npy.header(Layout(self.shape, self.layout.dtype, self.layout.first_axis_fastest)))
        else:
            sink.write(nifti.select(head, self.starts, self.steps, self.shape))
        sink.write(self.evaluate(array).tobytes())

    def evaluate(self, array: StoredArray) -> NDArray[np.generic]:
        """Samples ``(series, z, y, x, channels)`` in stored byte order.

        Raises
        ------
        UnsupportedError
            A brick was coded by another codec.
        """
        from voxz.codecs.siren.codec import resample_brick  # noqa: PLC0415 - start-up time

        if any(entry.codec != SIREN for entry in array.bricks):
            raise UnsupportedError("only files of the codec siren can be resampled; compress with --codec siren")
        layout = self.layout
        result = np.empty((layout.canonical[0], *self.sizes, layout.channels), layout.dtype)
        places = [(np.arange(m) + 0.5) * (n / m) - 0.5 for n, m in zip(layout.canonical[1:4], self.sizes, strict=True)]
        nearest = [np.clip(np.floor(p + 0.5), 0, n - 1) for p, n in zip(places, layout.canonical[1:4], strict=True)]
        for number, box in enumerate(array.boxes):
            inside = [np.flatnonzero((p >= part.start) & (p < part.stop)) for p, part in zip(nearest, box[1:], strict=True)]
            if not all(map(len, inside)):
                continue
            local = [p[chosen] - part.start for p, chosen, part in zip(places, inside, box[1:], strict=True)]
            z, y, x = (np.clip(p, 0.0, part.stop - part.start - 1.0) for p, part in zip(local, box[1:], strict=True))
            found = array.brick(number, partial(resample_brick, positions=(z, y, x)))
            result[np.ix_(np.arange(box[0].start, box[0].stop), *inside)] = found
        return result


def few_samples(array: StoredArray, number: int, inside: list[NDArray[np.intp]]) -> NDArray[np.generic] | None:
    """Samples at positions of a brick of the codec siren, if they are few of it: only there the function is evaluated."""
    from voxz.codecs.siren.codec import decode_part  # noqa: PLC0415 - start-up time

    box = tuple(slice(int(p.min()), int(p.max()) + 1) for p in inside)
    whole = math.prod(part.stop - part.start for part in array.boxes[number][1:])
    if FEW * math.prod(part.stop - part.start for part in box[1:]) > whole:
        return None
    found = array.brick(number, partial(decode_part, box=box))
    return found[np.ix_(*(p - part.start for p, part in zip(inside, box, strict=True)))]


def grid_from_text(text: str) -> Sequence[int] | float:
    """Return what ``2x``, ``0.5x`` or ``128x128x40`` mean."""
    try:
        return float(text[:-1]) if text.endswith("x") else [int(part) for part in text.split("x")]
    except ValueError:
        raise UsageError(f"a grid must be a factor such as 2x, or sizes such as 128x128x40 (got {text!r})") from None
