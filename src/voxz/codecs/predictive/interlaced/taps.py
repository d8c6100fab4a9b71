"""Which samples predict a voxel of the fast walk, and which errors choose its entropy table.

For each parity of the column and each mode (`neighbourhood`: what lies behind the voxel) 16 taps. Even columns have finished rows
only; odd ones also both even neighbours of their row. The first tap is the one whose coefficient is implied: all sum up to one.
"""

from voxz.codecs.predictive.neighbourhood import MODES, REFERENCE, SECOND, SELF, Tap, rows

TAPS = 24

_BESIDE = tuple(Tap(SELF, 0, 0, dx) for dx in (-1, 1, -3, 3))
_ABOVE = rows(SELF, 0, {-1: 3, -2: 2})


def _first(*groups: tuple[Tap, ...]) -> tuple[Tap, ...]:
    """The first `TAPS` different taps."""
    return tuple(dict.fromkeys(tap for group in groups for tap in group))[:TAPS]


def _taps(parity: int, mode: int) -> tuple[Tap, ...]:
    beside = _BESIDE if parity else ()
    north = (Tap(SELF, 0, -1, 0),)
    if mode & 2:
        second = (Tap(SECOND, 0, 0, 0),)
        behind = (Tap(SELF, -1, 0, 0),) if mode & 1 else ()
        return _first(north, rows(REFERENCE, 0, {0: 1, 1: 0, -1: 0}), beside, second, behind, _ABOVE, rows(REFERENCE, 0, {-1: 1, 1: 1}))
    if mode & 1:
        return _first(north, rows(SELF, -1, {0: 1, 1: 0, -1: 0}), beside, _ABOVE, rows(SELF, -1, {0: 2, -1: 1, 1: 1}))
    return _first(north, beside, _ABOVE, rows(SELF, 0, {-2: 3}))


PREDICTORS = tuple(tuple(_taps(parity, mode) for mode in range(MODES)) for parity in range(2))
"""Taps by parity and mode."""

WEIGHTS_SUM = 16
"""Sum of the weights of each row of `ERRORS`."""


def _weighted(volume: int, dz: int, weights: dict[tuple[int, int], int]) -> tuple[tuple[Tap, int], ...]:
    return tuple((Tap(volume, dz, dy, dx), weight) for (dy, dx), weight in weights.items())


def _errors(parity: int, mode: int) -> tuple[tuple[Tap, int], ...]:
    behind = (REFERENCE, 0) if mode & 2 else (SELF, -1)
    if parity and not mode:
        return _weighted(SELF, 0, {(0, -1): 4, (0, 1): 4, (-1, 0): 4, (-1, -1): 2, (-1, 1): 2})
    if parity:
        own = _weighted(SELF, 0, {(0, -1): 3, (0, 1): 3, (-1, 0): 3, (-1, -1): 1, (-1, 1): 1})
        return own + _weighted(*behind, {(0, 0): 3, (-1, 0): 1, (1, 0): 1})
    if not mode:
        return _weighted(SELF, 0, {(-1, 0): 5, (-1, -1): 3, (-1, 1): 3, (-2, 0): 3, (-1, -2): 1, (-1, 2): 1})
    own = _weighted(SELF, 0, {(-1, 0): 4, (-1, -1): 2, (-1, 1): 2, (-2, 0): 1})
    return own + _weighted(*behind, {(0, 0): 3, (0, -1): 1, (0, 1): 1, (1, 0): 2})


ERRORS = tuple(tuple(_errors(parity, mode) for mode in range(MODES)) for parity in range(2))
"""Taps and weights of the errors around a voxel, by parity and mode; at most eight."""
