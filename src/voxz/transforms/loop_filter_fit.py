"""Fitting restoration filters, in the encoder only: what decoded voxels miss, by class, for `voxz.transforms.wiener`."""

import numpy as np
from numpy.typing import NDArray

from voxz.jit import at, kernel
from voxz.transforms import loop_filter as restoring
from voxz.transforms.class_moments import Moments, added, taken
from voxz.transforms.loop_filter import CLASSES, MARGIN, MARGIN_Z, TAPS, UNITS, clipped
from voxz.transforms.wiener import Filters
from voxz.transforms.wiener import fit_filters as fit_moments

FEWEST = 4096
"""Voxels below which no filter can pay."""

Volumes = NDArray[np.float64]


@kernel
def _gather(units, classes, original, decoded, unit, offsets, moments):  # type: ignore[no-untyped-def]
    """Add the second moments of features and error of every so many voxels of each class, with their stride as weight.

    Parameters
    ----------
    units, offsets : as for `loop_filter._correct`
    classes : uint8 (z, y, x), from `loop_filter.classify`, CLASSES for voxels that do not matter
    original, decoded : float64 (z, y, x)
    unit : float64, units of a difference of 1
    moments : `Moments` of the classes, added to
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
                if not taken(moments, group):
                    continue
                weight = np.sqrt(np.float64(moments.strides[group]))
                line = moments.blocks[group, moments.filled[group]]
                _features(units, start + x, offsets, weight, line)
                line[TAPS] = (original[z, y, x] - decoded[z, y, x]) * unit * weight
                added(moments, group)


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
    moments = Moments.of(counts, TAPS)
    for found, original, volume in zip(classes, volumes, decoded, strict=True):
        for part in restoring.parts_in_units(volume, step):
            of_part, offsets = (found[part.box], original[part.box], volume[part.box]), part.distances(restoring.PAIRS)
            _gather(part.flat, *of_part, UNITS / step, offsets, moments)
    return moments.finished(), counts
