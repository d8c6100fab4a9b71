"""Samples with a slope and an intercept for each slice, as PET has them: what nibabel reads such a series through."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from voxz.volume.selection import Index


class ScaledSlices:
    """Stored samples times slopes plus intercepts, computed for what is asked; an array proxy of nibabel.

    Parameters
    ----------
    stored : samples, an `Image` or an array, indexed like an array
    scaling : pairs ``(slope, intercept)`` for each slice, of shape ``stored.shape[2:] + (2,)``
    """

    is_proxy = True

    def __init__(self, stored: Any, scaling: NDArray[np.float64]) -> None:
        self._stored = stored
        self.shape: tuple[int, ...] = stored.shape
        self._slopes, self._intercepts = (np.broadcast_to(scaling[..., k], self.shape) for k in range(2))

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the scaled samples."""
        return np.dtype(np.float64)

    def __getitem__(self, index: Index | tuple[Index, ...]) -> Any:
        return self._stored[index] * self._slopes[index] + self._intercepts[index]

    def get_unscaled(self) -> NDArray[Any]:
        """The stored samples."""
        return np.asarray(self._stored)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("samples are scaled to a new array; they cannot be one without a copy (copy=False)")
        return np.asarray(self[...], dtype)
