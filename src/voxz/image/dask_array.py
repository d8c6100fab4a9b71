"""An image as a dask array, whose chunks are bricks: a chunk decodes its brick and no other, once.

Chunks are named by the content of the image (the SHA-256 of its samples), so results are found again whatever the path of the
file is, and a file that was replaced is another array.
"""

from typing import TYPE_CHECKING

import numpy as np

from voxz.errors import MissingDependencyError

if TYPE_CHECKING:
    from dask.array import Array

    from voxz.image.lazy import Image


def dask_array(image: "Image", sha256: bytes) -> "Array":
    """Stored samples of an image, with `image.chunks`; `MissingDependencyError` without dask."""
    try:
        from dask.array import from_array  # noqa: PLC0415 - an extra
        from dask.base import tokenize  # noqa: PLC0415
    except ImportError:
        raise MissingDependencyError("arrays of dask need dask; install it with: pip install 'voxz[dask]'") from None
    name = f"voxz-{tokenize(sha256.hex(), image.shape, image.dtype.str, image.chunks)}"
    nothing = np.empty((0,) * image.ndim, image.dtype)
    return from_array(image, image.chunks, name=name, asarray=True, fancy=False, meta=nothing)
