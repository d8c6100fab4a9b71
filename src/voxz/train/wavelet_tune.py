"""Filters for one volume: a shipped model trained a little further on that volume alone, for the encoder to send along."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from voxz.data.places import draw as draw_places
from voxz.train.wavelet_data import Example
from voxz.train.wavelet_export import to_model
from voxz.train.wavelet_loss import loss_of, norms_of, spread_of
from voxz.train.wavelet_rate import Rate
from voxz.train.wavelet_transform import Lifting
from voxz.transforms.model import Model

CROP, CROPS = (16, 48, 48), 24
WARM, STEPS, BATCH = 25, 70, 2
"""Steps of the entropy model alone, steps in all, crops of a step."""

LEARNING_RATE, RATE_PACE = 0.006, 10.0
BITS = (0.4, 5.0)


def tuned(samples: NDArray[Any], start: Model, seed: int = 0) -> Model:
    """Model for `samples` ``(series, z, y, x)`` that starts from a model without networks; `start` where nothing can be learnt."""
    rng = np.random.default_rng(seed)
    places = draw_places(samples, CROP, CROPS, seed, "", 0.05, 0.9)
    examples = [Example.of_samples(place.cut(samples), "", rng) for place in places]
    examples = [example for example in examples if bool(example.volume.any())]
    if not examples or start.family.network:
        return start
    torch.manual_seed(seed)
    lifting, rate = Lifting(start.family, start.filters), Rate()
    optimiser = torch.optim.Adam(
        [{"params": lifting.parameters(), "lr": LEARNING_RATE}, {"params": rate.parameters(), "lr": LEARNING_RATE * RATE_PACE}],
        betas=(0.9, 0.99),
    )
    average, norms = lifting.change.detach().clone(), norms_of(lifting)
    for step in range(STEPS):
        lifting.change.requires_grad_(step >= WARM)
        if step >= WARM and (step - WARM) % 15 == 0:
            norms = norms_of(lifting)
        optimiser.zero_grad()
        for number in range(BATCH):
            example = examples[rng.integers(len(examples))]
            bits = math.exp(rng.uniform(*map(math.log, BITS)))
            size = 1.0 if start.family.reversible else example.step_for(bits)
            weight = 1 / max(0.3, example.bits(size)) / BATCH
            cost, distortion, deviations = loss_of(lifting, rate, example.volume, example.levels, norms, size)
            loss = weight * (cost + distortion)
            if deviations and not number and step >= WARM:
                generator = torch.Generator().manual_seed(seed * 1009 + step)
                loss = loss + BATCH * weight * spread_of(lifting, norms, example.levels, deviations, generator)
            torch.autograd.backward(loss)
        optimiser.step()
        if step >= WARM:
            keep = min(0.95, 1 - 1 / (1 + step - WARM))
            average.mul_(keep).add_(lifting.change.detach(), alpha=1 - keep)
    with torch.no_grad():
        lifting.change.copy_(average)
    return to_model("tuned", lifting, norms_of(lifting))
