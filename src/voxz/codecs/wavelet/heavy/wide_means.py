"""Means over wide surroundings that are coded already, as inputs of the heavy profile's network: how strong the noise is here.

Above, a mean that fades by a quarter a row; of the slices before, means of 5 x 5 that fade by half a slice. Of parent and
sisters, means over about five coefficients along each axis.
"""

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet.heavy.tables import log2_of
from voxz.jit import at, kernel

_UNIT = 16.0
_HALF, _SHIFT = 8, 4.0


@kernel
def log_of_mean(mean):  # type: ignore[no-untyped-def]
    """``log2(mean + 1/2)`` of a mean rounded down to 1/16."""
    return log2_of(np.int64(mean * _UNIT) + _HALF) - _SHIFT


@kernel
def _box(row, x):  # type: ignore[no-untyped-def]
    """Mean of five magnitudes around x; `row` with margins of two."""
    return (np.float64(row[at(x)]) + row[at(x + 1)] + row[at(x + 2)] + row[at(x + 3)] + row[at(x + 4)]) * 0.2


@kernel
def next_slice(magnitudes, z, before, boxes):  # type: ignore[no-untyped-def]
    """Take slice z - 1 into the fading mean of finished slices.

    Parameters
    ----------
    magnitudes : int32, rows of the band with margins, see `band_rows`
    z : 1 or more
    before : float64 (y, x), the mean, changed
    boxes : float64 (y, x), room
    """
    height, width = before.shape
    for y in range(height):
        row = magnitudes[(z - 1) * height + y]
        for x in range(width):
            boxes[y, x] = _box(row, x)
    for y in range(height):
        line = before[y]
        for x in range(width):
            total = 0.0
            for k in range(max(0, y - 2), min(height, y + 3)):
                total += boxes[k, x]
            line[x] = total * 0.2 if z == 1 else 0.5 * line[x] + 0.5 * (total * 0.2)


@kernel
def next_row(row, above):  # type: ignore[no-untyped-def]
    """Take a finished `row` with margins into the fading mean `above` ``(x)``."""
    for x in range(above.size):
        above[x] = 0.75 * above[x] + 0.25 * _box(row, x)


@kernel
def logs_of_means(means, logs):  # type: ignore[no-untyped-def]
    """Fill `logs` with `log_of_mean` of flat `means`.

    Parameters
    ----------
    means : float64 (n,), from 0 on
    logs : float64 (n,), filled
    """
    for i in range(means.size):
        logs[at(i)] = log_of_mean(means[at(i)])


def logs_of_plane(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """`log_of_mean` of a plane."""
    logs = np.zeros(means.size)
    logs_of_means(np.ascontiguousarray(means).ravel(), logs)
    return logs.reshape(means.shape)
