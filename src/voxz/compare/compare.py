"""How much two images differ, on the stored samples, with every figure's data range stated."""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.compare.error_structure import Autocorrelation, histogram_edges
from voxz.errors import UnsupportedError, UsageError
from voxz.image.facts import plain
from voxz.image.load import read_samples, spacing_of
from voxz.io.output import complete_file, refuse_overwrite
from voxz.metrics import data_range_of, errors, psnr, ssim
from voxz.plotting import require_matplotlib


@dataclass(frozen=True)
class VolumeComparison:
    """Figures of one volume of a series, and of its slices along z; see `Comparison`."""

    max_error: float
    mean_error: float
    rmse: float
    psnr_db: float | None
    foreground_psnr_db: float | None
    ssim: float | None
    autocorrelation: dict[str, float | None]
    slices_max_error: tuple[float, ...]
    slices_mean_error: tuple[float, ...]
    slices_rmse: tuple[float, ...]
    slices_psnr_db: tuple[float | None, ...]


@dataclass(frozen=True)
class Histogram:
    """n + 1 `edges` and n `counts` of the errors, one bin for each whole number where they are few."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Comparison:
    """How much image b differs from image a; errors are b - a, in stored units.

    Attributes
    ----------
    identical : same type, same bits
    shape : ``(series, z, y, x, channels)``
    dtype : of a
    data_range : max - min of a
    max_error, mean_error, rmse : largest magnitude, bias, root mean square
    psnr_db : for the data range; None when the samples are equal
    foreground_psnr_db : the same over the voxels that are not constant background of a (see `voxz.volume.background`)
    foreground_share : share of those voxels
    ssim : see `voxz.metrics.ssim`; None for slices smaller than its window
    autocorrelation : of errors one step apart along x, y, z and t; None where they are all the same
    histogram : of the errors
    volumes : the same for each volume
    """

    identical: bool
    shape: tuple[int, ...]
    dtype: str
    data_range: float
    max_error: float
    mean_error: float
    rmse: float
    psnr_db: float | None
    foreground_psnr_db: float | None
    foreground_share: float
    ssim: float | None
    autocorrelation: dict[str, float | None]
    histogram: Histogram
    volumes: tuple[VolumeComparison, ...]

    def to_dict(self) -> dict[str, Any]:
        """Dict of plain values, fit for strict JSON: NaN and infinity become None."""
        result: dict[str, Any] = plain(self)
        return result


def compare(
    a: str | os.PathLike[str], b: str | os.PathLike[str], *, plot: str | os.PathLike[str] | None = None, force: bool = False
) -> Comparison:
    """Compare the samples of two files (.voxz, NIfTI or .npy), `a` being the reference; errors are b - a, in stored units.

    Parameters
    ----------
    plot : write a picture (PNG) of the volume with the largest error there
    force : replace an existing picture

    Raises
    ------
    UsageError
        Shapes differ, or the picture is there already.
    UnsupportedError
        Samples are not real numbers.
    MissingDependencyError
        The picture needs matplotlib.
    """
    if plot is not None:
        refuse_overwrite(Path(plot), force)
        require_matplotlib()
    first, second = read_samples(a), read_samples(b)
    if first.shape != second.shape:
        raise UsageError(
            f"shapes differ: {first.shape} and {second.shape} (series, z, y, x, channels); compare images of the same shape"
        )
    for name, samples in ((a, first), (b, second)):
        if samples.dtype.kind not in "iufb":
            raise UnsupportedError(f"{name} has samples of type {samples.dtype}, expected real numbers")
    with np.errstate(invalid="ignore", over="ignore"):  # figures of NaN and infinity are NaN or infinity themselves
        result = compared(first, second)
    if plot is not None:
        largest = max(range(len(first)), key=lambda t: result.volumes[t].max_error, default=None)
        if largest is None or not first.size:
            raise UsageError(f"cannot plot {plot}: the images have no samples")
        titles = (Path(a).name, Path(b).name)
        from voxz.compare.figure import draw  # noqa: PLC0415 - few comparisons are drawn

        png = draw(first[largest], second[largest], titles, result.to_dict(), largest, spacing_of(a) or (1.0, 1.0, 1.0))
        with complete_file(plot, force) as file:
            file.write(png)
    return result


def compared(first: NDArray[Any], second: NDArray[Any]) -> Comparison:
    """`compare` for samples ``(series, z, y, x, channels)``, real numbers of one shape."""
    from voxz.volume.background import find_background  # noqa: PLC0415 - its kernels

    data_range = data_range_of(first)
    background = find_background(first)
    foreground = None if background is None else ~background.mask
    volumes: list[VolumeComparison] = []
    squares, inside = [], []
    before, all_errors = None, Autocorrelation()
    for x, y in zip(first, second, strict=True):
        error = errors(y, x)
        seen = None if foreground is None else foreground[len(volumes)]
        volume, mean_square, of_foreground = _measure(x, y, error, seen, data_range)
        volumes.append(volume)
        squares.append(mean_square)
        inside.append(of_foreground)
        all_errors.add(error, before)
        before = error
    ssims = [volume.ssim for volume in volumes if volume.ssim is not None]
    return Comparison(
        identical=first.dtype == second.dtype and first.tobytes() == second.tobytes(),
        shape=first.shape,
        dtype=first.dtype.name,
        data_range=data_range,
        max_error=max((volume.max_error for volume in volumes), default=0.0),
        mean_error=_mean([volume.mean_error for volume in volumes]),
        rmse=math.sqrt(_mean(squares)),
        psnr_db=psnr(_mean(squares), data_range),
        foreground_psnr_db=psnr(_mean(inside), data_range),
        foreground_share=1.0 if foreground is None else float(foreground.mean()),
        ssim=_mean(ssims) if ssims else None,
        autocorrelation=all_errors.result(),
        histogram=_histogram(first, second),
        volumes=tuple(volumes),
    )


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else 0.0


def _measure(
    a: NDArray[Any], b: NDArray[Any], error: NDArray[Any], foreground: NDArray[np.bool_] | None, data_range: float
) -> tuple[VolumeComparison, float, float]:
    """Figures of one volume ``(z, y, x, channels)``; mean squared errors of all of it and of its foreground."""
    if not a.size:
        error = np.zeros((0, 1, 1, 1))
    squares = error.astype(np.float64) ** 2
    inside = squares if foreground is None or not a.size else squares[foreground]
    ssims = [ssim(a[..., channel], b[..., channel], data_range) for channel in range(a.shape[-1])]
    known = [value for value in ssims if value is not None]
    of_slices = squares.mean(axis=(1, 2, 3))
    mean_square = _mean([float(value) for value in of_slices])
    own = Autocorrelation()
    own.add(error)
    of_foreground = float(inside.mean()) if inside.size else 0.0
    volume = VolumeComparison(
        max_error=float(np.abs(error).max(initial=0)),
        mean_error=float(error.mean()) if error.size else 0.0,
        rmse=math.sqrt(mean_square) if mean_square >= 0 else math.nan,
        psnr_db=psnr(mean_square, data_range),
        foreground_psnr_db=psnr(of_foreground, data_range),
        ssim=float(np.mean(known)) if known else None,
        autocorrelation=own.result(),
        slices_max_error=tuple(float(value) for value in np.abs(error).max(axis=(1, 2, 3))),
        slices_mean_error=tuple(float(value) for value in error.mean(axis=(1, 2, 3))),
        slices_rmse=tuple(math.sqrt(value) for value in of_slices),
        slices_psnr_db=tuple(psnr(float(value), data_range) for value in of_slices),
    )
    return volume, mean_square, of_foreground


def _histogram(first: NDArray[Any], second: NDArray[Any]) -> Histogram:
    """Edges and counts; errors that are NaN or infinite are in no bin."""
    low = high = 0.0
    whole = True
    for error in _finite_errors(first, second):
        low, high = min(low, float(error.min(initial=0))), max(high, float(error.max(initial=0)))
        whole = whole and error.dtype.kind == "i"
    edges = histogram_edges(low, high, whole)
    counts = np.zeros(len(edges) - 1, np.int64)
    for error in _finite_errors(first, second):
        counts += np.histogram(error, edges)[0]
    return Histogram(tuple(edges.tolist()), tuple(counts.tolist()))


def _finite_errors(first: NDArray[Any], second: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Errors of one volume after the other."""
    for x, y in zip(first, second, strict=True):
        error = errors(y, x)
        yield error if error.dtype.kind == "i" else error[np.isfinite(error)]
