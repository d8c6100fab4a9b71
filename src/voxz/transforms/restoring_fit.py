"""Fitting restoration filters, in the encoder only: least squares per class, and classes merged while that saves more bits than it costs.

A filter has to lower the squared error by more than its bits are worth. Sums run in a fixed order in IEEE doubles.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxz.jit import kernel
from voxz.predict.fit import BLOCK, add_block, add_rest, gain, solve
from voxz.transforms.restoring import (
    CLASSES, CLIP, LARGEST_WEIGHT, MARGIN, MARGIN_Z, TAPS, UNITS, WEIGHT_BITS, Filters, Units, classify, in_units, offsets_in,
)  # fmt: skip

SAMPLES = 8000
"""Voxels of each class that are looked at."""

FEWEST = 4096
"""Voxels below which no filter can pay."""

BITS_OF_FILTER = 5.0 * TAPS
RIDGE = 1e-3
WIDTH = (TAPS + 8) // 8 * 8
"""Rows of a moment matrix."""

Volumes = NDArray[np.float64]


@kernel
def _gather(units, classes, missed, offsets, strides, seen, blocks, filled, moments):  # type: ignore[no-untyped-def]
    """Add the second moments of features and error of every so many voxels of each class, with their stride as weight.

    `missed` ``(z, y, x)`` is the error in units, NaN where it does not matter.
    """
    depth, height, width = classes.shape
    row_length = width + 2 * MARGIN
    for z in range(depth):
        for y in range(height):
            start = ((z + MARGIN_Z) * (height + 2 * MARGIN) + y + MARGIN) * row_length + MARGIN
            for x in range(width):
                error = missed[z, y, x]
                if np.isnan(error):
                    continue
                group = np.int64(classes[z, y, x])
                seen[group] += 1
                if seen[group] % strides[group]:
                    continue
                i = start + x
                centre = np.int64(units[i])
                weight = np.sqrt(np.float64(strides[group]))
                line = blocks[group, filled[group]]
                for k in range(offsets.size):
                    before = np.int64(units[i - offsets[k]]) - centre
                    after = np.int64(units[i + offsets[k]]) - centre
                    line[2 * k] = np.float64(before + after) * weight
                    line[2 * k + 1] = np.float64(min(max(before, -CLIP), CLIP) + min(max(after, -CLIP), CLIP)) * weight
                line[TAPS - 1] = weight
                line[TAPS] = error * weight
                filled[group] += 1
                if filled[group] == BLOCK:
                    add_block(moments[group], blocks[group])
                    filled[group] = 0


@kernel
def _fitted(moments, count, ridge, weights):  # type: ignore[no-untyped-def]
    """Solve for `weights`; return by how much they lower the squared error."""
    solve(moments, count, ridge, weights)
    return gain(moments, weights)


@dataclass
class _Group:
    """Classes that share a filter, their moments, and what the filter saves of the squared error."""

    classes: list[int]
    moments: NDArray[np.float64]
    count: int
    saved: float = 0.0
    weights: NDArray[np.float64] | None = None

    @property
    def name(self) -> str:
        """Tells groups apart."""
        return str(self.classes)

    def fit(self) -> "_Group":
        """Fit the filter."""
        self.weights = np.zeros(TAPS)
        self.saved = float(_fitted(self.moments, self.count, RIDGE * self.count, self.weights))
        return self

    def with_(self, other: "_Group") -> "_Group":
        """Both together."""
        return _Group(self.classes + other.classes, self.moments + other.moments, self.count + other.count).fit()


def fit_filters(volumes: Volumes, decoded: Volumes, missing: NDArray[np.bool_], step: float, slope: float) -> Filters | None:
    """Filters that bring `decoded` nearer to `volumes` ``(series, z, y, x)`` where nothing is `missing`; None if none pays.

    `slope` is the squared error, in half steps, that a bit is worth.
    """
    if volumes.size < FEWEST:
        return None
    groups = _groups(volumes, decoded, missing, step)
    cost = slope * (UNITS / 2) ** 2 * BITS_OF_FILTER
    if sum(group.saved for group in groups) <= cost:
        return None
    kept = [group for group in _merged(groups, cost) if group.saved > cost]
    of_class, weights = np.full(CLASSES, -1, np.int64), []
    for group in sorted(kept, key=lambda group: min(group.classes)):
        assert group.weights is not None
        whole = np.rint(group.weights * (1 << WEIGHT_BITS))
        of_class[group.classes] = len(weights)
        weights.append(np.clip(whole, -LARGEST_WEIGHT, LARGEST_WEIGHT).astype(np.int64))
    return Filters(np.array(weights), of_class) if weights else None


def _groups(volumes: Volumes, decoded: Volumes, missing: NDArray[np.bool_], step: float) -> list[_Group]:
    """A group for each class that occurs."""
    units: list[Units] = [in_units(volume, step) for volume in decoded]
    classes = [classify(one) for one in units]
    counts = np.zeros(CLASSES, np.int64)
    for one, unknown in zip(classes, missing, strict=True):
        counts += np.bincount(one[~unknown], minlength=CLASSES)
    strides = np.maximum(1, counts // SAMPLES)
    seen, filled = np.zeros(CLASSES, np.int64), np.zeros(CLASSES, np.int64)
    blocks, moments = np.zeros((CLASSES, BLOCK, WIDTH)), np.zeros((CLASSES, WIDTH, WIDTH))
    for volume, found, unknown, one, group in zip(volumes, decoded, missing, units, classes, strict=True):
        missed = np.where(unknown, np.nan, (volume - found) * (UNITS / step))
        _gather(one.ravel(), group, missed, offsets_in(one), strides, seen, blocks, filled, moments)
    for group_, moment in enumerate(moments):
        add_rest(moment, blocks[group_], filled[group_])
    return [_Group([k], moments[k], int(counts[k])).fit() for k in range(CLASSES) if counts[k]]


def _merged(groups: list[_Group], cost: float) -> list[_Group]:
    """Merge those two groups whose common filter loses least, as long as that is less than a filter costs."""
    joined: dict[tuple[str, str], _Group] = {}
    while len(groups) > 1:
        best, pair = 0.0, None
        for i, first in enumerate(groups):
            for second in groups[:i]:
                key = (first.name, second.name)
                if key not in joined:
                    joined[key] = first.with_(second)
                apart = max(first.saved - cost, 0.0) + max(second.saved - cost, 0.0)
                won = joined[key].saved - cost - apart
                if won > best:
                    best, pair = won, (first, second)
        if pair is None:
            return groups
        merged = joined[pair[0].name, pair[1].name]
        groups = [*(group for group in groups if group is not pair[0] and group is not pair[1]), merged]
    return groups
