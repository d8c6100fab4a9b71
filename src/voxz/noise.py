"""How strong the noise of an image is: one standard deviation, in stored units, for bounds that hide in the noise.

Every slice is filtered with the difference of two Laplacians (Immerkaer, Computer Vision and Image Understanding 64(2), 1996),
which leaves no plane and no straight edge along the axes, and multiplies white noise by 6. In blocks of a slice the noise is the
median magnitude of the filter's answers over 0.6745 (Donoho & Johnstone, Biometrika 81(3), 1994), so that edges and details in up to
half of a block count little. Constant background is left out.

Magnitudes of MRI have Rician noise, whose spread shrinks where the signal is weak. Where no sample is negative, a block's spread
is therefore corrected by its own mean (Koay & Basser, J. Magnetic Resonance 179(2), 2006).

Whatever is uncertain is decided towards less noise, for the bound should be below the noise everywhere:

* of the blocks brighter than the mean of all, the lower quartile counts: noise varies over a CT, texture adds to it;
* of a series, the volume with the least noise counts: an average or a computed map among the others deserves its own precision;
* noise that neighbours share, as in scans that the scanner interpolated, passes the filter only in part.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.background import find_background
from voxz.pipeline import Samples
from voxz.slabs import slabs_of

SIDE = 32
"""Side of a block, in voxels; half of it where slices are smaller than four blocks a side."""

SLICES = 48
"""About so many slices of a volume are looked at, evenly spaced, at least FEWEST_SLICES of each volume of a series."""
FEWEST_SLICES = 8
VOLUMES = 32
"""About so many volumes of a series are looked at."""

FEWEST_ANSWERS = 64
"""A block with fewer answers outside the background does not count."""

QUANTILE = 0.25
_MAD = 0.6744897501960817
"""Median magnitude of the standard normal distribution."""

_GAIN = 6.0
_RAYLEIGH = 1.9130583802711007
"""Mean over standard deviation of pure Rician noise: sqrt(pi / (4 - pi))."""


@dataclass
class _Blocks:
    """What is known of the blocks of one volume."""

    means: list[NDArray[np.float64]] = field(default_factory=list)
    spreads: list[NDArray[np.float64]] = field(default_factory=list)
    lowest: float = 0.0


def noise_of(samples: Samples) -> float:
    """Estimate the standard deviation of the noise from a source's samples, read once; 0 if there is none to be seen."""
    series, depth, _, _, _ = samples.layout.canonical
    if samples.layout.dtype.kind not in "iufc":
        return 0.0
    every_volume = -(-series // VOLUMES)
    every_slice = max(1, depth // max(FEWEST_SLICES, SLICES // max(1, series)))
    volumes: dict[int, _Blocks] = {}
    for box, slab in slabs_of(samples):
        chosen = [t for t in range(box[0].start, box[0].stop) if t % every_volume == every_volume // 2]
        planes = [z for z in range(box[1].start, box[1].stop) if z % every_slice == every_slice // 2]
        for t in chosen:
            blocks = volumes.setdefault(t, _Blocks())
            for z in planes:
                _measure(slab[t - box[0].start, z - box[1].start], blocks)
    known = [sigma for sigma in map(_estimate, volumes.values()) if sigma is not None]
    return min(known, default=0.0)


def _measure(plane: NDArray[Any], blocks: _Blocks) -> None:
    """Add the blocks of a slice ``(y, x, channels)``."""
    parts = plane.view(plane.real.dtype) if plane.dtype.kind == "c" else plane
    for channel in range(parts.shape[2]):
        image = parts[..., channel]
        if min(image.shape) < 3:
            return
        background = find_background(image[None, None, :, :, None])
        usable = np.isfinite(image) if background is None else np.isfinite(image) & ~background.mask[0]
        values = np.where(usable, image, 0).astype(np.float64)
        blocks.lowest = min(blocks.lowest, float(values.min()))
        answers = np.where(_all_of_nine(usable), np.abs(_filtered(values)), np.inf)
        side = SIDE if min(image.shape) >= 4 * SIDE else SIDE // 2
        sorted_answers = np.sort(_cut(answers, side), axis=1)
        counts = np.isfinite(sorted_answers).sum(axis=1)
        known = counts >= min(FEWEST_ANSWERS, answers.size)
        middles = np.maximum(counts - 1, 0) // 2
        medians = np.take_along_axis(sorted_answers, middles[:, None], axis=1)[:, 0]
        inside = _cut(np.where(usable, values, 0)[1:-1, 1:-1], side).sum(axis=1) / np.maximum(
            _cut(usable[1:-1, 1:-1].astype(np.float64), side).sum(axis=1), 1
        )
        blocks.means.append(inside[known])
        blocks.spreads.append(medians[known] / (_MAD * _GAIN))


def _filtered(v: NDArray[np.float64]) -> NDArray[np.float64]:
    """Answers of the kernel 1 -2 1, -2 4 -2, 1 -2 1 where it lies inside."""
    rows = v[:-2] - 2 * v[1:-1] + v[2:]
    return np.asarray(rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:])


def _all_of_nine(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    rows = mask[:-2] & mask[1:-1] & mask[2:]
    return np.asarray(rows[:, :-2] & rows[:, 1:-1] & rows[:, 2:])


def _cut(image: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """Blocks of side x side, one a row, without what is left over at the end; the whole image if it is smaller."""
    down, across = image.shape[0] // side, image.shape[1] // side
    if not down or not across:
        return image.reshape(1, -1)
    blocks = image[: down * side, : across * side].reshape(down, side, across, side)
    return blocks.transpose(0, 2, 1, 3).reshape(down * across, side * side)


def _estimate(blocks: _Blocks) -> float | None:
    """Noise of one volume; None if nothing of it could be measured."""
    means, spreads = (np.concatenate(parts) if parts else np.zeros(0) for parts in (blocks.means, blocks.spreads))
    if not means.size:
        return None
    bright = means >= means.mean()
    if blocks.lowest >= 0:
        spreads = _without_rician_shrinkage(means, spreads)
    return float(np.quantile(spreads[bright], QUANTILE))


def _without_rician_shrinkage(means: NDArray[np.float64], spreads: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviations of the Gaussian noise behind magnitudes of these means and spreads.

    Koay & Basser's fixed point; a mean below that of pure noise is that of no magnitude image and stays as it is.
    """
    ratios = np.divide(means, spreads, out=np.full_like(means, np.inf), where=spreads > 0)
    weak = (ratios > _RAYLEIGH) & (ratios < 20)
    snr = ratios[weak]
    for _ in range(60):
        snr = np.sqrt(np.maximum(0.0, _shrinkage(snr) * (1 + ratios[weak] ** 2) - 2))
    result = spreads.copy()
    result[weak] /= np.sqrt(_shrinkage(snr))
    return result


_COSINES = np.cos((np.arange(64) + 0.5) * np.pi / 64)


def _shrinkage(snr: NDArray[np.float64]) -> NDArray[np.float64]:
    """Variance of a Rician magnitude to that of the noise behind it: 2 - pi/2 without signal, 1 with much.

    The Bessel functions I0 and I1 of snr**2 / 4, times exp(-snr**2 / 4), are means over an angle.
    """
    square = snr**2
    weights = np.exp((square / 4)[:, None] * (_COSINES - 1))
    first, second = weights.mean(axis=1), (weights * _COSINES).mean(axis=1)
    return np.asarray(2 + square - np.pi / 8 * ((2 + square) * first + square * second) ** 2)
