"""The trained wavelet-like transform in PyTorch, for gradients; `voxz.transforms.trained` is what codecs run.

Volumes are ``(z, y, x)``. Bands are a dict by (level, orientation), as in `voxz.transforms.pyramid`; the lowest has orientation 0.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from voxz.transforms.family import ACROSS, Family, kind_of, multiplicities, reach_table
from voxz.transforms.lifting import HIGH_97, LOW_97
from voxz.transforms.pyramid import Levels

Bands = dict[tuple[int, int], Tensor]


def beside(values: Tensor, axis: int) -> Tensor:
    """Sum of the two neighbours along an axis; beyond the ends lies the end."""
    n = values.shape[axis]
    longer = torch.cat([values.narrow(axis, 0, 1), values, values.narrow(axis, n - 1, 1)], axis)
    return longer.narrow(axis, 0, n) + longer.narrow(axis, 2, n)


def mirrored(half: Tensor, axis: int, length: int, odd: int, reach: int) -> Tensor:
    """A half of a line, and `reach` samples more at either end."""
    count = half.shape[axis]
    table = reach_table(length, odd, reach)
    before = [half.narrow(axis, int(k), 1) for k in table[:reach]]
    after = [half.narrow(axis, int(k), 1) for k in table[reach + count :]]
    return torch.cat([*before, half, *after], axis)


class Lifting(nn.Module):
    """A model of a `Family`, with its filters as parameters: what they add to the untrained ones, without changing their sum."""

    def __init__(self, family: Family, filters: np.ndarray | None = None) -> None:
        super().__init__()
        self.family = family
        untrained = torch.from_numpy(family.untrained()).float()
        self.register_buffer("untrained", untrained, persistent=False)
        self.register_buffer("counts", torch.from_numpy(multiplicities(family.reach)).float(), persistent=False)
        start = torch.zeros_like(untrained) if filters is None else torch.from_numpy(filters).to(untrained) - untrained
        self.change = nn.Parameter(start)

    def filters(self) -> Tensor:
        """All filters; each sums up to what the untrained one does, so constants are treated alike."""
        mean = (self.change * self.counts).sum((-1, -2, -3), keepdim=True) / self.counts.sum()
        return self.untrained + self.change - mean

    def network_arrays(self) -> dict[str, Tensor]:
        """Arrays of the networks, by name."""
        return {}

    def analyse(self, volume: Tensor, levels: Levels, unit: float = 1.0) -> Bands:
        """Coefficients of a volume; `unit` is the quantiser's step, for networks."""
        filters, bands, low = self.filters(), {}, volume
        for level in range(max(levels)):
            parts = {0: low}
            for axis in (2, 1, 0):
                if level >= levels[axis] or low.shape[axis] < 2:
                    continue
                bit = 1 << axis
                for orientation, part in list(parts.items()):
                    number = self.family.set_of(level, kind_of(axis, orientation))
                    parts[orientation], parts[orientation | bit] = self._split(part, axis, filters[number], unit)
            low = parts.pop(0)
            bands |= {(level, orientation): part for orientation, part in parts.items()}
        bands[max(levels), 0] = low
        return bands

    def synthesise(self, bands: Bands, levels: Levels, shape: tuple[int, ...], unit: float = 1.0) -> Tensor:
        """Inverse of `analyse`."""
        filters, low = self.filters(), bands[max(levels), 0]
        for level in range(max(levels) - 1, -1, -1):
            parts = {0: low} | {orientation: part for (at, orientation), part in bands.items() if at == level and orientation}
            for axis in (0, 1, 2):
                bit = 1 << axis
                if not any(orientation & bit for orientation in parts):
                    continue
                for orientation in [o for o in parts if not o & bit]:
                    number = self.family.set_of(level, kind_of(axis, orientation))
                    pair = parts[orientation], parts.pop(orientation | bit)
                    parts[orientation] = self._merge(*pair, axis, filters[number], unit)
            low = parts[0]
        assert low.shape == shape
        return low

    def _step(self, half: Tensor, axis: int, length: int, odd: int, filter_: Tensor, unit: float) -> Tensor:
        """What a step adds to the other half."""
        del unit
        reach, (first, second) = self.family.reach, ACROSS[axis]
        longer = mirrored(half, axis, length, odd, reach)
        count = length // 2 if not odd else (length + 1) // 2
        total = None
        for away in range(reach):
            near = reach - away - odd
            far = reach + away + 1 - odd
            pair = longer.narrow(axis, near, count) + longer.narrow(axis, far, count)
            across = beside(pair, first)
            part = filter_[away, 0, 0] * pair + filter_[away, 1, 0] * across
            part = part + filter_[away, 0, 1] * beside(pair, second) + filter_[away, 1, 1] * beside(across, second)
            total = part if total is None else total + part
        assert total is not None
        return total

    def _split(self, part: Tensor, axis: int, filters: Tensor, unit: float) -> tuple[Tensor, Tensor]:
        length = part.shape[axis]
        halves = [part[(slice(None),) * axis + (slice(odd, None, 2),)] for odd in (0, 1)]
        for step, filter_ in enumerate(filters):
            source = step & 1
            halves[1 - source] = halves[1 - source] + self._step(halves[source], axis, length, source, filter_, unit)
        if self.family.reversible:
            return halves[0], halves[1]
        return halves[0] * LOW_97, halves[1] * HIGH_97

    def _merge(self, low: Tensor, high: Tensor, axis: int, filters: Tensor, unit: float) -> Tensor:
        length = low.shape[axis] + high.shape[axis]
        halves = [low, high] if self.family.reversible else [low / LOW_97, high / HIGH_97]
        for step in range(self.family.steps - 1, -1, -1):
            source = step & 1
            halves[1 - source] = halves[1 - source] - self._step(halves[source], axis, length, source, filters[step], unit)
        even, odd = halves
        if even.shape[axis] > odd.shape[axis]:
            odd = torch.cat([odd, even.narrow(axis, 0, 1)], axis)
        merged = torch.stack([even, odd], axis + 1).flatten(axis, axis + 1)
        return merged.narrow(axis, 0, length)
