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
from voxz.jit import allocating_kernel, apart_kernel, at, kernel
from voxz.transforms.filter_row import BLOCK, weigh
from voxz.transforms.margins import Part, parts_with_margins
from voxz.transforms.wiener import Filters

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

KINDS = 2 * (len(ACTIVITIES) + 1)
CLASSES = 8 * KINDS
"""Orientations, each with zeros and others, by activity."""

BOUNDS = np.array(ACTIVITIES, np.int64)
_UNITS, _OTHERS = np.int32(UNITS), np.int64(len(ACTIVITIES) + 1)

Units = NDArray[np.int64]


@dataclass
class Rebuilt:
    """A band of a scale: its `orientation`, rebuilt coefficients ``(z, y, x)`` in units, and, in the encoder, what they were.

    `values` are in half steps.
    """

    orientation: int
    units: Units
    values: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def parts(self) -> Iterator[Part]:
        """Parts of the band, in units up to LIMIT, with margins of zeros."""
        limited = np.empty(self.units.shape, np.int32)
        _limit(self.units.reshape(-1), limited.reshape(-1))
        return parts_with_margins(limited, (MARGIN, MARGIN, MARGIN), BLOCK, repeated=False)


@kernel
def _limit(units, limited):  # type: ignore[no-untyped-def]
    """Keep units within LIMIT.

    Parameters
    ----------
    units : integers (n,)
    limited : int32 (n,), filled
    """
    for i in range(units.size):
        limited[at(i)] = min(max(units[at(i)], -LIMIT), LIMIT)


@kernel
def row_start(z, y, shape):  # type: ignore[no-untyped-def]
    """Where a row of a band of this shape begins among its limited units."""
    return ((z + MARGIN) * (shape[1] + 2 * MARGIN) + y + MARGIN) * (shape[2] + 2 * MARGIN) + MARGIN


@apart_kernel
def look(limited, start, offsets, bounds, features, around, kinds):  # type: ignore[no-untyped-def]
    """Fill the taps of a block of coefficients, and their classes, without orientation.

    Parameters
    ----------
    limited : int32, flat, with margins, from `Rebuilt.parts`
    start : index of the first coefficient
    offsets : int64 (pairs,), distances in it
    bounds : int64 (activities,), in units
    features : int32 (TAPS, BLOCK), filled
    around : int32 (BLOCK,), room
    kinds : int64 (BLOCK,), filled
    """
    centre, sign = features[offsets.size], features[offsets.size + 1]
    for x in range(BLOCK):
        here = limited[at(start + x)]
        centre[at(x)] = here
        sign[at(x)] = (here > 0) * _UNITS - (here < 0) * _UNITS
        kinds[at(x)] = (here != 0) * _OTHERS
        around[at(x)] = 0
    for k in range(offsets.size):
        line, low, high = features[k], start - offsets[k], start + offsets[k]
        for x in range(BLOCK):
            before, after = limited[at(low + x)], limited[at(high + x)]
            line[at(x)] = before + after
            around[at(x)] += abs(before) + abs(after)
    for k in range(bounds.size):
        bound = bounds[k]
        for x in range(BLOCK):
            kinds[at(x)] += around[at(x)] >= bound


@allocating_kernel
def _correct(limited, offsets, bounds, weights, of_kind, scale, units, unit, out):  # type: ignore[no-untyped-def]
    """Fill `out` with the coefficients, corrected by the filters.

    Parameters
    ----------
    limited, offsets, bounds : as for `look`
    weights : int32 (filters, TAPS)
    of_kind : int64 (KINDS,), filter of each class of the band's orientation, -1 for none
    scale : value of a weight of 1
    units : int64 (z, y, x), rebuilt coefficients
    unit : float64, what `out` is wanted in
    out : float64 (z, y, x), filled
    """
    depth, height, width = units.shape
    features, around, kinds = np.zeros((TAPS, BLOCK), np.int32), np.zeros(BLOCK, np.int32), np.zeros(BLOCK, np.int64)
    constants, room, totals = np.zeros(weights.shape[0], np.int32), np.zeros(BLOCK, np.int32), np.zeros(BLOCK, np.int32)
    for z in range(depth):
        for y in range(height):
            start = row_start(z, y, units.shape)
            for first in range(0, width, BLOCK):
                look(limited, start + first, offsets, bounds, features, around, kinds)
                for x in range(BLOCK):
                    kinds[at(x)] = of_kind[at(kinds[at(x)])]
                weigh(features, weights, constants, kinds, room, totals)
                for x in range(min(BLOCK, width - first)):
                    value = np.float64(units[z, y, at(first + x)]) + np.float64(totals[at(x)]) * scale
                    out[z, y, at(first + x)] = value * unit


def read_filters(reader: IntegerReader) -> Filters | None:
    """Filters of a scale, or None, as `put_filters` wrote them; damage raises `CorruptError`."""
    return Filters.read(reader, CLASSES, TAPS)


def refined(band: Rebuilt, filters: Filters | None) -> NDArray[np.float64]:
    """Coefficients ``(z, y, x)`` in half steps."""
    if filters is None:
        return band.units.astype(np.float64) * (1.0 / UNITS)
    out = np.empty(band.units.shape)
    of_kind = filters.of_class.reshape(8, KINDS)[band.orientation]
    taken, numbers = np.unique(of_kind, return_inverse=True)
    weights = filters.weights[taken[taken >= 0]].astype(np.int32)
    of_kind = numbers - np.int64(taken[0] < 0)
    scale = 1.0 / (1 << filters.precision)
    for part in band.parts():
        offsets = part.distances(PAIRS)
        _correct(part.flat, offsets, BOUNDS, weights, of_kind, scale, band.units[part.box], 1.0 / UNITS, out[part.box])
    return out
