"""How much a decoded image differs from the original: largest error, mean square, PSNR, SSIM.

Errors are exact for integers (no wrap-around, no float64 rounding below 64 bits); NaN equals NaN and an infinity equals
itself. PSNR has the data range that the caller states, here always max - min of the original.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

WINDOW = 7
"""Side of a window of SSIM, in voxels."""

_LEAST = 1e-140
"""Numbers from here on, and down from its inverse, have squares that are doubles."""

_SLAB = 1 << 22
"""SSIM is computed on slabs of about this many voxels, to bound its memory."""


def errors(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """Return ``a - b``, as int64 where that is exact, else as float64 with 0 where both are the same NaN or infinity."""
    if a.dtype.kind in "iub" and b.dtype.kind in "iub" and a.dtype.itemsize < 8 and b.dtype.itemsize < 8:
        return a.astype(np.int64) - b.astype(np.int64)
    x, y = a.astype(np.float64), b.astype(np.float64)
    same = (x == y) | (np.isnan(x) & np.isnan(y))
    with np.errstate(invalid="ignore"):
        return np.where(same, 0.0, x - y)


def extent_of(samples: NDArray[Any]) -> tuple[float, float]:
    """Lowest and highest finite sample, for real numbers; (inf, -inf) if there is none."""
    finite = samples[np.isfinite(samples)] if samples.dtype.kind == "f" else samples
    return (float(finite.min()), float(finite.max())) if finite.size else (math.inf, -math.inf)


def data_range_of(samples: NDArray[Any]) -> float:
    """Max - min of the finite samples; 0 if there is none."""
    if samples.dtype.kind != "f":
        return float(int(samples.max()) - int(samples.min())) if samples.size else 0.0
    low, high = extent_of(samples)
    return max(0.0, high - low)


def psnr(mean_square: float, data_range: float) -> float | None:
    """Peak signal-to-noise ratio in dB, None without any error or range, or where they are beyond all numbers."""
    if not (0 < mean_square < math.inf and 0 < data_range < math.inf):
        return None
    if mean_square >= _LEAST and _LEAST <= data_range <= 1 / _LEAST:
        return 10 * math.log10(data_range**2 / mean_square)
    return 20 * math.log10(data_range) - 10 * math.log10(mean_square)


def ssim(a: NDArray[Any], b: NDArray[Any], data_range: float) -> float | None:
    """Mean structural similarity of a volume ``(z, y, x)`` with uniform windows of 7 x 7 x 7 voxels.

    Wang et al., IEEE Trans. Image Processing 13(4), 2004, with sample covariances. An axis shorter than the window is not
    windowed; None if x or y is, or the range is 0.
    """
    if min(a.shape[1:]) < WINDOW or data_range <= 0:
        return None
    depth = WINDOW if len(a) >= WINDOW else 1
    step = max(1, _SLAB // (a.shape[1] * a.shape[2]))
    total = count = 0.0
    for first in range(0, len(a) - depth + 1, step):
        part = slice(first, first + step + depth - 1)
        similarity = _similarity(a[part].astype(np.float64), b[part].astype(np.float64), data_range, depth)
        total += float(similarity.sum())
        count += similarity.size
    return total / count


def _similarity(x: NDArray[Any], y: NDArray[Any], data_range: float, depth: int) -> NDArray[Any]:
    window = (depth, WINDOW, WINDOW)
    mean_x, mean_y = _means(x, window), _means(y, window)
    unbiased = math.prod(window) / (math.prod(window) - 1)
    var_x = unbiased * (_means(x * x, window) - mean_x**2)
    var_y = unbiased * (_means(y * y, window) - mean_y**2)
    covariance = unbiased * (_means(x * y, window) - mean_x * mean_y)
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    similarity = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    similarity /= (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    return np.asarray(similarity)


def _means(image: NDArray[Any], window: tuple[int, ...]) -> NDArray[Any]:
    """Means over all windows that lie inside."""
    for axis, width in enumerate(window):
        sums = np.insert(image.cumsum(axis=axis), 0, 0, axis=axis)
        moved = np.moveaxis(sums, axis, 0)
        image = np.moveaxis(moved[width:] - moved[:-width], 0, axis) / width
    return image
