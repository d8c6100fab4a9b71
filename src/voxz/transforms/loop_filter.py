"""Restoration of what was decoded with loss: a filter for each class of neighbourhood, fitted and sent by the encoder.

Like the adaptive loop filter of VVC (Karczewicz et al., IEEE Trans. Circuits and Systems for Video Technology 31(10), 2021): a
Wiener filter per class of local activity and direction, with differences to the centre that are clipped, so that a filter can
smooth noise and leave edges. Each tap is a pair of voxels opposite each other: 12 in the slice, 9 between the slices around.
Each pair gives two features, the sum of its differences and the sum of these clipped to a quarter of a step.

Everything is in whole units of 1/64 step, so classes and corrections are integers.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from voxz.jit import allocating_kernel, apart_kernel, at, kernel
from voxz.transforms.filter_row import BLOCK, weigh
from voxz.transforms.margins import Part, parts_with_margins
from voxz.transforms.wiener import Filters

UNITS = 64
"""Units of a quantiser step."""

CLIP = 16
"""Units to which differences are clipped."""

LARGEST_UNITS = 1 << 20
"""Samples are clipped to this magnitude, in units."""

MARGIN_Z, MARGIN = 1, 3
MARGINS = MARGIN_Z, MARGIN, MARGIN

PAIRS = (
    *((0, 0, x) for x in (1, 2, 3)),
    *((0, 1, x) for x in (-2, -1, 0, 1, 2)),
    *((0, 2, x) for x in (-1, 0, 1)),
    (0, 3, 0),
    *((1, y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)),
)
"""Offsets (z, y, x) of one voxel of each pair."""

TAPS = 2 * len(PAIRS) + 1
"""Weights of a filter: two for each pair, and a constant, in units."""

ACTIVITIES = (32, 96, 240, 560, 1280, 3200)
"""Where a class of activity begins: sums of second differences over 5 x 5 voxels, in units."""

DIRECTIONS = 5
"""No direction, along y, along x, and the two diagonals."""

CLASSES = (len(ACTIVITIES) + 1) * DIRECTIONS
_BOUNDS = np.array(ACTIVITIES, np.int64)

_CLIP = np.int32(CLIP)


def parts_in_units(volume: NDArray[np.float64], step: float) -> Iterator[Part]:
    """Parts of `volume` ``(z, y, x)`` as it is now, in units, with margins that repeat what is nearest."""
    whole = np.empty(volume.shape, np.int32)
    _in_units(volume.reshape(-1), UNITS / step, whole.reshape(-1))
    return parts_with_margins(whole, MARGINS, BLOCK, repeated=True)


@kernel
def _in_units(values, factor, whole):  # type: ignore[no-untyped-def]
    """Fill the values times a factor, rounded and limited.

    Parameters
    ----------
    values : float64 (n,)
    factor : float64
    whole : int32 (n,), filled
    """
    for i in range(values.size):
        value = np.floor(values[at(i)] * factor + 0.5)
        whole[at(i)] = np.int32(min(max(value, -LARGEST_UNITS), LARGEST_UNITS))


@kernel
def clipped(difference):  # type: ignore[no-untyped-def]
    """Limit a difference to CLIP."""
    return min(max(difference, -_CLIP), _CLIP)


@kernel
def _sharpness(up, row, down, width, lines):  # type: ignore[no-untyped-def]
    """Fill magnitudes of second differences along x, y and both diagonals.

    Parameters
    ----------
    up, row, down : int32 (width + 2,), rows below each other
    width : of what is filled
    lines : int32 (4, width or more), filled
    """
    across, along, falling, rising = lines[0], lines[1], lines[2], lines[3]
    for x in range(width):
        twice = 2 * row[at(x + 1)]
        across[at(x)] = abs(twice - row[at(x)] - row[at(x + 2)])
        along[at(x)] = abs(twice - up[at(x + 1)] - down[at(x + 1)])
        falling[at(x)] = abs(twice - up[at(x)] - down[at(x + 2)])
        rising[at(x)] = abs(twice - up[at(x + 2)] - down[at(x)])


@apart_kernel
def _take_turns(lines, newest, sums):  # type: ignore[no-untyped-def]
    """Sum over five voxels of a row, and put that row in the place of the one five rows up in the sums over rows.

    Parameters
    ----------
    lines : int32 (4, width + 4)
    newest : int32 (4, width), sums of the row five rows up; filled with those of this row
    sums : int32 (4, width), changed
    """
    for k in range(4):
        line, row, total = lines[k], newest[k], sums[k]
        for x in range(row.size):
            wide = line[at(x)] + line[at(x + 1)] + line[at(x + 2)] + line[at(x + 3)] + line[at(x + 4)]
            total[at(x)] += wide - row[at(x)]
            row[at(x)] = wide


@kernel
def _class_of_row(sums, bounds, classes):  # type: ignore[no-untyped-def]
    """Fill the class of every voxel of a row.

    Parameters
    ----------
    sums : int32 (4, width), of second differences around each voxel
    bounds : int64 (activities,), where a class of activity begins, in units
    classes : uint8 (width,), filled
    """
    for x in range(classes.size):
        across, along = np.int64(sums[0, at(x)]), np.int64(sums[1, at(x)])
        falling, rising = np.int64(sums[2, at(x)]), np.int64(sums[3, at(x)])
        high_1, low_1 = max(across, along), min(across, along)
        high_2, low_2 = max(falling, rising), min(falling, rising)
        slanted, straight = np.int64(high_2 > 2 * low_2), np.int64(high_1 > 2 * low_1)
        slanted *= 3 + np.int64(falling > rising)
        straight *= 1 + np.int64(across > along)
        classes[at(x)] = slanted if high_2 * low_1 > high_1 * low_2 else straight
    for k in range(bounds.size):
        bound = bounds[k]
        for x in range(classes.size):
            classes[at(x)] += DIRECTIONS * (sums[0, at(x)] + sums[1, at(x)] >= bound)


@allocating_kernel
def _classify(units, bounds, classes):  # type: ignore[no-untyped-def]
    """Fill the class of every voxel, by second differences summed over 5 x 5 voxels.

    Parameters
    ----------
    units : int32 (z, y, x), with margins
    bounds : int64 (activities,), where a class of activity begins, in units
    classes : uint8 (z, y, x), filled
    """
    depth, height, width = classes.shape
    line = np.zeros((4, width + 4), np.int32)
    rows = np.zeros((5, 4, width), np.int32)
    sums = np.zeros((4, width), np.int32)
    for z in range(depth):
        plane = units[z + MARGIN_Z]
        sums[:] = 0
        rows[:] = 0
        for y in range(height + 4):
            _sharpness(plane[y], plane[y + 1], plane[y + 2], width + 4, line)
            _take_turns(line, rows[y % 5], sums)
            if y >= 4:
                _class_of_row(sums, bounds, classes[z, y - 4])


@apart_kernel
def _features(units, start, offsets, features):  # type: ignore[no-untyped-def]
    """Fill the features of a block of voxels: sums of differences, and of clipped differences.

    Parameters
    ----------
    units : int32, flat, with margins
    start : index of the first voxel
    offsets : int64 (pairs,), distances in `units`
    features : int32 or int64 (2 * pairs, BLOCK), filled
    """
    for k in range(offsets.size):
        whole, limited = features[2 * k], features[2 * k + 1]
        low, high = start - offsets[k], start + offsets[k]
        for x in range(BLOCK):
            centre = units[at(start + x)]
            before, after = np.int32(units[at(low + x)] - centre), np.int32(units[at(high + x)] - centre)
            whole[at(x)] = before + after
            limited[at(x)] = clipped(before) + clipped(after)


@allocating_kernel
def _correct(units, classes, offsets, weights, constants, of_class, scale, volume):  # type: ignore[no-untyped-def]
    """Add to a volume what the filters find.

    Parameters
    ----------
    units : int32, flat, with margins
    classes : uint8 (z, y, x), from `_classify`
    offsets : int64 (pairs,), distances in `units`
    weights, constants : int32 or int64 (filters, 2 * pairs) and (filters,), weights of features, and constants
    of_class : int64 (classes,), filter of each class, -1 for none
    scale : value of a weight of 1 for one unit, in stored units
    volume : float64 (z, y, x), changed
    """
    depth, height, width = classes.shape
    features = np.zeros((2 * offsets.size, BLOCK), weights.dtype)
    room, totals = np.zeros(BLOCK, weights.dtype), np.zeros(BLOCK, weights.dtype)
    chosen = np.zeros(BLOCK, np.int64)
    for z in range(depth):
        for y in range(height):
            start = ((z + MARGIN_Z) * (height + 2 * MARGIN) + y + MARGIN) * (width + 2 * MARGIN) + MARGIN
            for first in range(0, width, BLOCK):
                columns = min(BLOCK, width - first)
                chosen[:] = -1
                for x in range(columns):
                    chosen[at(x)] = of_class[at(classes[z, y, at(first + x)])]
                _features(units, start + first, offsets, features)
                if weigh(features, weights, constants, chosen, room, totals):
                    for x in range(columns):
                        volume[z, y, at(first + x)] += np.float64(totals[at(x)]) * scale


def classify(part: Part) -> NDArray[np.uint8]:
    """Classes ``(z, y, x)`` of a part of a volume in units."""
    depth, height, width = part.shape
    classes = np.zeros((depth - 2 * MARGIN_Z, height - 2 * MARGIN, width - 2 * MARGIN), np.uint8)
    _classify(part.flat[: depth * height * width].reshape(part.shape), _BOUNDS, classes)
    return classes


def restore(volume: NDArray[np.float64], step: float, filters: Filters) -> None:
    """Filter a decoded `volume` ``(z, y, x)`` in place."""
    scale = step / (UNITS << filters.precision)
    for part in parts_in_units(volume, step):
        weights = filters.weights.astype(_sum_type(part.flat, filters.weights))
        of_features, constants = np.ascontiguousarray(weights[:, :-1]), weights[:, -1].copy()
        offsets = part.distances(PAIRS)
        _correct(part.flat, classify(part), offsets, of_features, constants, filters.of_class, scale, volume[part.box])


def _sum_type(units: NDArray[np.int32], weights: NDArray[np.int64]) -> type[np.signedinteger]:
    """Integers that hold all sums: of 32 bits nearly always."""
    size = np.abs(weights)
    widest = 2 * (int(units.max()) - int(units.min()))
    largest = size[:, 0:-1:2].sum(1) * widest + size[:, 1::2].sum(1) * 2 * CLIP + size[:, -1]
    return np.int32 if largest.max() < 1 << 31 else np.int64


def read_filters(payload: bytes) -> Filters:
    """Filters from their `Filters.to_bytes`; damage raises `CorruptError`."""
    return Filters.from_bytes(payload, CLASSES, TAPS)
