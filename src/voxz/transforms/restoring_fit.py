"""Fitting restoration filters, in the encoder only: least squares per class; classes are merged while that pays.

A filter has to lower the squared error by more than its bits are worth. Sums run in a fixed order in IEEE doubles.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from voxz.jit import kernel
from voxz.predict.fit import BLOCK, add_block, add_rest, gain, solve
from voxz.transforms import restoring
from voxz.transforms.restoring import CLASSES, MARGIN, MARGIN_Z, PRECISIONS, TAPS, UNITS, Filters, clipped

SAMPLES = 8000
"""Voxels of each class that are looked at."""

FEWEST = 4096
"""Voxels below which no filter can pay."""

BITS_OF_WEIGHT = -2.0
"""Bits that a weight takes, beyond those of its precision."""

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
                    line[2 * k + 1] = np.float64(clipped(before) + clipped(after)) * weight
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
    weights: NDArray[np.float64] = field(default_factory=lambda: np.zeros(TAPS))
    saved: float = 0.0

    @property
    def name(self) -> str:
        """Tells groups apart."""
        return str(self.classes)

    def fit(self) -> "_Group":
        """Fit the filter."""
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
    worth = slope * (UNITS / 2) ** 2 * TAPS
    cost = worth * (PRECISIONS[0] + BITS_OF_WEIGHT)
    groups = _groups(volumes, decoded, missing, step)
    if sum(group.saved for group in groups) <= cost:
        return None
    groups = sorted(_merged(groups, cost), key=lambda group: min(group.classes))
    best, chosen = 0.0, None
    for precision in PRECISIONS:
        won, filters = _rounded(groups, precision, worth * (precision + BITS_OF_WEIGHT))
        if won > best:
            best, chosen = won, filters
    return chosen


def _rounded(groups: list[_Group], precision: int, cost: float) -> tuple[float, Filters]:
    """What the filters that pay save, beyond their `cost` each, with whole weights; and these filters."""
    kept: list[NDArray[np.float64]] = []
    of_class, total = np.full(CLASSES, -1, np.int64), 0.0
    for group in groups:
        largest = restoring.LARGEST_WEIGHT
        whole = np.clip(np.rint(group.weights * (1 << precision)), -largest, largest)
        won = float(gain(group.moments, whole / (1 << precision))) - cost
        if won > 0:
            of_class[group.classes] = len(kept)
            kept.append(whole)
            total += won
    return total, Filters(np.array(kept, np.int64), of_class, precision)


def _groups(volumes: Volumes, decoded: Volumes, missing: NDArray[np.bool_], step: float) -> list[_Group]:
    """A group for each class that occurs."""
    units: list[restoring.Units] = [restoring.in_units(volume, step) for volume in decoded]
    classes = [restoring.classify(one) for one in units]
    counts = np.zeros(CLASSES, np.int64)
    for found, unknown in zip(classes, missing, strict=True):
        counts += np.bincount(found[~unknown], minlength=CLASSES)
    strides = np.maximum(1, counts // SAMPLES)
    seen, filled = np.zeros(CLASSES, np.int64), np.zeros(CLASSES, np.int64)
    blocks, moments = np.zeros((CLASSES, BLOCK, WIDTH)), np.zeros((CLASSES, WIDTH, WIDTH))
    for k, one in enumerate(units):
        missed = np.where(missing[k], np.nan, (volumes[k] - decoded[k]) * (UNITS / step))
        _gather(one.ravel(), classes[k], missed, restoring.offsets_in(one), strides, seen, blocks, filled, moments)
    for k in range(CLASSES):
        add_rest(moments[k], blocks[k], filled[k])
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
