"""What an analysis makes of decoded volumes: errors of diffusion maps, of temporal SNR, of Hounsfield units.

Each task looks at the kind of the volume; figures are named with their unit. They answer what PSNR cannot: whether a study's
result would change.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from voxz.bench.volumes import Volume, beside
from voxz.errors import MissingDependencyError

_AIR = (-1100.0, -900.0)
_TISSUES = {"air": _AIR, "fat": (-120.0, -60.0), "soft_tissue": (0.0, 100.0), "liver": (40.0, 80.0), "bone": (300.0, 3000.0)}
"""Ranges in Hounsfield units; others have values like liver, too."""


@dataclass(frozen=True)
class Task:
    """A task by name."""

    name: str
    figures: Callable[[Volume, NDArray[Any]], dict[str, float]]


def task_figures(tasks: tuple[Task, ...], volume: Volume, decoded: NDArray[Any]) -> dict[str, float]:
    """Figures of all tasks that suit the volume."""
    figures: dict[str, float] = {}
    for task in tasks:
        figures |= task.figures(volume, decoded)
    return figures


def diffusion(volume: Volume, decoded: NDArray[Any]) -> dict[str, float]:
    """Root mean square error of fractional anisotropy and mean diffusivity (10**-3 mm**2/s) in tissue.

    Tensors by weighted least squares (dipy) where the mean of the volumes without weighting is above a quarter of its
    99th percentile.
    """
    bval, bvec = beside(volume.path, ".bval"), beside(volume.path, ".bvec")
    if not (bval.is_file() and bvec.is_file()):
        return {}
    try:
        from dipy.core.gradients import gradient_table  # noqa: PLC0415 - in the extra `benchmarks`
        from dipy.reconst.dti import TensorModel  # noqa: PLC0415
    except ImportError:
        raise MissingDependencyError("diffusion maps need dipy; pip install 'voxz[bench]'") from None
    weights, directions = np.loadtxt(bval), np.loadtxt(bvec)
    if weights.size != len(volume.samples):
        return {}
    table = gradient_table(weights, bvecs=directions if directions.shape[0] == weights.size else directions.T)
    still = volume.samples[weights <= max(50.0, weights.min())].mean(axis=0)
    mask = still > np.percentile(still, 99) / 4
    maps = []
    for samples in (volume.samples, decoded):
        tensors = TensorModel(table).fit(samples[:, mask].T.astype(np.float64))
        maps.append((tensors.fa, 1000 * tensors.md))
    (fa, md), (decoded_fa, decoded_md) = maps
    return {"fa_rmse": _rms(decoded_fa - fa), "md_rmse_1e-3_mm2_s": _rms(decoded_md - md)}


def temporal_snr(volume: Volume, decoded: NDArray[Any]) -> dict[str, float]:
    """Relative change of the temporal signal-to-noise ratio of fMRI, median over voxels brighter than the mean, and its RMS."""
    if volume.kind != "fMRI" or len(volume.samples) < 8:
        return {}
    mean = volume.samples.mean(axis=0)
    mask = (mean > mean.mean()) & (volume.samples.std(axis=0) > 0) & (decoded.std(axis=0) > 0)
    before, after = (samples[:, mask].mean(axis=0) / samples[:, mask].std(axis=0) for samples in (volume.samples, decoded))
    relative = after / before - 1
    return {"tsnr_change_percent": 100 * float(np.median(relative)), "tsnr_rms_percent": 100 * _rms(relative)}


def hounsfield(volume: Volume, decoded: NDArray[Any]) -> dict[str, float]:
    """Mean error in Hounsfield units of CT where the original is air, fat, soft tissue, liver (or like it), bone."""
    if volume.kind != "CT":
        return {}
    original = hounsfield_of(volume)
    error = _scaling(volume)[0] * (decoded.astype(np.float64) - volume.samples)
    figures = {}
    for name, (low, high) in _TISSUES.items():
        inside = (original >= low) & (original <= high)
        if inside.any():
            figures[f"hu_bias_{name}"] = float(error[inside].mean())
    return figures


def hounsfield_of(volume: Volume) -> NDArray[np.float64]:
    """Samples of a CT in Hounsfield units."""
    slope, intercept = _scaling(volume)
    scaled = volume.samples * slope + intercept
    if scaled.min() > _AIR[1]:
        scaled = scaled - 1000 - scaled.min()  # stored without its intercept: the darkest voxels are air
    return np.asarray(scaled, np.float64)


TASKS = (Task("diffusion", diffusion), Task("tsnr", temporal_snr), Task("hounsfield", hounsfield))


def _scaling(volume: Volume) -> tuple[float, float]:
    """Slope and intercept of a NIfTI file, else 1 and 0."""
    if volume.path.name.lower().endswith((".nii", ".nii.gz", ".hdr")):
        image: Any = nibabel.load(volume.path)
        return float(image.dataobj.slope), float(image.dataobj.inter)
    return 1.0, 0.0


def _rms(values: NDArray[Any]) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
