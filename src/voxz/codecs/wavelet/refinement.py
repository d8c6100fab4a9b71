"""Refinement of coefficients that a quantiser rebuilt: filters over neighbours on both sides, by class, sent by the encoder.

What a wavelet leaves between neighbours tells where in its interval a coefficient probably was, zeros above all. The estimate is
linear in twelve sums of two neighbours opposite each other in the band, the coefficient itself and its sign, each limited, so
that large ones do not rule. A class is an orientation, whether the coefficient is zero, and how much surrounds it. All
components of a series share the filters of a scale (`voxz.transforms.wiener`).

Everything is in whole units of 1/32 of half a step, so classes and corrections are integers.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from voxz.entropy.integers import IntegerReader
from voxz.jit import allocating_kernel, at, kernel
from voxz.numerics.least_squares import BLOCK, add_block, add_rest
from voxz.transforms.margins import Box, parts_with_margins
from voxz.transforms.wiener import Filters, fit_filters

UNITS = 32
"""Units of half a step."""

LIMIT = 4 * UNITS
"""Neighbours, and the coefficient itself among the taps, count as at most this."""

MARGIN = 2

PAIRS = (
    (0, 0, 1),
    (0, 0, 2),
    (0, 1, 0),
    (0, 2, 0),
    (1, 0, 0),
    (2, 0, 0),
    (0, 1, 1),
    (0, 1, -1),
    (1, 0, 1),
    (1, 0, -1),
    (1, 1, 0),
    (1, -1, 0),
)
"""Offsets (z, y, x) of one neighbour of each pair."""

TAPS = len(PAIRS) + 2
"""Weights of a filter: one for each pair, those of the coefficient itself and of its sign."""

ACTIVITIES = (1, UNITS, 5 * UNITS, 16 * UNITS)
"""Where a class begins: sums of the magnitudes of all neighbours, in units. A zero with nothing around it has no class."""

_KINDS = 2 * (len(ACTIVITIES) + 1)
CLASSES = 8 * _KINDS
"""Orientations, each with zeros and others, by activity."""

SAMPLED_OF_CLASS = 8000
"""Coefficients of each class that are looked at."""

WIDTH = (TAPS + 8) // 8 * 8
"""Rows of a moment matrix."""

_BOUNDS = np.array(ACTIVITIES, np.int64)

Units = NDArray[np.int64]


@dataclass
class Rebuilt:
    """A band of a scale: its `orientation`, rebuilt coefficients ``(z, y, x)`` in units, and, in the encoder, what they were.

    `values` are in half steps.
    """

    orientation: int
    units: Units
    values: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def parts(self) -> Iterator[tuple[Box, NDArray[np.int32], NDArray[np.int64]]]:
        """Parts of the band: where each lies, its flat units up to LIMIT with margins of zeros, `PAIRS` as distances in these."""
        limited = np.clip(self.units, -LIMIT, LIMIT).astype(np.int32)
        for box, part in parts_with_margins(limited, (MARGIN, MARGIN, MARGIN), "constant"):
            _, height, width = part.shape
            yield box, part.ravel(), np.array([(z * height + y) * width + x for z, y, x in PAIRS], np.int64)


@kernel
def _row(z, y, shape):  # type: ignore[no-untyped-def]
    """Where a row of a band of this shape begins among its limited units."""
    return ((z + MARGIN) * (shape[1] + 2 * MARGIN) + y + MARGIN) * (shape[2] + 2 * MARGIN) + MARGIN


@kernel
def _look(limited, i, offsets, bounds, features):  # type: ignore[no-untyped-def]
    """Fill the taps of a coefficient; return its class, without orientation.

    Parameters
    ----------
    limited : int32, flat, with margins, `Rebuilt.limited`
    i : index of the coefficient in it
    offsets : int64 (pairs,), `Rebuilt.offsets`
    bounds : int64 (activities,), in units
    features : int64 (TAPS,), filled
    """
    around = np.int64(0)
    for k in range(offsets.size):
        before, after = np.int64(limited[at(i - offsets[at(k)])]), np.int64(limited[at(i + offsets[at(k)])])
        features[at(k)] = before + after
        around += abs(before) + abs(after)
    here = np.int64(limited[at(i)])
    features[at(offsets.size)] = here
    features[at(offsets.size + 1)] = UNITS * (np.int64(here > 0) - np.int64(here < 0))
    found = np.int64(bounds.size + 1) if here else np.int64(0)
    for k in range(bounds.size):
        found += np.int64(around >= bounds[at(k)])
    return found


@allocating_kernel
def _correct(limited, offsets, bounds, weights, of_class, scale, units, out):  # type: ignore[no-untyped-def]
    """Fill `out` with the coefficients, corrected by the filters.

    Parameters
    ----------
    limited, offsets, bounds : as for `_look`
    weights, of_class : as in `wiener.Filters`, the classes being those of the band's orientation
    scale : value of a weight of 1
    units : int64 (z, y, x), rebuilt coefficients
    out : float64 (z, y, x), filled, in units
    """
    depth, height, width = units.shape
    features = np.zeros(TAPS, np.int64)
    for z in range(depth):
        for y in range(height):
            start = _row(z, y, units.shape)
            for x in range(width):
                total = np.int64(0)
                chosen = of_class[at(_look(limited, start + x, offsets, bounds, features))]
                if chosen >= 0:
                    line = weights[at(chosen)]
                    for k in range(TAPS):
                        total += line[at(k)] * features[at(k)]
                out[z, y, at(x)] = np.float64(units[z, y, at(x)]) + np.float64(total) * scale


@allocating_kernel
def _classify(limited, offsets, bounds, classes):  # type: ignore[no-untyped-def]
    """Fill the `classes` of all coefficients ``(z, y, x)``.

    Parameters
    ----------
    limited, offsets, bounds : as for `_look`
    classes : uint8 (z, y, x), filled
    """
    depth, height, width = classes.shape
    features = np.zeros(TAPS, np.int64)
    for z in range(depth):
        for y in range(height):
            start = _row(z, y, classes.shape)
            for x in range(width):
                classes[z, y, at(x)] = _look(limited, start + x, offsets, bounds, features)


@allocating_kernel
def _gather(limited, classes, missed, offsets, bounds, strides, seen, blocks, filled, moments):  # type: ignore[no-untyped-def]
    """Add the second moments of taps and error of every so many coefficients of each class, with their stride as weight.

    Parameters
    ----------
    limited, offsets, bounds : as for `_look`
    classes : uint8 (z, y, x), from `_classify`
    missed : float64 (z, y, x), error of the rebuilt coefficients, in units
    strides : int64 (classes,), of every so many coefficients of a class one is taken
    seen : int64 (classes,), coefficients so far, changed
    blocks : float64 (classes, BLOCK, WIDTH), rows that are not in the moments yet
    filled : int64 (classes,), their number, changed
    moments : float64 (classes, WIDTH, WIDTH), upper triangles, added to
    """
    depth, height, width = missed.shape
    features = np.zeros(TAPS, np.int64)
    for z in range(depth):
        for y in range(height):
            start = _row(z, y, missed.shape)
            for x in range(width):
                group = np.int64(classes[z, y, x])
                seen[group] += 1
                if seen[group] % strides[group]:
                    continue
                _look(limited, start + x, offsets, bounds, features)
                weight = np.sqrt(np.float64(strides[group]))
                line = blocks[group, filled[group]]
                for k in range(TAPS):
                    line[k] = np.float64(features[k]) * weight
                line[TAPS] = missed[z, y, x] * weight
                filled[group] += 1
                if filled[group] == BLOCK:
                    add_block(moments[group], blocks[group])
                    filled[group] = 0


def fit(bands: list[Rebuilt], slope: float) -> Filters | None:
    """Filters for the bands of a scale whose values are known; None if none pays.

    `slope` is the squared error, in half steps, that a bit is worth.
    """
    classes_of = [np.zeros(band.units.shape, np.uint8) for band in bands]
    counts = np.zeros((8, _KINDS), np.int64)
    for band, classes in zip(bands, classes_of, strict=True):
        for box, limited, offsets in band.parts():
            _classify(limited, offsets, _BOUNDS, classes[box])
        counts[band.orientation] += np.bincount(classes.ravel(), minlength=_KINDS)
    strides = np.maximum(1, counts // SAMPLED_OF_CLASS)
    met, filled = np.zeros_like(counts), np.zeros_like(counts)
    blocks, moments = np.zeros((8, _KINDS, BLOCK, WIDTH)), np.zeros((8, _KINDS, WIDTH, WIDTH))
    for band, classes in zip(bands, classes_of, strict=True):
        missed, o = band.values * UNITS - band.units, band.orientation
        for box, limited, offsets in band.parts():
            _gather(limited, classes[box], missed[box], offsets, _BOUNDS, strides[o], met[o], blocks[o], filled[o], moments[o])
    for place in np.ndindex(counts.shape):
        add_rest(moments[place], blocks[place], filled[place])
    counts[:, 0] = 0
    return fit_filters(moments.reshape(CLASSES, WIDTH, WIDTH), counts.ravel(), TAPS, slope * UNITS**2)


def read_filters(reader: IntegerReader) -> Filters | None:
    """Filters of a scale, or None, as `put_filters` wrote them; damage raises `CorruptError`."""
    return Filters.read(reader, CLASSES, TAPS)


def refined(band: Rebuilt, filters: Filters | None) -> NDArray[np.float64]:
    """Coefficients ``(z, y, x)`` in half steps."""
    if filters is None:
        return band.units.astype(np.float64) * (1.0 / UNITS)
    out = np.zeros(band.units.shape)
    of_class = filters.of_class.reshape(8, _KINDS)[band.orientation]
    scale = 1.0 / (1 << filters.precision)
    for box, limited, offsets in band.parts():
        _correct(limited, offsets, _BOUNDS, filters.weights, of_class, scale, band.units[box], out[box])
    out *= 1.0 / UNITS
    return out
