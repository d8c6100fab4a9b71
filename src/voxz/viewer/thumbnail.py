"""Thumbnails for the list of a folder: the middle axial slice of a file, read without the rest of it where that can be."""

import contextlib
import math
import zlib
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError, HeaderTypeError
from numpy.typing import NDArray

from voxz.image.lazy import Image
from voxz.image.notebook import middle_picture
from voxz.image.picture import orientation, small, upright, window_of
from voxz.io.names import is_packed

MOST_READ = 1 << 27
"""Bytes of samples of a NIfTI file that are read, or inflated, for one thumbnail."""

_SIDE = 160

_FAULTS = (ImageFileError, HeaderDataError, HeaderTypeError, ValueError, EOFError, zlib.error)
"""What nibabel raises of a file that is no image, or is cut."""


def thumbnail(place: Path) -> bytes | None:
    """PNG of an image, or of the first one in an archive; None if there is none, or it costs too much."""
    if is_packed(place):
        with Image(place) as archive:
            for image in archive.series[:1]:
                with image:
                    return middle_picture(image, _SIDE)
        return None
    with contextlib.suppress(*_FAULTS):
        return _of_nifti(place)
    return None


def _of_nifti(place: Path) -> bytes | None:
    """Of a series, the first volume is shown; as much of the file is read as lies before the end of the slice."""
    image: Any = nibabel.load(place)
    shape, dtype = image.shape, np.dtype(image.dataobj.dtype)
    if len(shape) < 2 or 0 in shape:
        return None
    order, flips = orientation(image.affine, len(shape))
    index: list[Any] = [0] * len(shape)
    index[order[0]] = index[order[1]] = slice(None)
    if len(shape) > 2:
        index[order[2]] = shape[order[2]] // 2
    slices = index[2] + 1 if len(shape) > 2 and order[2] == 2 else math.prod(shape[2:3])
    if math.prod(shape[:2]) * slices * dtype.itemsize > MOST_READ:
        return None
    samples = upright(_plane(image.dataobj[tuple(index)]), order[0], order[1], (flips[0], flips[1]))
    zooms = [abs(float(zoom)) or 1.0 for zoom in image.header.get_zooms()]
    low, high = (float(image.header[name]) for name in ("cal_min", "cal_max"))
    return small(samples, (zooms[order[1]], zooms[order[0]]), (low, high) if high > low else window_of([samples]), _SIDE)


def _plane(samples: NDArray[Any]) -> NDArray[Any]:
    """Colours as an axis of their own."""
    if samples.dtype.names is None:
        return samples
    return np.stack([samples[name] for name in samples.dtype.names], axis=-1)
