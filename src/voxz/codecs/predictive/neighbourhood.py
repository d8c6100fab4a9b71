"""Which already coded samples predict a voxel, and which past errors tell how large its error will be.

A neighbour (*tap*) is a sample of the same volume or of one of the volumes a series offers: two references and the running
mean. The four samples to the west (`WEST`), which the decoder has only just produced, are always used and kept apart: all
other taps lie in finished rows, so their part of a prediction is computed for a whole row at once.

A voxel has one of four *modes*, by what lies behind it, and each mode has its own taps:

====  ==============  ===================
mode  previous slice  reference volumes
====  ==============  ===================
0     no              no
1     yes             no
2     no              yes
3     yes             yes
====  ==============  ===================
"""

import functools
from dataclasses import dataclass
from typing import NamedTuple

WEST = 4
MODES = 4

SELF, REFERENCE, SECOND, MEAN = 0, 1, 2, 3
"""Volumes a tap can lie in: the current one, its two references, the running mean of all before it."""


class Tap(NamedTuple):
    """Sample at (z + `dz`, y + `dy`, x + `dx`) of `volume`."""

    volume: int
    dz: int
    dy: int
    dx: int


def rows(volume: int, dz: int, reach: dict[int, int]) -> tuple[Tap, ...]:
    """Rows of taps: `reach` maps dy to how far the row extends to both sides."""
    return tuple(Tap(volume, dz, dy, dx) for dy, far in reach.items() for dx in range(-far, far + 1))


@dataclass(frozen=True, eq=False)
class Support:
    """Taps by origin; a mode uses those it has.

    `previous` is the previous slice where it is all there is, `previous_in_series` where reference volumes help too. Supports are
    few and made once, so each equals itself only: what is kept for them is found without comparing their taps.
    """

    slice: tuple[Tap, ...]
    previous: tuple[Tap, ...]
    previous_in_series: tuple[Tap, ...]
    series: tuple[Tap, ...]

    def taps(self, mode: int) -> tuple[Tap, ...]:
        """Taps of `mode` (see the table above), in coding order."""
        return self._by_mode[mode]

    @functools.cached_property
    def _by_mode(self) -> list[tuple[Tap, ...]]:
        behind = [(), self.previous, (), self.previous_in_series]
        return [self.slice + behind[mode] + (self.series if mode & 2 else ()) for mode in range(MODES)]


NARROW = Support(
    slice=rows(SELF, 0, {-1: 1}),
    previous=rows(SELF, -1, {-1: 0, 0: 1, 1: 0}),
    previous_in_series=rows(SELF, -1, {0: 0}),
    series=rows(REFERENCE, 0, {0: 1}) + rows(MEAN, 0, {0: 0}),
)
"""The nearest neighbours: one group of eight taps."""

MIDDLE = Support(
    slice=rows(SELF, 0, {-1: 2, -2: 1}),
    previous=rows(SELF, -1, {-1: 1, 0: 1, 1: 0}),
    previous_in_series=rows(SELF, -1, {-1: 0, 0: 1, 1: 0}),
    series=rows(REFERENCE, 0, {-1: 0, 0: 1, 1: 0}) + rows(SECOND, 0, {0: 0}) + rows(MEAN, 0, {-1: 0, 0: 1, 1: 0}),
)
"""Two or three groups."""

WIDE = Support(
    slice=rows(SELF, 0, {-1: 3, -2: 2, -3: 0}),
    previous=rows(SELF, -1, {-1: 1, 0: 2, 1: 1}) + rows(SELF, -2, {0: 0}),
    previous_in_series=rows(SELF, -1, {-1: 0, 0: 1, 1: 0}),
    series=rows(REFERENCE, 0, {-1: 1, 0: 1, 1: 1}) + rows(SECOND, 0, {0: 0}) + rows(MEAN, 0, {-1: 1, 0: 1, 1: 1}),
)

WIDEST = Support(
    slice=rows(SELF, 0, {-1: 3, -2: 3, -3: 1}),
    previous=rows(SELF, -1, {-2: 0, -1: 2, 0: 2, 1: 2, 2: 0}) + rows(SELF, -2, {-1: 0, 0: 1, 1: 0}),
    previous_in_series=rows(SELF, -1, {-1: 0, 0: 1, 1: 0}) + rows(SELF, -2, {0: 0}),
    series=rows(REFERENCE, 0, {-1: 0, 0: 1, 1: 0})
    + rows(REFERENCE, 1, {0: 0})
    + rows(REFERENCE, -1, {0: 0})
    + rows(SECOND, 0, {0: 0})
    + rows(MEAN, 0, {-1: 0, 0: 1, 1: 0}),
)
"""About forty taps; more do not make scans smaller, but cost time and coefficients."""


@dataclass(frozen=True)
class ErrorWeights:
    """Weights (1024 = 1) that turn errors around a voxel into its expected error.

    `activity` weighs the roughness that also chooses the class, `west` the errors one and two voxels back; each
    row of `slice`, `previous` and `reference` lies in the current slice, the previous one or the first reference, and
    is given by dy and the weights of consecutive dx around 0.
    """

    activity: int
    west: tuple[int, int]
    slice: dict[int, tuple[int, ...]]
    previous: dict[int, tuple[int, ...]]
    reference: dict[int, tuple[int, ...]]

    def taps(self) -> list[tuple[Tap, int]]:
        """Taps with their weights."""
        parts = ((SELF, 0, self.slice), (SELF, -1, self.previous), (REFERENCE, 0, self.reference))
        return [
            (Tap(volume, dz, dy, dx - len(weights) // 2), weight)
            for volume, dz, rows in parts
            for dy, weights in rows.items()
            for dx, weight in enumerate(weights)
        ]


ERROR_WEIGHTS = (
    ErrorWeights(28, (260, 104), {-1: (18, 78, 164, 129, 94), -2: (42, 63, 40)}, {}, {}),
    ErrorWeights(
        14, (136, 46), {-1: (24, 69, 127, 85, 48), -2: (31, 46, 28)}, {-1: (12, 35, 24), 0: (30, 80, 43), 1: (29, 53, 33)}, {}
    ),
    ErrorWeights(16, (152, 79), {-1: (48, 78, 129, 88, 68), -2: (54, 78, 54)}, {}, {0: (65,), 1: (7, 36, 21)}),
    ErrorWeights(
        7,
        (119, 57),
        {-1: (33, 59, 109, 72, 50), -2: (41, 62, 32)},
        {-1: (10, 40, 10), 0: (44, 67, 45), 1: (24, 52, 24)},
        {0: (42,), 1: (18,)},
    ),
)
"""By mode; fitted to the volumes of many scanners (non-negative least squares on relative errors)."""

AHEAD_WEIGHTS = (
    ErrorWeights(34, (0, 0), {-1: (84, 156, 237, 182, 109), -2: (38, 75, 45)}, {}, {}),
    ErrorWeights(49, (0, 0), {-1: (128, 186, 138), -2: (88,)}, {0: (74, 114, 81), 1: (95,)}, {}),
    ErrorWeights(24, (0, 0), {-1: (139, 190, 132), -2: (95, 110, 95)}, {}, {0: (93,), 1: (60,)}),
    ErrorWeights(14, (0, 0), {-1: (128, 172, 127), -2: (110,)}, {0: (101, 126, 97)}, {0: (68,)}),
)
"""The same without the row of the voxel itself, and with one group of taps."""
