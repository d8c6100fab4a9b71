"""The trained wavelet-like transform in PyTorch, for gradients; `voxz.transforms.trained_pyramid` is what codecs run.

Volumes are ``(z, y, x)``. Bands are a dict by (scale, orientation), as in `voxz.transforms.pyramid`; the lowest has
orientation 0.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from voxz.transforms.lifting_97 import HIGH_97, LOW_97
from voxz.transforms.lifting_family import ACROSS, Family, kind_of, multiplicities, reach_table
from voxz.transforms.lifting_networks import HALO
from voxz.transforms.network_kernels import SATURATED
from voxz.transforms.pyramid import Scales

Bands = dict[tuple[int, int], Tensor]


def beside(values: Tensor, axis: int) -> Tensor:
    """Sum of the two neighbours along an axis; the end is repeated."""
    n = values.shape[axis]
    longer = torch.cat([values.narrow(axis, 0, 1), values, values.narrow(axis, n - 1, 1)], axis)
    return longer.narrow(axis, 0, n) + longer.narrow(axis, 2, n)


def mirrored(half: Tensor, axis: int, length: int, odd: int, reach: int) -> Tensor:
    """Half of the samples along an axis, extended by `reach` samples at either end."""
    count = half.shape[axis]
    table = reach_table(length, odd, reach)
    before = [half.narrow(axis, int(k), 1) for k in table[:reach]]
    after = [half.narrow(axis, int(k), 1) for k in table[reach + count :]]
    return torch.cat([*before, half, *after], axis)


class Lifting(nn.Module):
    """A model of a `Family`, with its filters as parameters: what they add to the untrained ones, without changing their sum.

    A parameter is a number of a filter times the square root of how many taps it stands for, so that all count alike.
    """

    untrained: Tensor
    counts: Tensor

    def __init__(self, family: Family, filters: NDArray[np.float64] | None = None) -> None:
        super().__init__()
        self.family = family
        untrained = torch.from_numpy(family.untrained()).float()
        self.register_buffer("untrained", untrained, persistent=False)
        self.register_buffer("counts", torch.from_numpy(multiplicities(family.reach)).float(), persistent=False)
        start = torch.zeros_like(untrained) if filters is None else torch.from_numpy(filters).to(untrained) - untrained
        self.change = nn.Parameter(start * self.counts.sqrt())
        self.networks = nn.ParameterDict()
        self.gates = nn.ParameterDict()
        for name, shape in family.networks.items():
            (self.gates if name == "gate" else self.networks)[name] = nn.Parameter(_started(name, shape))

    def filters(self) -> Tensor:
        """All filters. Each keeps the sum of the untrained one, so constants stay constant."""
        change = self.change / self.counts.sqrt()
        mean = (change * self.counts).sum((-1, -2, -3), keepdim=True) / self.counts.sum()
        return self.untrained + change - mean

    def network_arrays(self) -> dict[str, Tensor]:
        """Arrays of the networks, by name."""
        return dict(self.networks.items()) | dict(self.gates.items())

    def analyse(self, volume: Tensor, scales: Scales, unit: float = 1.0) -> Bands:
        """Coefficients of a volume; `unit` is the quantiser's step, for networks."""
        filters, low = self.filters(), volume
        bands: Bands = {}
        for scale in range(max(scales)):
            parts = {0: low}
            for axis in (2, 1, 0):
                if scale >= scales[axis] or low.shape[axis] < 2:
                    continue
                bit = 1 << axis
                for orientation, part in list(parts.items()):
                    kind = kind_of(axis, orientation)
                    number, network = self.family.set_of(scale, kind), self.family.network_of(kind)
                    halves = self._split(part, axis, filters[number], network, unit)
                    parts[orientation], parts[orientation | bit] = halves
            low = parts.pop(0)
            bands |= {(scale, orientation): part for orientation, part in parts.items()}
        bands[max(scales), 0] = low
        return bands

    def synthesise(self, bands: Bands, scales: Scales, shape: tuple[int, ...], unit: float = 1.0) -> Tensor:
        """Inverse of `analyse`."""
        filters, low = self.filters(), bands[max(scales), 0]
        for scale in range(max(scales) - 1, -1, -1):
            parts = {0: low} | {orientation: part for (at, orientation), part in bands.items() if at == scale and orientation}
            for axis in (0, 1, 2):
                bit = 1 << axis
                if not any(orientation & bit for orientation in parts):
                    continue
                for orientation in [o for o in parts if not o & bit]:
                    kind = kind_of(axis, orientation)
                    number, network = self.family.set_of(scale, kind), self.family.network_of(kind)
                    pair = parts[orientation], parts.pop(orientation | bit)
                    parts[orientation] = self._merge(*pair, axis, filters[number], network, unit)
            low = parts[0]
        assert low.shape == shape
        return low

    def _reached(self, half: Tensor, axis: int, length: int, odd: int) -> Tensor:
        """Inputs of a filter ``(4 * reach, z, y, x)``: the sums of the samples at taps that mirror each other."""
        reach, (first, second) = self.family.reach, ACROSS[axis]
        longer = mirrored(half, axis, length, odd, reach)
        count = length // 2 if not odd else (length + 1) // 2
        sums = []
        for away in range(reach):
            pair = longer.narrow(axis, reach - away - odd, count) + longer.narrow(axis, reach + away + 1 - odd, count)
            across = beside(pair, first)
            sums += [pair, beside(pair, second), across, beside(across, second)]
        return torch.stack(sums)

    def _moved(
        self, half: Tensor, axis: int, length: int, step: int, filter_: Tensor, network: int, unit: float
    ) -> tuple[Tensor, Tensor | None]:
        """What a step adds to the other half, and the gate that scales it, or None."""
        odd = step & 1
        reached = self._reached(half, axis, length, odd)
        total = torch.tensordot(filter_.flatten(), reached, 1)
        if not self.family.network:
            return total, None
        own = {name: values[network, step] for name, values in self.network_arrays().items()}
        if self.family.network == "relu":
            filters, weights = own["first"], self.counts
            filters = filters - (filters * weights).sum((-1, -2, -3), keepdim=True) / weights.sum()
            hidden = torch.tensordot(filters.flatten(1), reached, 1)
            return total + unit * (_units(hidden / unit, own) - _units(torch.zeros(len(filters), 1, 1, 1), own)), None
        mean = (filter_ * self.counts).sum() / self.counts.sum()
        detail = torch.tensordot((filter_ - mean).flatten(), reached, 1) / unit
        padded = nn.functional.pad(detail[None, None], (HALO,) * 6, mode="replicate")[0, 0, :, None]
        one = squashed(convolved(padded, own["first"]))
        two = squashed(convolved(one, own["second"]))
        three = convolved(two, own["third"]) + one[2:-2, :, 2:-2, 2:-2]
        total = total + unit * convolved(three, own["last"])[:, 0]
        if "gate" not in own or odd:
            return total, None
        return total, 1 + 0.5 * squashed(convolved(three.square(), own["gate"]))[:, 0]

    def _split(self, part: Tensor, axis: int, filters: Tensor, network: int, unit: float) -> tuple[Tensor, Tensor]:
        length = part.shape[axis]
        halves = [part[(slice(None),) * axis + (slice(odd, None, 2),)] for odd in (0, 1)]
        for step, filter_ in enumerate(filters):
            source = step & 1
            total, gate = self._moved(halves[source], axis, length, step, filter_, network, unit)
            changed = halves[1 - source] + total
            halves[1 - source] = changed if gate is None else changed * gate
        if self.family.reversible:
            return halves[0], halves[1]
        return halves[0] * LOW_97, halves[1] * HIGH_97

    def _merge(self, low: Tensor, high: Tensor, axis: int, filters: Tensor, network: int, unit: float) -> Tensor:
        length = low.shape[axis] + high.shape[axis]
        halves = [low, high] if self.family.reversible else [low / LOW_97, high / HIGH_97]
        for step in range(self.family.steps - 1, -1, -1):
            source = step & 1
            total, gate = self._moved(halves[source], axis, length, step, filters[step], network, unit)
            changed = halves[1 - source]
            halves[1 - source] = (changed if gate is None else changed / gate) - total
        even, odd = halves
        if even.shape[axis] > odd.shape[axis]:
            odd = torch.cat([odd, even.narrow(axis, 0, 1)], axis)
        merged = torch.stack([even, odd], axis + 1).flatten(axis, axis + 1)
        return merged.narrow(axis, 0, length)


def convolved(values: Tensor, weights: Tensor) -> Tensor:
    """Convolution of ``(z, channels, y, x)`` with ``(channels, channels, z, y, x)``, without what lacks neighbours.

    As one in two dimensions with the channels of three slices: on a processor that takes a third of the time of `conv3d`.
    """
    deep = weights.shape[2]
    count = len(values) - deep + 1
    slices = torch.cat([values[k : k + count] for k in range(deep)], 1)
    return nn.functional.conv2d(slices, weights.transpose(1, 2).flatten(1, 2))


def squashed(values: Tensor) -> Tensor:
    """Hyperbolic tangent, computed as in the kernels."""
    x = values.clamp(-SATURATED, SATURATED)
    s = x * x
    return x * (135135 + s * (17325 + s * (378 + s))) / (135135 + s * (62370 + s * (3150 + s * 28)))


def _units(inputs: Tensor, own: dict[str, Tensor]) -> Tensor:
    """Layers with ReLU over the first axis of `inputs`."""
    hidden = (inputs + own["bias"][:, None, None, None]).relu()
    hidden = (torch.einsum("kc,czyx->kzyx", own["second"], hidden) + own["bias_2"][:, None, None, None]).relu()
    return torch.einsum("k,kzyx->zyx", own["last"], hidden)


def _started(name: str, shape: tuple[int, ...]) -> Tensor:
    """Initial values of a network's array. Last layers start at 0, so training starts from the filters."""
    if name in ("last", "gate", "bias", "bias_2"):
        return torch.zeros(shape)
    inputs = math.prod(shape[3:]) if name != "first" or len(shape) > 6 else 36
    return torch.randn(shape) / math.sqrt(inputs)
