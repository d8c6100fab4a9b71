"""Crops as tensors, and which of them a step of the training sees, at which quantiser."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from voxz.codecs.wavelet.transform_choice import choose_scales
from voxz.datasets.manifest import Crop
from voxz.transforms.band_norms import Scales
from voxz.transforms.pyramid import Pyramid

_SAMPLED = 4096
_FINEST = 0.7
"""Smallest step for integers."""


@dataclass(frozen=True)
class Example:
    """A crop without its mean, the scales that suit it, and a sample of its 9/7 coefficients (magnitudes)."""

    source: str
    volume: Tensor
    scales: Scales
    sizes: NDArray[np.float64]
    whole: bool

    @classmethod
    def of(cls, crop: Crop, rng: np.random.Generator) -> Example:
        """Load a crop."""
        return cls.of_samples(crop.load(), crop.source, rng)

    @classmethod
    def of_samples(cls, samples: NDArray[Any], source: str, rng: np.random.Generator) -> Example:
        """Take the samples of a crop ``(z, y, x)``."""
        values = np.nan_to_num(samples.astype(np.float64), posinf=0.0, neginf=0.0)
        values -= values.mean()
        scales = choose_scales(values[None], max(1e-6, float(values.std()) / 8))
        scales = (min(scales[0], 3), min(scales[1], 4), min(scales[2], 4))
        coefficients = values.copy()
        Pyramid(values.shape, scales).analyse(coefficients)
        sizes = np.abs(rng.choice(coefficients.ravel(), min(_SAMPLED, coefficients.size), replace=False))
        return cls(source, torch.from_numpy(values).float(), scales, sizes, samples.dtype.kind in "iu")

    def bits(self, step: float) -> float:
        """Estimate the bits/voxel at a quantiser step."""
        return float(np.log2(1 + (self.sizes * (1.7 / step)) ** 2).mean()) / 2

    def step_for(self, bits: float) -> float:
        """Quantiser step for which `Example.bits` is about `bits`."""
        low, high = -10.0, 30.0
        for _ in range(30):
            middle = (low + high) / 2
            low, high = (middle, high) if self.bits(2.0**middle) > bits else (low, middle)
        return float(max(2.0**low, _FINEST if self.whole else 0.0))


Examples = dict[str, list[Example]]
"""By source."""


def load(crops: list[Crop], seed: int) -> Examples:
    """Examples by source; crops that turn out to be constant are left out."""
    rng, found = np.random.default_rng(seed), Examples()
    for crop in crops:
        example = Example.of(crop, rng)
        if bool(example.volume.any()):
            found.setdefault(crop.source, []).append(example)
    return found


def draw(examples: Examples, count: int, bits: tuple[float, float], rng: np.random.Generator) -> list[tuple[Example, float]]:
    """Examples of a training step and their target in bits/voxel; on average each source is drawn equally often."""
    sources = sorted(examples)
    drawn = []
    for _ in range(count):
        own = examples[sources[rng.integers(len(sources))]]
        target = math.exp(rng.uniform(math.log(bits[0]), math.log(bits[1])))
        drawn.append((own[rng.integers(len(own))], target))
    return drawn
