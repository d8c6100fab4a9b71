"""The heavy profile's network in PyTorch, its loss in bits, and its file; `codecs.wavelet.heavy.network` evaluates the same."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from voxz.codecs.wavelet.heavy.model import GENERAL, SCALES
from voxz.codecs.wavelet.heavy.network import FEATURES, FLOOR, MIXED, NARROWEST, OUTPUTS, WIDEST
from voxz.train.entropy.rows import INDEX, KNOWN, LOSSY, ORIENTATION, QUANTISER, SCALE
from voxz.weights.safetensors_file import pack

LEAST = 1e-9
"""Probability that the loss counts at least."""

_APART = 0.3
"""Learning rate of what orientations have of their own, relative to what they share."""


class Network(nn.Module):
    """Shares, widths and means of the distributions of coefficients."""

    def __init__(self, one: int, two: int, generator: torch.Generator) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.randn(FEATURES, one, generator=generator) * 0.1)
        self.first_apart = nn.Parameter(torch.zeros(8, FEATURES, one))
        self.slope = nn.Parameter(torch.zeros(one))
        self.slope_apart = nn.Parameter(torch.zeros(8, one))
        self.bias = nn.Parameter(torch.full((8, one), 0.1))
        self.level_bias = nn.Parameter(torch.zeros(SCALES, one))
        self.kind_bias = nn.Parameter(torch.zeros(2, one))
        self.second = nn.Parameter(torch.randn(one, two, generator=generator) * one**-0.5)
        self.second_bias = nn.Parameter(torch.zeros(two))
        self.third = nn.Parameter(torch.randn(two, OUTPUTS, generator=generator) * 0.02)
        start = torch.zeros(OUTPUTS)
        start[MIXED : 2 * MIXED] = torch.linspace(-2.0, 0.4, MIXED)
        start[2 * MIXED] = 0.5
        self.third_bias = nn.Parameter(start)
        self.third_apart = nn.Parameter(torch.zeros(8, OUTPUTS))
        self.edges = nn.Parameter(torch.zeros(2, 3))

    def forward(self, features: Tensor, signed: Tensor, facts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Shares and steepness ``(rows, MIXED)``, means ``(rows)``."""
        expected = features[:, -1:]
        known = ((facts[:, KNOWN : KNOWN + 1] >> torch.arange(FEATURES)) & 1).float()
        relative = (features[:, :-1] - expected) * known
        orientation = facts[:, ORIENTATION]
        order = torch.argsort(orientation)
        counts = torch.bincount(orientation, minlength=8).tolist()
        parts = [
            part @ (self.first + _APART * own)
            for part, own in zip(torch.split(relative[order], counts), self.first_apart, strict=True)
        ]
        hidden = torch.cat(parts)[torch.argsort(order)] + expected * (self.slope + _APART * self.slope_apart[orientation])
        hidden = hidden + self.bias[orientation] + self.level_bias[facts[:, SCALE].clamp(max=SCALES - 1)]
        hidden = torch.relu(hidden + self.kind_bias[facts[:, LOSSY]])
        hidden = torch.relu(hidden @ self.second + self.second_bias)
        outputs = hidden @ self.third + self.third_bias + _APART * self.third_apart[orientation]
        shares = torch.relu(outputs[:, :MIXED]) + FLOOR
        steepness = torch.exp2(-(expected + outputs[:, MIXED : 2 * MIXED]).clamp(NARROWEST, WIDEST))
        return shares / shares.sum(1, keepdim=True), steepness, (outputs[:, 2 * MIXED :] * signed).sum(1)

    def bits(self, features: Tensor, signed: Tensor, facts: Tensor) -> Tensor:
        """Bits that each index takes, sign included."""
        shares, steepness, means = self(features, signed, facts)
        size, sign = facts[:, INDEX].abs(), torch.where(facts[:, INDEX] < 0, -1.0, 1.0)
        upper = self._bound(size, facts)
        lower = torch.where(size > 0, self._bound((size - 1).clamp(min=0), facts), -upper)
        a = (lower - means * sign)[:, None] * steepness
        b = (upper - means * sign)[:, None] * steepness
        mirrored = a + b > 0  # differences of small numbers are exact, of numbers near 1 they are not
        inside = torch.sigmoid(torch.where(mirrored, -a, b)) - torch.sigmoid(torch.where(mirrored, -b, a))
        return -torch.log2((shares * inside).sum(1).clamp(min=LEAST))

    def _bound(self, index: Tensor, facts: Tensor) -> Tensor:
        quantiser = facts[:, QUANTISER]
        base = torch.where(index == 0, 1 - 0.5 * quantiser, 2 * index + 1 - quantiser)
        return base + self.edges[quantiser, index.clamp(max=2)] * facts[:, LOSSY]

    def to_bytes(self, name: str = GENERAL) -> bytes:
        """File for the codec."""
        arrays = {
            "first": self.first + _APART * self.first_apart,
            "slope": self.slope + _APART * self.slope_apart,
            "bias": self.bias,
            "level_bias": self.level_bias,
            "kind_bias": self.kind_bias,
            "second": self.second,
            "second_bias": self.second_bias,
            "third": self.third,
            "third_bias": self.third_bias + _APART * self.third_apart,
            "edges": self.edges,
        }
        return pack({key: value.detach().numpy().astype(np.float32) for key, value in arrays.items()}, {"name": name})
