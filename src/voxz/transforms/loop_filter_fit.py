"""Fitting restoration filters, in the encoder only: what decoded voxels miss, by class, for `voxz.transforms.wiener`."""

import numpy as np
from numpy.typing import NDArray

from voxz.jit import kernel
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
def _gather(units, classes, missed, offsets, strides, seen, blocks, filled, moments):  # type: ignore[no-untyped-def]
    """Add the second moments of features and error of every so many voxels of each class, with their stride as weight.

    Parameters
    ----------
    units, classes, offsets : as for `loop_filter._correct`
    missed : float64 (z, y, x), error in units, NaN where it does not matter
    strides : int64 (classes,), of every so many voxels of a class one is taken
    seen : int64 (classes,), voxels so far, changed
    blocks : float64 (classes, BLOCK, WIDTH), rows that are not in the moments yet
    filled : int64 (classes,), their number, changed
    moments : float64 (classes, WIDTH, WIDTH), upper triangles, added to
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
        counts += np.bincount(found[~unknown], minlength=CLASSES)
    strides = np.maximum(1, counts // SAMPLED_OF_CLASS)
    seen, filled = np.zeros(CLASSES, np.int64), np.zeros(CLASSES, np.int64)
    blocks, moments = np.zeros((CLASSES, BLOCK, WIDTH)), np.zeros((CLASSES, WIDTH, WIDTH))
    for k, volume in enumerate(decoded):
        missed = np.where(missing[k], np.nan, (volumes[k] - volume) * (UNITS / step))
        for part in restoring.parts_in_units(volume, step):
            of_part, offsets = classes[k][part.box], part.distances(restoring.PAIRS)
            _gather(part.flat, of_part, missed[part.box], offsets, strides, seen, blocks, filled, moments)
    for k in range(CLASSES):
        add_rest(moments[k], blocks[k], filled[k])
    return moments, counts
