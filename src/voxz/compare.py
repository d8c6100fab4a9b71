"""How much two images differ, on the stored samples, with every figure's data range stated."""

import math
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.errors import UnsupportedError, UsageError
from voxz.samples import read_samples

WINDOW = 7


def compare(a: str | os.PathLike[str], b: str | os.PathLike[str]) -> dict[str, Any]:
    """Compare the samples of two files (.voxz, NIfTI or .npy), `a` being the reference.

    Returns
    -------
    dict
        `identical`; `max_error` and `rmse` in stored units; `psnr_db` for the `data_range` max - min of `a` (None when
        the samples are equal); `ssim` (mean over slices, 7 x 7 window; Wang et al. 2004), None for slices smaller than
        that; the same for each volume in `volumes`, with `psnr_db` per slice along z.

    Raises
    ------
    UsageError
        Shapes differ.
    UnsupportedError
        Samples are not real numbers.
    """
    first, second = read_samples(a), read_samples(b)
    if first.shape != second.shape:
        raise UsageError(f"got shapes {first.shape} and {second.shape} (series, z, y, x, channels), expected equal ones")
    for name, samples in ((a, first), (b, second)):
        if samples.dtype.kind not in "iufb":
            raise UnsupportedError(f"{name} has samples of type {samples.dtype}, expected real numbers")
    data_range = float(np.ptp(first.astype(np.float64))) if first.size else 0.0
    volumes = [_measure(x, y, data_range) for x, y in zip(first, second, strict=True)]
    squares = [volume.pop("mean_square") for volume in volumes]
    mean_square = float(np.mean(squares)) if squares else 0.0
    ssims = [volume["ssim"] for volume in volumes if volume["ssim"] is not None]
    return {
        "identical": first.dtype == second.dtype and first.tobytes() == second.tobytes(),
        "data_range": data_range,
        "max_error": max((volume["max_error"] for volume in volumes), default=0.0),
        "rmse": math.sqrt(mean_square),
        "psnr_db": _psnr(mean_square, data_range),
        "ssim": float(np.mean(ssims)) if ssims else None,
        "volumes": volumes,
    }


def _measure(a: NDArray[Any], b: NDArray[Any], data_range: float) -> dict[str, Any]:
    """Figures of one volume ``(z, y, x, channels)``."""
    if a.dtype.kind in "iub" and b.dtype.kind in "iub" and a.dtype.itemsize < 8 and b.dtype.itemsize < 8:
        error = a.astype(np.int64) - b.astype(np.int64)
        largest = float(np.abs(error).max(initial=0))
    else:
        x, y = a.astype(np.float64), b.astype(np.float64)
        same = (x == y) | (np.isnan(x) & np.isnan(y))
        with np.errstate(invalid="ignore"):
            error = np.where(same, 0.0, x - y)
        largest = float(np.abs(error).max(initial=0))
    squares = error.astype(np.float64) ** 2
    per_slice = squares.mean(axis=(1, 2, 3)) if squares.size else np.zeros(0)
    mean_square = float(squares.mean()) if squares.size else 0.0
    return {
        "max_error": largest,
        "rmse": math.sqrt(mean_square) if mean_square >= 0 else math.nan,
        "psnr_db": _psnr(mean_square, data_range),
        "ssim": _ssim(a, b, data_range),
        "slices_psnr_db": [_psnr(float(value), data_range) for value in per_slice],
        "mean_square": mean_square,
    }


def _psnr(mean_square: float, data_range: float) -> float | None:
    """Peak signal-to-noise ratio in dB, None without any error."""
    if mean_square == 0 or data_range <= 0:
        return None
    return 10 * math.log10(data_range**2 / mean_square)


def _ssim(a: NDArray[Any], b: NDArray[Any], data_range: float) -> float | None:
    """Mean structural similarity of the slices of one volume, uniform window."""
    if min(a.shape[1:3]) < WINDOW or data_range <= 0:
        return None
    total = 0.0
    for x_slice, y_slice in zip(a, b, strict=True):
        x, y = x_slice.astype(np.float64), y_slice.astype(np.float64)
        mean_x, mean_y = _box(x), _box(y)
        unbiased = WINDOW**2 / (WINDOW**2 - 1)
        var_x = unbiased * (_box(x * x) - mean_x**2)
        var_y = unbiased * (_box(y * y) - mean_y**2)
        covariance = unbiased * (_box(x * y) - mean_x * mean_y)
        c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
        similarity = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
        similarity /= (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
        total += float(similarity.mean())
    return total / len(a)


def _box(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means over all WINDOW x WINDOW windows inside ``(y, x, channels)``."""
    sums = np.pad(image, ((1, 0), (1, 0), (0, 0))).cumsum(axis=0).cumsum(axis=1)
    w = WINDOW
    return np.asarray(sums[w:, w:] - sums[:-w, w:] - sums[w:, :-w] + sums[:-w, :-w]) / w**2
