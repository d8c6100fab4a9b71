"""Fitting restoration filters, in the encoder only: what decoded voxels miss, by class, for `voxz.transforms.wiener`."""

import numpy as np
from numpy.typing import NDArray

from voxz.jit import at, kernel
from voxz.numerics.least_squares import BLOCK, add_block, add_rest
from voxz.transforms import loop_filter as restoring
from voxz.transforms.loop_filter import CLASSES, MARGIN, MARGIN_Z, TAPS, UNITS, clipped
from voxz.transforms.wiener import Filters
from voxz.transforms.wiener import fit_filters as fit_moments

SAMPLED_OF_CLASS = 8000
"""Voxels of each class that are looked at."""

FEWEST = 4096
"""Voxels below which no filter can pay."""

WIDTH = (TAPS + 8) // 8 * 8
"""Rows of a moment matrix."""

Volumes = NDArray[np.float64]


@kernel
def _gather(units, classes, original, decoded, unit, offsets, strides, left, blocks, filled, moments):  # type: ignore[no-untyped-def]
    """Add the second moments of features and error of every so many voxels of each class, with their stride as weight.

    Parameters
    ----------
    units, offsets : as for `loop_filter._correct`
    classes : uint8 (z, y, x), from `loop_filter.classify`, CLASSES for voxels that do not matter
    original, decoded : float64 (z, y, x)
    unit : float64, units of a difference of 1
    strides : int64 (classes,), of every so many voxels of a class one is taken
    left : int64 (classes,), voxels up to the next that is taken, changed
    blocks : float64 (classes, BLOCK, WIDTH), rows that are not in the moments yet
    filled : int64 (classes,), their number, changed
    moments : float64 (classes, WIDTH, WIDTH), upper triangles, added to
    """
    depth, height, width = classes.shape
    row_length = width + 2 * MARGIN
    for z in range(depth):
        for y in range(height):
            start = ((z + MARGIN_Z) * (height + 2 * MARGIN) + y + MARGIN) * row_length + MARGIN
            row = classes[z, y]
            for x in range(width):
                group = at(row[at(x)])
                if group == CLASSES:
                    continue
                left[group] -= 1
                if left[group]:
                    continue
                left[group] = strides[group]
                weight = np.sqrt(np.float64(strides[group]))
                line = blocks[group, filled[group]]
                _features(units, start + x, offsets, weight, line)
                line[TAPS] = (original[z, y, x] - decoded[z, y, x]) * unit * weight
                filled[group] += 1
                if filled[group] == BLOCK:
                    add_block(moments[group], blocks[group])
                    filled[group] = 0


@kernel
def _features(units, i, offsets, weight, line):  # type: ignore[no-untyped-def]
    """Fill the features of a voxel and the constant, times a weight.

    Parameters
    ----------
    units, offsets : as for `loop_filter._correct`
    i : index of the voxel
    weight : float64
    line : float64 (TAPS or more,), filled
    """
    centre = np.int64(units[at(i)])
    for k in range(offsets.size):
        before = np.int64(units[at(i - offsets[at(k)])]) - centre
        after = np.int64(units[at(i + offsets[at(k)])]) - centre
        line[at(2 * k)] = np.float64(before + after) * weight
        line[at(2 * k + 1)] = np.float64(clipped(before) + clipped(after)) * weight
    line[TAPS - 1] = weight


def fit_filters(volumes: Volumes, decoded: Volumes, missing: NDArray[np.bool_], step: float, slope: float) -> Filters | None:
    """Filters that bring `decoded` nearer to `volumes` ``(series, z, y, x)`` where nothing is `missing`; None if none pays.

    `slope` is the squared error, in half steps, that a bit is worth.
    """
    if volumes.size < FEWEST:
        return None
    moments, counts = _moments(volumes, decoded, missing, step)
    return fit_moments(moments, counts, TAPS, slope * (UNITS / 2) ** 2)


def _moments(
    volumes: Volumes, decoded: Volumes, missing: NDArray[np.bool_], step: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Second moments of the voxels of each class, and their numbers."""
    classes, counts = np.zeros(volumes.shape, np.uint8), np.zeros(CLASSES, np.int64)
    for found, volume, unknown in zip(classes, decoded, missing, strict=True):
        for part in restoring.parts_in_units(volume, step):
            found[part.box] = restoring.classify(part)
        found[unknown] = CLASSES
        counts += np.bincount(found.ravel(), minlength=CLASSES + 1)[:CLASSES]
    strides = np.maximum(1, counts // SAMPLED_OF_CLASS)
    left, filled = strides.copy(), np.zeros(CLASSES, np.int64)
    blocks, moments = np.zeros((CLASSES, BLOCK, WIDTH)), np.zeros((CLASSES, WIDTH, WIDTH))
    for found, original, volume in zip(classes, volumes, decoded, strict=True):
        for part in restoring.parts_in_units(volume, step):
            of_part, offsets = (found[part.box], original[part.box], volume[part.box]), part.distances(restoring.PAIRS)
            _gather(part.flat, *of_part, UNITS / step, offsets, strides, left, blocks, filled, moments)
    for k in range(CLASSES):
        add_rest(moments[k], blocks[k], filled[k])
    return moments, counts
