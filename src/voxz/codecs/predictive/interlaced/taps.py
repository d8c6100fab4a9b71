"""Which samples predict a voxel of the fast walk, and which errors choose its entropy table.

For each rank (what a voxel knows of its own row, `rows.RANKS`) and each mode (what lies behind it, `neighbourhood`) up to `TAPS`
taps. The first is the one whose coefficient is implied: all sum up to one.
"""

from voxz.codecs.predictive.neighbourhood import MODES, REFERENCE, SECOND, SELF, Tap, rows

TAPS = 24
AROUND = 8
RANKS = 3

_BESIDE: tuple[tuple[int, ...], ...] = ((), (-2, 2), (-1, 1, -3, 3))
"""Columns of the row itself, by rank."""


def _first(*groups: tuple[Tap, ...]) -> tuple[Tap, ...]:
    """The first `TAPS` different taps."""
    return tuple(dict.fromkeys(tap for group in groups for tap in group))[:TAPS]


def _taps(rank: int, mode: int) -> tuple[Tap, ...]:
    north = (Tap(SELF, 0, -1, 0),)
    beside = tuple(Tap(SELF, 0, 0, dx) for dx in _BESIDE[rank])
    above = rows(SELF, 0, {-1: 3, -2: 2})
    if mode & 2:
        behind = (Tap(SECOND, 0, 0, 0), *([Tap(SELF, -1, 0, 0)] if mode & 1 else []))
        cross, around = (rows(REFERENCE, 0, reach) for reach in ({0: 1, 1: 0, -1: 0}, {-1: 1, 1: 1}))
        return _first(north, cross, beside, behind, above, around)
    if mode & 1:
        return _first(north, rows(SELF, -1, {0: 1, 1: 0, -1: 0}), beside, above, rows(SELF, -1, {0: 2, -1: 1, 1: 1}))
    return _first(north, beside, above, rows(SELF, 0, {-2: 3}))


PREDICTORS = tuple(tuple(_taps(rank, mode) for mode in range(MODES)) for rank in range(RANKS))
"""Taps by rank and mode."""

_ERROR_WEIGHTS: tuple[tuple[dict[tuple[int, int, int], int], ...], ...] = (
    (
        {
            (0, -1, 0): 7,
            (0, -1, -1): 2,
            (0, -1, 1): 2,
            (0, -1, -2): 3,
            (0, -1, 2): 3,
            (0, -2, 0): 3,
            (0, -2, -1): 1,
            (0, -2, 1): 1,
        },
        {(0, -1, 0): 4, (0, -1, 1): 2, (0, -1, -2): 2, (0, -1, 2): 2, (0, -2, 0): 2, (1, 0, 0): 2, (1, -1, 0): 1, (1, 1, 0): 2},
        {(0, -1, 0): 3, (0, -1, -1): 2, (0, -1, 1): 2, (0, -1, -2): 2, (0, -1, 2): 1, (0, -2, 0): 2, (1, 0, 0): 2, (1, 1, 0): 2},
    ),
    (
        {(0, 0, -2): 2, (0, 0, 2): 2, (0, -1, 0): 4, (0, -1, -1): 3, (0, -1, 1): 3, (0, -1, -2): 1, (0, -1, 2): 1, (0, -2, 0): 2},
        {(0, 0, -2): 2, (0, 0, 2): 2, (0, -1, 0): 3, (0, -1, -1): 2, (0, -1, 1): 2, (0, -2, 0): 2, (1, 0, 0): 2, (1, 1, 0): 2},
        {(0, 0, -2): 2, (0, 0, 2): 2, (0, -1, 0): 3, (0, -1, -1): 2, (0, -1, 1): 2, (0, -2, 0): 2, (1, 0, 0): 2, (1, 1, 0): 1},
    ),
    (
        {(0, 0, -1): 1, (0, 0, 1): 1, (0, -1, 0): 3, (0, -1, -1): 1, (0, -1, 1): 1, (0, -1, -2): 2, (0, -1, 2): 2, (0, -2, 0): 3},
        {(0, 0, 1): 1, (0, -1, 0): 3, (0, -1, -2): 2, (0, -1, 2): 2, (0, -2, 0): 2, (1, 0, 0): 2, (1, -1, 0): 1, (1, 1, 0): 2},
        {(0, 0, -1): 2, (0, 0, 1): 2, (0, -1, 0): 3, (0, -1, -2): 1, (0, -1, 2): 1, (0, -2, 0): 2, (1, 0, 0): 2, (1, 1, 0): 1},
    ),
)
"""By rank, for the modes 0, 1, and 2 and 3: weights of eight errors by (behind, dy, dx), where behind is the previous slice, or
the reference volume if there is one. Non-negative least squares on relative errors of 17 volumes; sums are at most 22."""


def _errors(rank: int, mode: int) -> tuple[tuple[Tap, int], ...]:
    behind = (REFERENCE, 0) if mode & 2 else (SELF, -1)
    found = _ERROR_WEIGHTS[rank][min(mode, 2)].items()
    return tuple((Tap(*(behind if away else (SELF, 0)), dy, dx), weight) for (away, dy, dx), weight in found)


ERRORS = tuple(tuple(_errors(rank, mode) for mode in range(MODES)) for rank in range(RANKS))
"""Taps and weights of the errors around a voxel, by rank and mode."""
