"""What an analysis makes of a series, before and after: temporal signal-to-noise ratio, and the tensor of diffusion MRI."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voxz.report.evidence import Evidence, Samples

FEWEST = 8
"""Volumes from which on a series has a temporal signal-to-noise ratio."""

FEWEST_DIRECTIONS = 6
_NO_WEIGHTING = 50.0
"""s/mm**2 up to which a volume counts as not weighted."""

Map = NDArray[np.float64]


@dataclass(frozen=True)
class Before:
    """A map ``(z, y, x)`` of the original and of what was decoded; NaN where there is none.

    Attributes
    ----------
    name, unit : of the map
    low, high : values that are drawn black and white
    """

    name: str
    unit: str
    before: Map
    after: Map
    low: float
    high: float

    @property
    def change(self) -> Map:
        """Decoded less original."""
        return self.after - self.before

    @property
    def words(self) -> str:
        """How much changed, in a line."""
        change, before = self.change, self.before
        known = np.isfinite(change)
        if not known.any():
            return "no voxel has one"
        unit = f" {self.unit}" if self.unit else ""
        rms, median = float(np.sqrt(np.mean(change[known] ** 2))), float(np.median(change[known]))
        return f"median {np.median(before[known]):.4g}{unit}, changed by {median:+.2g} (median), {rms:.2g} (RMS){unit}"


def maps_of(evidence: Evidence) -> list[Before]:
    """Maps that the data allow; none without an original."""
    if evidence.original is None or evidence.original.shape[4] > 1:
        return []
    series = (evidence.original[..., 0], evidence.decoded[..., 0])
    if evidence.gradients:
        return _diffusion(series, *evidence.gradients)
    return _temporal(series) if len(series[0]) >= FEWEST else []


def _temporal(series: tuple[Samples, Samples]) -> list[Before]:
    """Mean over standard deviation of each voxel brighter than the mean, without its linear trend."""
    mean = series[0].mean(axis=0, dtype=np.float64)
    mask = mean > mean.mean()
    time = np.arange(len(series[0])) - (len(series[0]) - 1) / 2

    def ratio(samples: Samples) -> Map:
        found = np.full(mean.shape, np.nan)
        values = samples[:, mask].astype(np.float64)
        centred = values - values.mean(axis=0)
        centred -= time[:, None] * (time @ centred / (time @ time))
        spread = np.sqrt((centred**2).sum(axis=0) / max(1, len(values) - 2))
        found[mask] = np.divide(values.mean(axis=0), spread, out=np.full(spread.shape, np.nan), where=spread > 0)
        return found

    before, after = map(ratio, series)
    return [Before("temporal SNR", "", before, after, 0.0, _high(before))]


def _diffusion(series: tuple[Samples, Samples], bval: Path, bvec: Path) -> list[Before]:
    """Fractional anisotropy and mean diffusivity; none if the tables do not suit the series."""
    try:
        weights, directions = np.loadtxt(bval, ndmin=1), np.loadtxt(bvec, ndmin=2)
    except (OSError, ValueError):
        return []
    directions = directions if directions.shape[-1] == 3 and directions.shape[0] == weights.size else directions.T
    still = weights <= max(_NO_WEIGHTING, float(weights.min(initial=0)))
    if directions.shape != (len(series[0]), 3) or np.count_nonzero(~still) < FEWEST_DIRECTIONS or not still.any():
        return []
    bright = series[0][still].mean(axis=0, dtype=np.float64)
    mask = bright > np.percentile(bright, 99) / 4
    if not mask.any():
        return []
    found = [tensor_maps(samples[:, mask].astype(np.float64), weights, directions) for samples in series]

    def placed(values: Map) -> Map:
        volume = np.full(mask.shape, np.nan)
        volume[mask] = values
        return volume

    (fa, md), (decoded_fa, decoded_md) = found
    return [
        Before("fractional anisotropy", "", placed(fa), placed(decoded_fa), 0.0, 1.0),
        Before("mean diffusivity", "10⁻³ mm²/s", placed(1000 * md), placed(1000 * decoded_md), 0.0, 3.0),
    ]


def tensor_maps(signals: Map, weights: Map, directions: Map) -> tuple[Map, Map]:
    """Fractional anisotropy and mean diffusivity (mm**2/s) of voxels, by weighted linear least squares of log signals.

    The weights are the squared signals that an unweighted fit predicts (Salvador et al., Human Brain Mapping 24, 2005).

    Parameters
    ----------
    signals : ``(volumes, voxels)``
    weights : b in s/mm**2 ``(volumes,)``
    directions : ``(volumes, 3)``
    """
    x, y, z = np.nan_to_num(directions).T
    design = np.stack([x * x, y * y, z * z, 2 * x * y, 2 * x * z, 2 * y * z], axis=1) * -weights[:, None]
    design = np.hstack([design, np.ones((len(weights), 1))])
    logs = np.log(np.maximum(signals, 1e-3 * max(1e-12, float(signals.max(initial=0)))))
    fa, md = np.empty(signals.shape[1]), np.empty(signals.shape[1])
    inverse = np.linalg.pinv(design)
    for first in range(0, signals.shape[1], 1 << 14):
        part = logs[:, first : first + (1 << 14)]
        squares = np.exp(2 * np.minimum(design @ (inverse @ part), 300.0)).T
        normal = np.einsum("vk,nv,vl->nkl", design, squares, design, optimize=True)
        right = np.einsum("vk,nv,vn->nk", design, squares, part, optimize=True)
        fitted = np.einsum("nkl,nl->nk", np.linalg.pinv(normal, hermitian=True), right)
        tensors = fitted[:, [0, 3, 4, 3, 1, 5, 4, 5, 2]].reshape(-1, 3, 3)
        values = np.maximum(np.linalg.eigvalsh(np.nan_to_num(tensors)), 0)
        mean = values.mean(axis=1)
        spread, size = ((values - mean[:, None]) ** 2).sum(axis=1), (values**2).sum(axis=1)
        place = slice(first, first + part.shape[1])
        fa[place] = np.sqrt(1.5 * np.divide(spread, size, out=np.zeros_like(size), where=size > 0))
        md[place] = mean
    return fa, md


def _high(values: Map) -> float:
    known = values[np.isfinite(values)]
    return float(np.percentile(known, 99)) if known.size else 1.0
