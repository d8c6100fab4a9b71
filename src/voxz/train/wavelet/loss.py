"""Loss of a crop: bits plus distortion, weighed as at the slope of a uniform quantiser at high rate.

With a step s, an error of s**2 / 12 falls by 2 ln 2 of itself with every bit: a bit is worth ``s**2 * ln 2 / 6``. In these units,
and relative to the bits that the crop is quantised for, crops of all kinds and rates count alike.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import torch
from torch import Tensor

from voxz.train.wavelet.rate import Rate
from voxz.train.wavelet.torch_transform import Lifting
from voxz.transforms.band_norms import NO_NORMS, AnyNorms, BandKey, Scales, table_of
from voxz.transforms.lifting_family import Family

BIT = math.log(2) / 6
"""Squared steps that a bit is worth."""

_KNOWN = 3
_SHAPE = (16, 32, 32)
_NOISY = (16, 48, 48)


def expected_error(values: Tensor) -> Tensor:
    """Squared error of quantising, in squared steps: the whole square of a value that becomes 0, and 1/12 for a large one."""
    square = values.square()
    return square / (1 + 12 * square)


def loss_of(
    model: Lifting, rate: Rate, volume: Tensor, scales: Scales, norms: AnyNorms, step: float
) -> tuple[Tensor, Tensor, dict[BandKey, float]]:
    """Bits per voxel, distortion in worths of a bit, and the standard deviation of each band's error.

    Bits and errors are those of values spread over a quantiser's bin, so both have a gradient everywhere. Errors add up as if
    bands were orthogonal with their norms; what a change of filters does to the norms is left to `spread_of`.
    """
    bands = model.analyse(volume, scales, step)
    scaled = {key: values * (norms.of(*key, scales) / step) for key, values in bands.items()}
    bits = rate(scaled) / volume.numel()
    if model.family.reversible:
        return bits, torch.zeros(()), {}
    errors = {key: expected_error(values) for key, values in scaled.items()}
    distortion = torch.stack([error.sum() for error in errors.values()]).sum() / (volume.numel() * BIT)
    return bits, distortion, {key: float(error.detach().mean()) ** 0.5 for key, error in errors.items()}


def straight_loss(
    model: Lifting, rate: Rate, volume: Tensor, scales: Scales, norms: AnyNorms, step: float, noise: torch.Generator | None
) -> tuple[Tensor, Tensor]:
    """Bits per voxel and distortion as of a decoder: with added noise, or rounded (gradients straight through) without."""
    bands, indices, rebuilt = model.analyse(volume, scales, step), {}, {}
    for key, values in bands.items():
        size = step / norms.of(*key, scales)
        scaled = values / size
        if noise is None:
            indices[key] = scaled + (torch.round(scaled) - scaled).detach()
        else:
            indices[key] = scaled + torch.rand(scaled.shape, generator=noise, device=scaled.device) - 0.5
        rebuilt[key] = indices[key] * size
    bits = rate(indices) / volume.numel()
    if model.family.reversible:
        return bits, torch.zeros(())
    decoded = model.synthesise(rebuilt, scales, tuple(volume.shape), step)
    return bits, (decoded - volume).square().mean() / (BIT * step**2)


def spread_of(
    model: Lifting, norms: AnyNorms, scales: Scales, deviations: dict[BandKey, float], noise: torch.Generator
) -> Tensor:
    """Distortion of errors with these deviations in the bands, in units of `BIT`, measured by transforming noise back."""
    bands = {}
    for key, band in model.analyse(torch.zeros(_NOISY), scales).items():
        drawn = torch.randn(band.shape, generator=noise)
        bands[key] = drawn * (deviations[key] / (norms.of(*key, scales) * float(drawn.square().mean().sqrt())))
    return model.synthesise(bands, scales, _NOISY).square().mean() / BIT


def norms_of(model: Lifting) -> AnyNorms:
    """Norms of the model's bands, measured with noise in one band at a time, without the networks."""
    if model.family.reversible:
        return NO_NORMS
    if model.family.network:
        return norms_of(Lifting(replace(model.family, network=""), model.filters().detach().cpu().double().numpy()))
    found, known = _energies(model), _untrained_energies()
    return table_of({key: {k: found[key][k] / known[key][k] for k in found[key]} for key in found}, _KNOWN)


@cache
def _untrained_energies() -> dict[Scales, dict[tuple[int, int], float]]:
    return _energies(Lifting(Family()))


def _energies(model: Lifting) -> dict[Scales, dict[tuple[int, int], float]]:
    generator = torch.Generator().manual_seed(0)
    measured: dict[Scales, dict[tuple[int, int], float]] = {}
    with torch.no_grad():
        for along_z in range(_KNOWN + 1):
            scales = (along_z, _KNOWN, _KNOWN)
            bands = {key: torch.zeros_like(band) for key, band in model.analyse(torch.zeros(_SHAPE), scales).items()}
            measured[scales] = {}
            for key, band in bands.items():
                noise = torch.randn(band.shape, generator=generator)
                volume = model.synthesise(bands | {key: noise}, scales, _SHAPE)
                measured[scales][key] = float((volume.square().sum() / noise.square().sum()).sqrt())
    return measured
