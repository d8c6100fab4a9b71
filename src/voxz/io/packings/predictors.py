"""What is done with samples before they are compressed: differences along rows, or another order of their bytes.

Differences are those of TIFF 6.0, section 14, and of TIFF Technical Note 3 for floats. The order is that of HDF5: the first bytes
of all samples, then the second ones, and so on.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.errors import CorruptError

NONE, DIFFERENCES, FLOATS = 1, 2, 3
"""TIFF's numbers."""

SHUFFLE = 0x10000
"""Not one of them."""


def undo(data: bytes, predictor: int, row: int, channels: int, dtype: np.dtype[np.generic]) -> bytes:
    """Samples from what was compressed: rows of `row` samples, of which neighbours are `channels` apart."""
    if predictor == NONE:
        return data
    if predictor == SHUFFLE:
        return np.frombuffer(data, np.uint8).reshape(dtype.itemsize, -1).T.tobytes()
    size, big = dtype.itemsize, dtype.newbyteorder(">")
    if predictor == DIFFERENCES:
        steps = np.frombuffer(data, _unsigned(dtype)).reshape(-1, row // channels, channels)
        native = steps.astype(steps.dtype.newbyteorder("="))
        return np.cumsum(native, axis=1, dtype=native.dtype).astype(steps.dtype).tobytes()
    bytes_of_rows = np.frombuffer(data, np.uint8).reshape(-1, row * size // channels, channels)
    planes = np.cumsum(bytes_of_rows, axis=1, dtype=np.uint8).reshape(-1, size, row)
    return np.ascontiguousarray(planes.transpose(0, 2, 1)).view(_unsigned(big)).astype(_unsigned(dtype)).tobytes()


def redo(samples: bytes, predictor: int, row: int, channels: int, dtype: np.dtype[np.generic]) -> bytes:
    """What is compressed, from the samples."""
    if predictor == NONE:
        return samples
    if predictor == SHUFFLE:
        return np.frombuffer(samples, np.uint8).reshape(-1, dtype.itemsize).T.tobytes()
    size, big = dtype.itemsize, dtype.newbyteorder(">")
    if predictor == DIFFERENCES:
        native = np.frombuffer(samples, _unsigned(dtype)).astype(_unsigned(dtype).newbyteorder("="))
        return _steps(native.reshape(-1, row // channels, channels)).astype(_unsigned(dtype)).tobytes()
    values = np.frombuffer(samples, _unsigned(dtype)).astype(_unsigned(big)).view(np.uint8).reshape(-1, row, size)
    planes = np.ascontiguousarray(values.transpose(0, 2, 1))
    return _steps(planes.reshape(-1, row * size // channels, channels)).tobytes()


def check(predictor: int, row: int, channels: int, dtype: np.dtype[np.generic]) -> None:
    """`CorruptError` for what is not there."""
    kinds = {NONE: "biufcV", DIFFERENCES: "iu", FLOATS: "f", SHUFFLE: "biufcV"}
    if dtype.kind not in kinds.get(predictor, "") or channels < 1 or row < 1 or row % channels:
        raise CorruptError(f"there is no predictor {predictor} for rows of {row} samples of {dtype}, {channels} a pixel")


def _steps(values: NDArray[Any]) -> NDArray[Any]:
    """Each row's first pixel, and the steps from there; modulo what the type holds."""
    return np.concatenate([values[:, :1], values[:, 1:] - values[:, :-1]], axis=1)


def _unsigned(dtype: np.dtype[np.generic]) -> np.dtype[np.generic]:
    return np.dtype(f"{'>' if dtype.str[0] == '>' else '<'}u{dtype.itemsize}")
