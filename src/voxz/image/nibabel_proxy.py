"""What nibabel needs of an array of stored samples: slope and intercept are applied to what is read."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray


class Stored(Protocol):
    """An array, or an `Image`."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""

    @property
    def ndim(self) -> int:
        """Number of axes."""

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of the stored samples."""

    def __getitem__(self, index: Any) -> Any:
        """Part of the samples."""


class Scaled:
    """`image` with slope and intercept applied, as nibabel does it (`scale`)."""

    def __init__(self, image: Stored, slope: float | None, intercept: float | None, scale: Any) -> None:
        self._image, self._slope, self._intercept, self._scale = image, slope, intercept, scale
        self.shape, self.ndim = image.shape, image.ndim
        self.is_proxy = True

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of the scaled samples."""
        return np.dtype(np.float64) if self._slope is not None and (self._slope, self._intercept) != (1, 0) else self._image.dtype

    def __getitem__(self, index: Any) -> Any:
        raw = self._image[index]
        if self._slope is None or (self._slope, self._intercept) == (1.0, 0.0):
            return raw
        return self._scale(raw, self._slope, self._intercept)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        del copy
        return np.asarray(self[...], dtype)
