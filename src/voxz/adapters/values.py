"""Samples in the units of their header, as hosts take them: lazily, through what nibabel makes of an image."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.errors import UnsupportedError
from voxz.image.lazy import Image


def values_of(image: Image) -> Any:
    """What is indexed like the image and gives samples after slope and intercept; the image itself where there are none.

    Colour images, plain arrays, and samples of a type that NIfTI does not have, are the image itself.
    """
    try:
        return image.to_nibabel().dataobj
    except UnsupportedError:
        return image


def native(samples: Any) -> NDArray[Any]:
    """An array of samples in native byte order, in C order, of a type that other programs have: no float16, no booleans."""
    array: NDArray[Any] = np.asarray(samples)
    other: dict[str, type[np.generic]] = {"?": np.uint8, "e": np.float32}
    return np.ascontiguousarray(array, np.dtype(other.get(array.dtype.char, array.dtype.newbyteorder("="))))


def affine_of(image: Image) -> NDArray[np.float64]:
    """Indices to mm (4 x 4, RAS): that of the image, or voxel sizes of 1 mm if it says nothing."""
    affine = image.affine
    return np.eye(4) if affine is None else affine
