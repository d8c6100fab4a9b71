"""Pyramids of trained transforms.

Coefficients lie as in `voxz.transforms.pyramid`, so whatever codes those codes these. A box of a scale is split along x; its
halves along y, each by itself; the quarters along z. Integers (held in doubles, exactly) go through reversible models, anything
else through the others.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.transforms.band_norms import NO_NORMS, AnyNorms
from voxz.transforms.lifting_97 import HIGH_97, LOW_97
from voxz.transforms.lifting_family import kind_of, reach_table
from voxz.transforms.lifting_kernels import merge, move_halves, split
from voxz.transforms.lifting_networks import moved
from voxz.transforms.network_kernels import apply_moved
from voxz.transforms.pyramid import Pyramid
from voxz.transforms.trained_model import Model

_SCALED, _UNSCALED = np.array([LOW_97, HIGH_97]), np.ones(2)


@dataclass(frozen=True)
class TrainedPyramid(Pyramid):
    """Pyramid of a model.

    Attributes
    ----------
    unit : quantiser step, which networks measure samples in
    """

    model: Model
    unit: float = 1.0

    def norms(self) -> AnyNorms:
        """Norms of the synthesis functions; reversible models are not quantised, so theirs do not count."""
        return NO_NORMS if self.model.family.reversible else self.model.norms

    def analyse(self, volume: NDArray[Any]) -> None:
        """Transform `volume` in place."""
        work = np.ascontiguousarray(volume, np.float64)
        for scale, axis, orientation, box in self._splits():
            self._apply(work, scale, axis, orientation, box, forward=True)
        volume[...] = work

    def synthesise(self, volume: NDArray[Any], down_to: int = 0) -> None:
        """Inverse of `analyse`, in place, but for the `down_to` finest scales."""
        work = np.ascontiguousarray(volume, np.float64)
        for scale, axis, orientation, box in reversed(self._splits()):
            if scale >= down_to:
                self._apply(work, scale, axis, orientation, box, forward=False)
        volume[...] = work

    def gain(self, scale: int) -> float:
        """What the `scale` finest scales multiply a constant with: filters sum up to what those of 9/7 do."""
        return 1.0 if self.model.family.reversible else super().gain(scale)

    def _splits(self) -> list[tuple[int, int, int, NDArray[np.int64]]]:
        """Scale, axis, what the box is high along already, and the box ``(first and last z, y, x)``, in the order of analysis."""
        found = []
        for scale, (shape, axes) in enumerate(self.steps()):
            boxes = {0: np.array([0, 0, 0, *shape])}
            for axis in axes[::-1]:
                if shape[axis] < 2:
                    continue
                for orientation, box in list(boxes.items()):
                    if not (box[3:] > box[:3]).all():
                        continue
                    found.append((scale, axis, orientation, box))
                    low, high = box.copy(), box.copy()
                    low[3 + axis] = high[axis] = box[axis] + (box[3 + axis] - box[axis] + 1) // 2
                    boxes[orientation], boxes[orientation | 1 << axis] = low, high
        return found

    def _apply(
        self, work: NDArray[np.float64], scale: int, axis: int, orientation: int, box: NDArray[np.int64], *, forward: bool
    ) -> None:
        family = self.model.family
        shape = [int(n) for n in box[3:] - box[:3]]
        length = shape[axis]
        halves = []
        for odd in (0, 1):
            shape[axis] = (length + 1 - odd) // 2
            halves.append(np.empty(shape))
        tables = [reach_table(length, odd, family.reach) for odd in (0, 1)]
        filters = self.model.filters[family.set_of(scale, kind_of(axis, orientation))]
        width = max(half.shape[2] for half in halves)
        factors = _UNSCALED if family.reversible else _SCALED
        if family.network:
            self._apply_networks(work, box, axis, tables, filters, family.network_of(kind_of(axis, orientation)), halves, forward)
            return
        rows, line = np.empty((4, width + 2 * family.reach + 2)), np.empty(width)
        work_on = split if forward else merge
        work_on(work, box, axis, (tables[0], tables[1]), filters, family.reversible, factors, halves[0], halves[1], rows, line)

    def _apply_networks(
        self,
        work: NDArray[np.float64],
        box: NDArray[np.int64],
        axis: int,
        tables: list[NDArray[np.int64]],
        filters: NDArray[np.float64],
        number: int,
        halves: list[NDArray[np.float64]],
        forward: bool,
    ) -> None:
        """The same with networks in every step."""
        family = self.model.family
        factors = _UNSCALED if family.reversible else _SCALED
        move_halves(work, box, axis, forward, True, factors, halves[0], halves[1])
        for step in range(family.steps) if forward else range(family.steps - 1, -1, -1):
            source, target = halves[step & 1], halves[1 - (step & 1)]
            total, gate = moved(
                family, self.model.networks, number, step, filters[step], source, target.shape, axis, tables[step & 1], self.unit
            )
            apply_moved(target, total, total if gate is None else gate, gate is not None, family.reversible, forward)
        move_halves(work, box, axis, not forward, False, factors, halves[0], halves[1])
