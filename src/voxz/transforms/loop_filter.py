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

from voxz.jit import allocating_kernel, at, kernel
from voxz.transforms.margins import Box, parts_with_margins
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

Units = NDArray[np.int32]


def parts_in_units(volume: NDArray[np.float64], step: float) -> Iterator[tuple[Box, Units]]:
    """Parts of `volume` ``(z, y, x)`` as it is now: where each lies, and its units, with margins that repeat what is nearest."""
    whole = np.clip(np.floor(volume * (UNITS / step) + 0.5), -LARGEST_UNITS, LARGEST_UNITS).astype(np.int32)
    return parts_with_margins(whole, MARGINS, "edge")


def offsets_in(units: Units) -> NDArray[np.int64]:
    """`PAIRS` as distances in the flat array."""
    _, height, width = units.shape
    return np.array([(z * height + y) * width + x for z, y, x in PAIRS], np.int64)


@kernel
def clipped(difference):  # type: ignore[no-untyped-def]
    """Limit a difference to CLIP."""
    return min(max(difference, -CLIP), CLIP)


@allocating_kernel
def _second_differences(plane, sums, rows):  # type: ignore[no-untyped-def]
    """Magnitudes of second differences along x, y and both diagonals of a padded slice, summed over 5 x 5 voxels into `sums`."""
    height, width = sums.shape[1], sums.shape[2]
    line = np.zeros((4, width + 4), np.int32)
    for y in range(height + 4):
        up, row, down = plane[y], plane[y + 1], plane[y + 2]
        for x in range(width + 4):
            twice = 2 * row[at(x + 1)]
            line[0, at(x)] = abs(twice - row[at(x)] - row[at(x + 2)])
            line[1, at(x)] = abs(twice - up[at(x + 1)] - down[at(x + 1)])
            line[2, at(x)] = abs(twice - up[at(x)] - down[at(x + 2)])
            line[3, at(x)] = abs(twice - up[at(x + 2)] - down[at(x)])
        for k in range(4):
            for x in range(width):
                wide = line[k, at(x)] + line[k, at(x + 1)] + line[k, at(x + 2)]
                rows[k, y, at(x)] = wide + line[k, at(x + 3)] + line[k, at(x + 4)]
    for k in range(4):
        for y in range(height):
            for x in range(width):
                tall = rows[k, y, at(x)] + rows[k, y + 1, at(x)] + rows[k, y + 2, at(x)]
                sums[k, y, at(x)] = tall + rows[k, y + 3, at(x)] + rows[k, y + 4, at(x)]


@allocating_kernel
def _classify(units, bounds, classes):  # type: ignore[no-untyped-def]
    """Fill the class of every voxel.

    Parameters
    ----------
    units : int32 (z, y, x), with margins
    bounds : int64 (activities,), where a class of activity begins, in units
    classes : uint8 (z, y, x), filled
    """
    depth, height, width = classes.shape
    sums = np.zeros((4, height, width), np.int32)
    rows = np.zeros((4, height + 4, width), np.int32)
    for z in range(depth):
        _second_differences(units[z + MARGIN_Z], sums, rows)
        for y in range(height):
            for x in range(width):
                across, along = np.int64(sums[0, y, at(x)]), np.int64(sums[1, y, at(x)])
                falling, rising = np.int64(sums[2, y, at(x)]), np.int64(sums[3, y, at(x)])
                high_1, low_1 = max(across, along), min(across, along)
                high_2, low_2 = max(falling, rising), min(falling, rising)
                activity = np.int64(0)
                for k in range(bounds.size):
                    activity += across + along >= bounds[at(k)]
                if high_2 * low_1 > high_1 * low_2:
                    direction = 3 + np.int64(falling > rising) if high_2 > 2 * low_2 else 0
                else:
                    direction = 1 + np.int64(across > along) if high_1 > 2 * low_1 else 0
                classes[z, y, at(x)] = activity * DIRECTIONS + direction


@kernel
def _correct(units, classes, offsets, weights, of_class, scale, volume):  # type: ignore[no-untyped-def]
    """Add to a volume what the filters find.

    Parameters
    ----------
    units : int32, flat, with margins
    classes : uint8 (z, y, x), from `_classify`
    offsets : int64 (pairs,), distances in `units`
    weights, of_class : as in `wiener.Filters`
    scale : value of a weight of 1 for one unit, in stored units
    volume : float64 (z, y, x), changed
    """
    depth, height, width = classes.shape
    row_length = width + 2 * MARGIN
    for z in range(depth):
        for y in range(height):
            start = ((z + MARGIN_Z) * (height + 2 * MARGIN) + y + MARGIN) * row_length + MARGIN
            for x in range(width):
                chosen = of_class[at(classes[z, y, at(x)])]
                if chosen < 0:
                    continue
                i = start + x
                centre = np.int64(units[at(i)])
                line = weights[at(chosen)]
                total = line[at(TAPS - 1)]
                for k in range(offsets.size):
                    before = np.int64(units[at(i - offsets[at(k)])]) - centre
                    after = np.int64(units[at(i + offsets[at(k)])]) - centre
                    total += line[at(2 * k)] * (before + after)
                    total += line[at(2 * k + 1)] * (clipped(before) + clipped(after))
                volume[z, y, at(x)] += np.float64(total) * scale


def classify(units: Units) -> NDArray[np.uint8]:
    """Classes ``(z, y, x)`` of a volume in units, with margins."""
    depth, height, width = units.shape
    classes = np.zeros((depth - 2 * MARGIN_Z, height - 2 * MARGIN, width - 2 * MARGIN), np.uint8)
    _classify(units, _BOUNDS, classes)
    return classes


def restore(volume: NDArray[np.float64], step: float, filters: Filters) -> None:
    """Filter a decoded `volume` ``(z, y, x)`` in place."""
    scale = step / (UNITS << filters.precision)
    for box, units in parts_in_units(volume, step):
        _correct(units.ravel(), classify(units), offsets_in(units), filters.weights, filters.of_class, scale, volume[box])


def read_filters(payload: bytes) -> Filters:
    """Filters from their `Filters.to_bytes`; damage raises `CorruptError`."""
    return Filters.from_bytes(payload, CLASSES, TAPS)
