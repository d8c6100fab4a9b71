"""How much two images differ, on the stored samples, with every figure's data range stated."""

import math
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.errors import UnsupportedError, UsageError
from voxz.metrics import data_range_of, errors, psnr, ssim
from voxz.samples import read_samples


def compare(a: str | os.PathLike[str], b: str | os.PathLike[str]) -> dict[str, Any]:
    """Compare the samples of two files (.voxz, NIfTI or .npy), `a` being the reference.

    Returns
    -------
    dict
        `identical`; `max_error` and `rmse` in stored units; `psnr_db` for the `data_range` max - min of `a` (None when
        the samples are equal); `ssim` (see `voxz.metrics.ssim`), None for slices smaller than its window; the same for
        each volume in `volumes`, with `psnr_db` per slice along z.

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
    data_range = data_range_of(first)
    volumes = [_measure(x, y, data_range) for x, y in zip(first, second, strict=True)]
    squares = [volume.pop("mean_square") for volume in volumes]
    mean_square = float(np.mean(squares)) if squares else 0.0
    ssims = [volume["ssim"] for volume in volumes if volume["ssim"] is not None]
    return {
        "identical": first.dtype == second.dtype and first.tobytes() == second.tobytes(),
        "data_range": data_range,
        "max_error": max((volume["max_error"] for volume in volumes), default=0.0),
        "rmse": math.sqrt(mean_square),
        "psnr_db": psnr(mean_square, data_range),
        "ssim": float(np.mean(ssims)) if ssims else None,
        "volumes": volumes,
    }


def _measure(a: NDArray[Any], b: NDArray[Any], data_range: float) -> dict[str, Any]:
    """Figures of one volume ``(z, y, x, channels)``."""
    error = errors(a, b)
    squares = error.astype(np.float64) ** 2
    per_slice = squares.mean(axis=(1, 2, 3)) if squares.size else np.zeros(0)
    mean_square = float(squares.mean()) if squares.size else 0.0
    ssims = [ssim(a[..., channel], b[..., channel], data_range) for channel in range(a.shape[-1])]
    known = [value for value in ssims if value is not None]
    return {
        "max_error": float(np.abs(error).max(initial=0)),
        "rmse": math.sqrt(mean_square) if mean_square >= 0 else math.nan,
        "psnr_db": psnr(mean_square, data_range),
        "ssim": float(np.mean(known)) if known else None,
        "slices_psnr_db": [psnr(float(value), data_range) for value in per_slice],
        "mean_square": mean_square,
    }
