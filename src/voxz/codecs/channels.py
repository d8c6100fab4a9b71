"""Channels of a brick as volumes of its series, and back."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)


def to_series(dense: NDArray[Scalar]) -> NDArray[Scalar]:
    """Channels become volumes of the series: sample by sample they resemble each other."""
    return dense.transpose(0, 4, 1, 2, 3).reshape(-1, *dense.shape[1:4])


def from_series(dense: NDArray[Scalar], shape: tuple[int, ...]) -> NDArray[Scalar]:
    """Inverse of `to_series` for a brick with the series and channels of `shape`, at any resolution."""
    return dense.reshape(shape[0], shape[4], *dense.shape[1:]).transpose(0, 2, 3, 4, 1)
