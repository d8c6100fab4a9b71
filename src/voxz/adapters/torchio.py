"""TorchIO reads .voxz by ``torchio.ScalarImage(path, reader=voxz.adapters.torchio.read)``."""

import os

import numpy as np
from numpy.typing import NDArray

from voxz import api
from voxz.adapters.values import affine_of, native, values_of
from voxz.errors import MissingDependencyError, UnsupportedError

try:
    import torch
except ImportError:
    raise MissingDependencyError("this reader needs TorchIO; install it with: pip install 'voxz[torchio]'") from None

SPATIAL = 3


def read(path: str | os.PathLike[str]) -> tuple["torch.Tensor", NDArray[np.float64]]:
    """Samples ``(channels, x, y, z)`` in the units of the header, and the affine (4 x 4, RAS).

    Volumes of a series are channels, as TorchIO has them. `UnsupportedError` for more than four axes.
    """
    with api.open(path) as image:
        samples = native(values_of(image))
        if samples.ndim > SPATIAL + 1:
            raise UnsupportedError(f"TorchIO has images of up to {SPATIAL + 1} axes (got {samples.ndim}); select a part first")
        samples = samples.reshape(*samples.shape, *(1,) * (SPATIAL + 1 - samples.ndim))
        unsigned = {"u2": np.int32, "u4": np.int64}.get(samples.dtype.str[1:])
        channels = np.ascontiguousarray(np.moveaxis(samples, -1, 0), unsigned)
        return torch.from_numpy(channels), affine_of(image)
