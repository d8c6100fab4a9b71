"""A part of an image as a file of its own format: a selection, a preview, or its samples on another grid."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from voxz.container.loss_mark import all_marks
from voxz.errors import UsageError
from voxz.image.preview import coarse_positions
from voxz.image.resample import Resampling
from voxz.io import nifti, npy
from voxz.volume.layout import Layout
from voxz.volume.selection import from_text

if TYPE_CHECKING:
    from voxz.image.lazy import Image


def write_part(
    image: "Image", text: str | None, resolution: int, sink: BinaryIO, shape: Sequence[int] | float | None = None
) -> None:
    """Write the part that `text` names, the preview at a `resolution`, or the image on a grid of another `shape`.

    Arrays become .npy. The marks of losses stay behind the samples.
    """
    layout, head = image._layout, image.nifti_header()
    if shape is not None and (text is not None or resolution):
        raise UsageError("another grid cannot be combined with a selection or a resolution; ask for one of them")
    if text is not None and resolution:
        raise UsageError(f"the selection {text!r} cannot be combined with the resolution {resolution}; ask for one of them")
    if shape is not None:
        Resampling.of(layout, shape).write(image._array, head, sink)
    else:
        if text is None:
            positions, samples = coarse_positions(layout, resolution), image.preview(resolution)
        else:
            positions = from_text(text, layout.shape, layout.first_axis_fastest)
            samples = image[tuple(slice(part.start, part.stop, part.step) for part in positions)]
        samples = samples.reshape(*map(len, positions), layout.channels)
        sink.write(head_of(layout, head, positions))
        memory_order = samples.transpose(*range(len(positions))[::-1], -1) if layout.first_axis_fastest else samples
        sink.write(np.ascontiguousarray(memory_order).tobytes())
    sink.write(all_marks(image._array))


def head_of(layout: Layout, head: bytes | None, positions: Sequence[range]) -> bytes:
    """Header of the samples at these positions: from the one of the whole image, or of .npy where there is none."""
    shape = tuple(map(len, positions))
    if head is None:
        return npy.header(Layout(shape, layout.dtype, layout.first_axis_fastest))
    return nifti.select(head, [part.start for part in positions], [part.step for part in positions], list(shape))
