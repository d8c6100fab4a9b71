"""Loss of a crop: bits plus distortion, weighed as at the slope of a uniform quantiser at high rate.

With a step s, an error of s**2 / 12 falls by 2 ln 2 of itself with every bit: a bit is worth ``s**2 * ln 2 / 6``. In these units,
and relative to the bits that the crop is quantised for, crops of all kinds and rates count alike.
"""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor

from voxz.train.wavelet_rate import Rate
from voxz.train.wavelet_transform import Bands, Lifting
from voxz.transforms.family import Family
from voxz.transforms.norms import NO_NORMS, Levels, Norms, nearest_norms

BIT = math.log(2) / 6
"""Squared steps that a bit is worth."""

_KNOWN = 3
_SHAPE = (24, 64, 64)
_NOISY = (16, 48, 48)


def quantised(bands: Bands, norms: Norms, levels: Levels, step: float, noise: torch.Generator | None) -> tuple[Bands, Bands]:
    """Indices, and coefficients rebuilt from them; with added noise, or rounded if there is none."""
    indices, rebuilt = {}, {}
    for (level, orientation), values in bands.items():
        size = step / norms.of(level, orientation, levels)
        scaled = values / size
        if noise is None:
            index = scaled + (torch.round(scaled) - scaled).detach()
        else:
            index = scaled + torch.rand(scaled.shape, generator=noise) - 0.5
        indices[level, orientation] = index
        rebuilt[level, orientation] = index * size
    return indices, rebuilt


def loss_of(
    model: Lifting, rate: Rate, volume: Tensor, levels: Levels, norms: Norms, step: float, noise: torch.Generator | None
) -> tuple[Tensor, Tensor]:
    """Bits per voxel, and distortion in worths of a bit.

    Without networks, added noise comes back as noise whatever the volume: its distortion is left to `noise_of_filters`.
    """
    bands = model.analyse(volume, levels, step)
    indices, rebuilt = quantised(bands, norms, levels, step, noise)
    bits = rate(indices) / volume.numel()
    if model.family.reversible or (noise is not None and not model.family.network):
        return bits, torch.zeros(())
    decoded = model.synthesise(rebuilt, levels, tuple(volume.shape), step)
    return bits, (decoded - volume).square().mean() / (BIT * step**2)


def noise_of_filters(model: Lifting, norms: Norms, levels: Levels, noise: torch.Generator) -> Tensor:
    """Distortion of added noise in worths of a bit, with a gradient."""
    if model.family.reversible or model.family.network:
        return torch.zeros(())
    bands = {key: torch.zeros_like(band) for key, band in model.analyse(torch.zeros(_NOISY), levels).items()}
    _, rebuilt = quantised(bands, norms, levels, 1.0, noise)
    return model.synthesise(rebuilt, levels, _NOISY).square().mean() / BIT


def norms_of(model: Lifting) -> Norms:
    """Norms of the model's bands, measured with noise in one band after the other."""
    if model.family.reversible:
        return NO_NORMS
    found, known = _energies(model), _untrained_energies()
    return nearest_norms({key: {k: found[key][k] / known[key][k] for k in found[key]} for key in found}, _KNOWN)


@cache
def _untrained_energies() -> dict[Levels, dict[tuple[int, int], float]]:
    return _energies(Lifting(Family()))


def _energies(model: Lifting) -> dict[Levels, dict[tuple[int, int], float]]:
    generator = torch.Generator().manual_seed(0)
    measured: dict[Levels, dict[tuple[int, int], float]] = {}
    with torch.no_grad():
        for along_z in range(_KNOWN + 1):
            levels = (along_z, _KNOWN, _KNOWN)
            bands = {key: torch.zeros_like(band) for key, band in model.analyse(torch.zeros(_SHAPE), levels).items()}
            measured[levels] = {}
            for key, band in bands.items():
                noise = torch.randn(band.shape, generator=generator)
                volume = model.synthesise(bands | {key: noise}, levels, _SHAPE)
                measured[levels][key] = float((volume.square().sum() / noise.square().sum()).sqrt())
    return measured
