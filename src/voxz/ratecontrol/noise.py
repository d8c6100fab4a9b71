"""How strong the noise of an image is: one standard deviation, in stored units, for bounds that hide in the noise.

Every slice is filtered with the difference of two Laplacians (Immerkaer, Computer Vision and Image Understanding 64(2), 1996),
which leaves no plane and no straight edge along the axes, and multiplies white noise by 6. In blocks of a slice the noise is the
median magnitude of the filter's answers over 0.6745 (Donoho & Johnstone, Biometrika 81(3), 1994), so that edges and details in
less than half of a block count little. Constant background is left out.

Magnitudes of MRI have Rician noise, whose spread shrinks where the signal is weak. Where no sample is negative, a block's spread
is therefore corrected by its own mean (Koay & Basser, J. Magnetic Resonance 179(2), 2006).

Whatever is uncertain is decided towards less noise, for the bound should be below the noise everywhere:

* of the blocks brighter than the mean of all, the lower quartile counts: noise varies over a CT, texture adds to it;
* of a slice alone, less the slice before and less the same slice of the volume before, what shows the least noise counts: large
  voxels look like noise to the filter (some BOLD series sixfold), but look the same again;
* of a series, the volume with the least noise counts: an average or a computed map among the others deserves its own precision;
* noise that neighbours share, as in scans that the scanner interpolated, passes the filter only in part.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.pipeline.samples import Samples
from voxz.pipeline.slabs import native_slabs
from voxz.volume.background import find_background

SIDE = 32
"""Side of a block, in voxels; half of it where slices are smaller than four blocks a side."""

SLICES = 48
"""Slices of a volume that are looked at, about; evenly spaced, at least FEWEST_SLICES of each volume of a series."""
FEWEST_SLICES = 8
VOLUMES = 32
"""Volumes of a series that are looked at, about."""

STRIP = 1 << 22
"""Voxels of a slice that are looked at at once, to bound memory."""

FEWEST_ANSWERS = 64
"""A block counts if it has at least this many answers outside the background."""

HUGE = 1e150
"""Magnitude that samples count as at most."""

QUANTILE = 0.25
_MAD = 0.6744897501960817
"""Median magnitude of the standard normal distribution."""

_GAIN = 6.0
_RAYLEIGH = 1.9130583802711007
"""Mean over standard deviation of pure Rician noise: sqrt(pi / (4 - pi))."""


@dataclass
class _Blocks:
    """Means and spreads of the blocks of one volume, seen in one way."""

    means: list[NDArray[np.float64]] = field(default_factory=list)
    spreads: list[NDArray[np.float64]] = field(default_factory=list)


@dataclass
class _Volume:
    """What is known of one volume: slices alone, less the slice before, less the volume before."""

    alone: _Blocks = field(default_factory=_Blocks)
    slices: _Blocks = field(default_factory=_Blocks)
    volumes: _Blocks = field(default_factory=_Blocks)
    lowest: float = 0.0


def noise_of(samples: Samples) -> float:
    """Estimate the standard deviation of the noise from a source's samples, read once; 0 if there is none to be seen."""
    series, depth, _, _, _ = samples.layout.canonical
    if samples.layout.dtype.kind not in "iufc":
        return 0.0
    every_volume = -(-series // VOLUMES)
    every_slice = max(1, depth // max(FEWEST_SLICES, SLICES // max(1, series)))
    volumes: dict[int, _Volume] = {}
    before: dict[tuple[int, int, int], NDArray[Any]] = {}
    for box, slab in native_slabs(samples):
        for t, z in itertools.product(*(range(part.start, part.stop) for part in box[:2])):
            if z % every_slice != every_slice // 2:
                continue
            images = _images(slab[t - box[0].start, z - box[1].start])
            if t % every_volume == every_volume // 2:
                volume = volumes.setdefault(t, _Volume())
                above = _images(slab[t - box[0].start, z - box[1].start - 1]) if z > box[1].start else None
                earlier = before.get((z, box[2].start, box[3].start))
                for channel, image in enumerate(images):
                    volume.lowest = min(volume.lowest, float(np.nanmin(image, initial=0)))
                    _measure(image, None, volume.alone)
                    if above is not None:
                        _measure(image, above[channel], volume.slices)
                    if earlier is not None:
                        _measure(image, earlier[channel], volume.volumes)
            if series > 1:
                before[z, box[2].start, box[3].start] = images.copy()
    known = [sigma for volume in volumes.values() for sigma in _estimates(volume)]
    return min(known, default=0.0)


def _images(plane: NDArray[Any]) -> NDArray[Any]:
    """Channels of a slice ``(y, x, channels)`` as images; complex samples are two."""
    parts = plane.view(plane.real.dtype) if plane.dtype.kind == "c" else plane
    return np.moveaxis(parts, 2, 0)


def _measure(image: NDArray[Any], other: NDArray[Any] | None, blocks: _Blocks) -> None:
    """Add the blocks of an image ``(y, x)``, less another one in which the same things are seen, strip by strip."""
    rows = max(4 * SIDE, STRIP // max(1, image.shape[1]))
    for first in range(0, len(image), rows):
        strip = slice(first, first + rows)
        _measure_strip(image[strip], None if other is None else other[strip], blocks)


def _measure_strip(image: NDArray[Any], other: NDArray[Any] | None, blocks: _Blocks) -> None:
    if min(image.shape) < 3:
        return
    usable, values = _usable(image), _doubles(image)
    gain = _GAIN
    changing = values
    if other is not None:
        usable &= _usable(other)
        changing = values - _doubles(other)
        gain *= math.sqrt(2)
    answers = np.where(_all_of_nine(usable), np.abs(_filtered(changing)), np.inf)
    side = SIDE if min(image.shape) >= 4 * SIDE else SIDE // 2
    ordered = np.sort(_cut(answers, side), axis=1)
    counts = np.isfinite(ordered).sum(axis=1)
    known = counts >= min(FEWEST_ANSWERS, answers.size)
    middle = np.maximum(counts - 1, 0) // 2
    medians = np.take_along_axis(ordered, middle[:, None], axis=1)[:, 0]
    sums, sizes = (_cut(part[1:-1, 1:-1], side).sum(axis=1) for part in (values * usable, usable))
    blocks.means.append(sums[known] / sizes[known])
    blocks.spreads.append(medians[known] / (_MAD * gain))


def _usable(image: NDArray[Any]) -> NDArray[np.bool_]:
    """Voxels that are neither background nor NaN nor infinite."""
    background = find_background(image[None, None, :, :, None])
    return np.asarray(np.isfinite(image) if background is None else np.isfinite(image) & ~background.mask[0, 0])


def _doubles(image: NDArray[Any]) -> NDArray[np.float64]:
    """Samples with nothing in them that would make sums infinite."""
    return np.clip(np.nan_to_num(image.astype(np.float64), posinf=0, neginf=0), -HUGE, HUGE)


def _filtered(v: NDArray[np.float64]) -> NDArray[np.float64]:
    """Answers of the kernel 1 -2 1, -2 4 -2, 1 -2 1 where it lies inside."""
    rows = v[:-2] - 2 * v[1:-1] + v[2:]
    return np.asarray(rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:])


def _all_of_nine(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    rows = mask[:-2] & mask[1:-1] & mask[2:]
    return np.asarray(rows[:, :-2] & rows[:, 1:-1] & rows[:, 2:])


def _cut(image: NDArray[Any], side: int) -> NDArray[Any]:
    """Blocks of side x side, one a row, without what is left over at the end; the whole image if it is smaller."""
    down, across = image.shape[0] // side, image.shape[1] // side
    if not down or not across:
        return image.reshape(1, -1)
    blocks = image[: down * side, : across * side].reshape(down, side, across, side)
    return blocks.transpose(0, 2, 1, 3).reshape(down * across, side * side)


def _estimates(volume: _Volume) -> Iterator[float]:
    """Noise of a volume in each of the ways it was seen."""
    for blocks in (volume.alone, volume.slices, volume.volumes):
        means, spreads = (np.concatenate(parts) if parts else np.zeros(0) for parts in (blocks.means, blocks.spreads))
        if means.size:
            corrected = _without_rician_shrinkage(means, spreads) if volume.lowest >= 0 else spreads
            sigma = float(np.quantile(corrected[means >= means.mean()], QUANTILE))
            if sigma > 0 or blocks is volume.alone:  # slices or volumes that are there twice say nothing
                yield sigma


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
