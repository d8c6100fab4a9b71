"""Whether errors are like noise: their autocorrelation, spectrum, size against the intensity and at the borders of bricks.

A codec that only rounds leaves errors that are white, without bias and the same everywhere. Blur, ringing and blocks are seen as
errors that neighbours share, as low or high frequencies that stick out, as a bias at some intensities, as steps between bricks.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.report.evidence import Evidence, brick_borders

LAGS = 8
"""Steps between voxels whose errors are compared."""

FREQUENCIES = 24
INTENSITIES = 24
_LOOKED_AT = 1 << 25
"""Samples that are looked at; volumes of a long series are left out at equal distances."""

_PLANES = 64
"""Slices that the spectrum is taken of."""

AXES = {"t": 0, "z": 1, "y": 2, "x": 3}


@dataclass(frozen=True)
class Structure:
    """Figures about errors.

    Attributes
    ----------
    correlations : by axis, of errors 1 to `LAGS` steps apart
    frequencies, power : of slices: cycles per voxel, and mean power to that of white errors of the same size
    intensities, biases, sizes : mean stored value of voxels that are equally many, their mean error, and its root mean square
    seams : by axis, root mean square of the step of the error across a border of bricks to that elsewhere; none without borders
    volumes : how many volumes were looked at
    """

    correlations: dict[str, list[float]]
    frequencies: list[float]
    power: list[float]
    intensities: list[float]
    biases: list[float]
    sizes: list[float]
    seams: dict[str, float]
    volumes: int

    @property
    def shared(self) -> tuple[str, float]:
        """The axis along which neighbouring errors are most alike, or unlike, and their correlation; of no axis, 0."""
        first = {axis: values[0] for axis, values in self.correlations.items()}
        return max(first.items(), key=lambda entry: abs(entry[1]), default=("", 0.0))


def structure_of(evidence: Evidence) -> Structure:
    """Look at the errors of the foreground; `evidence` has an original."""
    error = evidence.error
    assert error is not None
    every = -(-error.size // _LOOKED_AT)
    chosen = list(range(evidence.worst[0] % every, len(error), every))
    some = error[chosen].astype(np.float64)[..., 0] if every > 1 else error[..., 0].astype(np.float64)
    seen = evidence.seen[chosen]
    intensities, biases, sizes = _by_intensity(evidence.reference[chosen][..., 0], some, seen)
    frequencies, power = _spectrum(some)
    return Structure(
        correlations=_correlations(some, seen, with_time=every == 1),
        frequencies=frequencies,
        power=power,
        intensities=intensities,
        biases=biases,
        sizes=sizes,
        seams=_seams(evidence, some, seen),
        volumes=len(chosen),
    )


def _correlations(error: NDArray[np.float64], seen: NDArray[np.bool_], with_time: bool) -> dict[str, list[float]]:
    inside = error[seen]
    mean, variance = float(inside.mean()), float(inside.var())
    found = {}
    for name, axis in AXES.items():
        lags = range(1, min(LAGS, error.shape[axis] - 1) + 1)
        if lags and variance > 0 and (with_time or name != "t"):
            found[name] = [_correlation(error, seen, axis, lag, mean) / variance for lag in lags]
    return found


def _correlation(error: NDArray[np.float64], seen: NDArray[np.bool_], axis: int, lag: int, mean: float) -> float:
    """Mean product of errors `lag` apart, both in the foreground."""
    total = count = 0.0
    for e, s in zip(error, seen, strict=True) if axis else [(error, seen)]:
        values, mask = np.moveaxis(e, max(0, axis - 1), 0), np.moveaxis(s, max(0, axis - 1), 0)
        both = mask[lag:] & mask[:-lag]
        total += float(((values[lag:] - mean) * (values[:-lag] - mean))[both].sum())
        count += np.count_nonzero(both)
    return total / count if count else 0.0


def _spectrum(error: NDArray[np.float64]) -> tuple[list[float], list[float]]:
    """Power of the errors of slices by frequency, without their mean, to that of white errors."""
    height, width = error.shape[2:]
    if min(height, width) < 8:
        return [], []
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    bins = np.minimum((radius / 0.5 * FREQUENCIES).astype(int), FREQUENCIES)  # corners beyond half a cycle are one bin, left out
    bins[0, 0] = FREQUENCIES  # and so is the mean, which is taken away
    total = np.zeros(FREQUENCIES + 1)
    for plane in _some_planes(error):
        power = np.abs(np.fft.rfft2(plane - plane.mean())) ** 2 / plane.size
        total += np.bincount(bins.ravel(), power.ravel(), FREQUENCIES + 1)
    counts = np.bincount(bins.ravel(), minlength=FREQUENCIES + 1)
    mean = total[:-1] / np.maximum(counts[:-1], 1)
    overall = total.sum() / counts.sum()
    frequencies = (np.arange(FREQUENCIES) + 0.5) / FREQUENCIES / 2
    return frequencies.tolist(), (mean / overall).tolist() if overall > 0 else []


def _some_planes(error: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    planes = error.reshape(-1, *error.shape[2:])
    varied = np.flatnonzero(planes.any(axis=(1, 2)))
    for number in varied[:: max(1, len(varied) // _PLANES)]:
        yield planes[number]


def _by_intensity(
    values: NDArray[Any], error: NDArray[np.float64], seen: NDArray[np.bool_]
) -> tuple[list[float], list[float], list[float]]:
    """Means of groups of equally many voxels, from the darkest to the brightest."""
    v, e = values[seen].astype(np.float64), error[seen]
    finite = np.isfinite(v)
    v, e = v[finite], e[finite]
    edges = np.unique(np.quantile(v[:: max(1, v.size >> 20)], np.linspace(0, 1, INTENSITIES + 1))) if v.size else np.zeros(0)
    if len(edges) < 3:
        return [], [], []
    groups = np.clip(np.searchsorted(edges, v, "right") - 1, 0, len(edges) - 2)
    counts = np.maximum(np.bincount(groups, minlength=len(edges) - 1), 1)
    means, biases, squares = (np.bincount(groups, part, len(edges) - 1) / counts for part in (v, e, e**2))
    return means.tolist(), biases.tolist(), np.sqrt(squares).tolist()


def _seams(evidence: Evidence, error: NDArray[np.float64], seen: NDArray[np.bool_]) -> dict[str, float]:
    found = {}
    for name in "zyx":
        axis = AXES[name]
        at = [place - 1 for place in brick_borders(evidence.boxes, axis)]
        pairs = error.shape[axis] - 1
        if not at or len(at) >= pairs:
            continue
        squares, counts = np.zeros(pairs), np.zeros(pairs)
        others = tuple(other for other in range(3) if other != axis - 1)
        for e, s in zip(error, seen, strict=True):
            both = np.moveaxis(s, axis - 1, 0)
            both = np.moveaxis(both[1:] & both[:-1], 0, axis - 1)
            steps = np.diff(e, axis=axis - 1) ** 2 * both
            squares += steps.sum(axis=others)
            counts += both.sum(axis=others)
        border = np.zeros(pairs, bool)
        border[at] = True
        across, elsewhere = (squares[part].sum() / max(1.0, counts[part].sum()) for part in (border, ~border))
        if elsewhere > 0:
            found[name] = math.sqrt(across / elsewhere)
    return found
