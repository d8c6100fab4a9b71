"""Fitting the filters that refine the coefficients of a scale, in the encoder only: what was missed, by class."""

import numpy as np

from voxz.codecs.wavelet.refinement import BOUNDS, KINDS, PAIRS, TAPS, UNITS, Rebuilt, look, row_start
from voxz.jit import allocating_kernel, at, kernel
from voxz.transforms.class_moments import Moments, added, taken
from voxz.transforms.filter_row import BLOCK
from voxz.transforms.wiener import Filters, fit_filters


@allocating_kernel
def _classify(limited, offsets, bounds, classes, counts):  # type: ignore[no-untyped-def]
    """Fill the `classes` of all coefficients ``(z, y, x)``, and count them.

    Parameters
    ----------
    limited, offsets, bounds : as for `look`
    classes : uint8 (z, y, x), filled
    counts : int64 (KINDS,), added to
    """
    depth, height, width = classes.shape
    features, around, kinds = np.zeros((TAPS, BLOCK), np.int32), np.zeros(BLOCK, np.int32), np.zeros(BLOCK, np.int64)
    for z in range(depth):
        for y in range(height):
            start = row_start(z, y, classes.shape)
            for first in range(0, width, BLOCK):
                look(limited, start + first, offsets, bounds, features, around, kinds)
                for x in range(min(BLOCK, width - first)):
                    classes[z, y, at(first + x)] = kinds[at(x)]
                    counts[at(kinds[at(x)])] += 1


@allocating_kernel
def _gather(limited, classes, values, units, offsets, moments):  # type: ignore[no-untyped-def]
    """Add the second moments of taps and error of every so many coefficients of each class, with their stride as weight.

    Parameters
    ----------
    limited, offsets : as for `look`
    classes : uint8 (z, y, x), from `_classify`
    values : float64 (z, y, x), coefficients, in half steps
    units : int64 (z, y, x), what was rebuilt of them, in units
    moments : `Moments` of the classes, added to
    """
    depth, height, width = units.shape
    for z in range(depth):
        for y in range(height):
            start = row_start(z, y, units.shape)
            for x in range(width):
                group = at(classes[z, y, at(x)])
                if not taken(moments, group):
                    continue
                weight = np.sqrt(np.float64(moments.strides[group]))
                line = moments.blocks[group, moments.filled[group]]
                _taps(limited, start + x, offsets, weight, line)
                line[TAPS] = (values[z, y, x] * UNITS - units[z, y, x]) * weight
                added(moments, group)


@kernel
def _taps(limited, i, offsets, weight, line):  # type: ignore[no-untyped-def]
    """Fill the taps of a coefficient, times a weight.

    Parameters
    ----------
    limited, offsets : as for `look`
    i : index of the coefficient
    weight : float64
    line : float64 (TAPS or more,), filled
    """
    here = np.int64(limited[at(i)])
    for k in range(offsets.size):
        line[k] = np.float64(np.int64(limited[at(i - offsets[k])]) + limited[at(i + offsets[k])]) * weight
    line[offsets.size] = np.float64(here) * weight
    line[offsets.size + 1] = np.float64(UNITS * (np.int64(here > 0) - np.int64(here < 0))) * weight


def fit(bands: list[Rebuilt], slope: float) -> Filters | None:
    """Filters for the bands of a scale whose values are known; None if none pays.

    `slope` is the squared error, in half steps, that a bit is worth.
    """
    classes_of = [np.zeros(band.units.shape, np.uint8) for band in bands]
    counts = np.zeros((8, KINDS), np.int64)
    for band, classes in zip(bands, classes_of, strict=True):
        for part in band.parts():
            _classify(part.flat, part.distances(PAIRS), BOUNDS, classes[part.box], counts[band.orientation])
    moments = Moments.of(counts, TAPS)
    for band, classes in zip(bands, classes_of, strict=True):
        of_band = moments.group(band.orientation)
        for part in band.parts():
            of_part, offsets = (classes[part.box], band.values[part.box], band.units[part.box]), part.distances(PAIRS)
            _gather(part.flat, *of_part, offsets, of_band)
    counts[:, 0] = 0
    return fit_filters(moments.finished(), counts.ravel(), TAPS, slope * UNITS**2)
