"""How many bits coefficients cost, as something that has a gradient.

Each index has a logistic distribution whose mean magnitude is expected from magnitudes known before it: causal neighbours, its
parent, the bands of other orientations. Its sign costs what it does to a coder that knows which way the index leans: a weighted
sum of signed neighbours before it. That is what the coder of `voxz.codecs.wavelet` does, with weights that are trained along
instead of fitted band by band.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812 - everybody's name for it
from torch import Tensor, nn

from voxz.train.wavelet.torch_transform import Bands

CLASSES = 3
"""Scales with bits of their own; coarser ones share the last."""

FEATURES = 8
SIGNED = 6
"""Signed neighbours."""

_MEAN_OF_LOGISTIC = 2 * math.log(2)
LEAST_SCALE = 0.05
_FAINT = 0.1
_LEAST_CHANCE = 1e-7


class Rate(nn.Module):
    """Bits of indices, band by band."""

    def __init__(self) -> None:
        super().__init__()
        start = torch.full((CLASSES, 8, FEATURES), -3.0)
        start[..., [0, 1, 3]] = -1.0
        self.weights = nn.Parameter(start)
        self.leans = nn.Parameter(torch.zeros(CLASSES, 8, SIGNED))

    def forward(self, indices: Bands) -> Tensor:
        """Bits of all bands together."""
        total = torch.zeros(())
        coarsest = max(scale for scale, _ in indices)
        for scale in range(coarsest, -1, -1):
            for orientation in sorted(o for at, o in indices if at == scale):
                total = total + self._band(indices, scale, orientation)
        return total

    def _band(self, indices: Bands, scale: int, orientation: int) -> Tensor:
        values = indices[scale, orientation]
        features = _before(seen(values))
        parent = indices.get((scale + 1, orientation)) if orientation else None
        sisters = [seen(indices[scale, o]) for o in range(1, orientation) if (scale, o) in indices]
        features.append(_enlarged(seen(parent), values.shape) if parent is not None else torch.zeros(()))
        features.append(torch.stack([_cut(s, values.shape) for s in sisters]).mean(0) if sisters else torch.zeros(()))
        place = min(scale, CLASSES - 1), orientation
        weights = F.softplus(self.weights[place])
        expected = weights[-1] * torch.ones(())
        for weight, feature in zip(weights, features, strict=False):
            expected = expected + weight * feature
        spread = expected / _MEAN_OF_LOGISTIC + LEAST_SCALE
        size = values.abs()
        chance = torch.sigmoid((0.5 - size) / spread) - torch.sigmoid((-0.5 - size) / spread)
        lean = torch.tensordot(self.leans[place], _signed_before(values * seen_share(values)), 1)
        sign = F.softplus(-values.sign() * lean / spread) / math.log(2) - 1
        return (seen_share(values) * sign - torch.log2(chance + _LEAST_CHANCE)).sum()


def seen(values: Tensor) -> Tensor:
    """Magnitudes as a decoder sees them: small ones are quantised to 0, approximated smoothly."""
    return values.abs() * seen_share(values)


def seen_share(values: Tensor) -> Tensor:
    """Share of each value that survives quantisation: near 0 for small, near 1 for large values."""
    square = values.square()
    return square / (square + _FAINT)


def _signed_before(values: Tensor) -> Tensor:
    """Signed neighbours before each coefficient ``(SIGNED, z, y, x)``: west, its west, north, north-west, north-east, before."""
    p = F.pad(values[None, None], (2, 1, 1, 0, 1, 0))[0, 0]
    depth, height, width = values.shape
    places = ((1, 1, 1), (1, 1, 0), (1, 0, 2), (1, 0, 1), (1, 0, 3), (0, 1, 2))
    return torch.stack([p[z : z + depth, y : y + height, x : x + width] for z, y, x in places])


def _before(sizes: Tensor) -> list[Tensor]:
    """Five features of neighbours before each coefficient."""
    p = F.pad(sizes[None, None], (1, 1, 1, 1, 1, 0))[0, 0]
    depth, height, width = sizes.shape

    def at(z: int, y: int, x: int) -> Tensor:
        return p[1 + z : 1 + z + depth, 1 + y : 1 + y + height, 1 + x : 1 + x + width]

    return [
        at(0, 0, -1),
        at(0, -1, 0),
        (at(0, -1, -1) + at(0, -1, 1)) / 2,
        at(-1, 0, 0),
        (at(-1, 0, -1) + at(-1, 0, 1) + at(-1, -1, 0) + at(-1, 1, 0)) / 4,
    ]


def _enlarged(plane: Tensor, shape: torch.Size) -> Tensor:
    """Values of a coarser band at the places of one of `shape`."""
    for axis in range(3):
        if plane.shape[axis] < shape[axis]:
            plane = plane.repeat_interleave(2, axis)
    return _cut(plane, shape)


def _cut(plane: Tensor, shape: torch.Size) -> Tensor:
    """Fit a band to `shape`; sides may differ by one."""
    for axis in range(3):
        have, want = plane.shape[axis], shape[axis]
        if have < want:
            plane = torch.cat([plane, plane.narrow(axis, have - 1, 1)], axis)
        elif have > want:
            plane = plane.narrow(axis, 0, want)
    return plane
