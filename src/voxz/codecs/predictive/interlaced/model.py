"""The fitted predictors of a brick: coefficients of each unit and rank, sent as differences to the unit's parent.

Units are those of `predictive.model`: for each volume its first slice, then the tiles of the others. A parent is the same tile of
the volume before, or else the tile to the left or above; without one it is the north neighbour alone.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.predictive.interlaced.rows import ORDER, Rows
from voxz.codecs.predictive.interlaced.rows import RANKS as RANKS_OF
from voxz.codecs.predictive.interlaced.taps import ERRORS, PREDICTORS, RANKS, TAPS
from voxz.codecs.predictive.interlaced.walk import PRECISION
from voxz.codecs.predictive.model import MOST_TILES, Unit, units_of
from voxz.codecs.predictive.neighbourhood import MODES
from voxz.codecs.predictive.padding import Geometry
from voxz.entropy.integers import IntegerReader, IntegerWriter
from voxz.errors import CorruptError

MOST_GAIN = 28 << PRECISION
"""Bound of the sum of a predictor's magnitudes: products of 16-bit samples then fit 32 bits."""

FREE = tuple(tuple(len(PREDICTORS[rank][mode]) - 1 for mode in range(MODES)) for rank in range(RANKS))
"""Coefficients that are sent, by rank and mode: the first is implied."""


@dataclass(frozen=True)
class Places:
    """Distances from a voxel to its taps, for the walk.

    Attributes
    ----------
    taps : int64 (series, modes, phases, TAPS), phases in coding order
    errors : int64 (series, modes, phases, 8)
    weights : int16 (modes, phases, 8), of errors
    """

    taps: NDArray[np.int64]
    errors: NDArray[np.int64]
    weights: NDArray[np.int16]

    @classmethod
    def of(cls, rows: Rows, references: NDArray[np.int64]) -> "Places":
        """Distances in a brick whose volumes have these `references` (series, 2)."""
        taps = np.zeros((rows.series, MODES, rows.phases, TAPS), np.int64)
        errors = np.zeros((rows.series, MODES, rows.phases, 8), np.int64)
        weights = np.zeros((MODES, rows.phases, 8), np.int16)
        for mode, (k, phase) in itertools.product(range(MODES), enumerate(ORDER[rows.phases])):
            rank = RANKS_OF[rows.phases][k]
            pairs = ERRORS[rank][mode]
            weights[mode, k, : len(pairs)] = [weight for _, weight in pairs]
            for s in range(1, rows.series) if mode & 2 else range(1):
                for places, found in ((taps, PREDICTORS[rank][mode]), (errors, tuple(tap for tap, _ in pairs))):
                    offsets = [rows.offset(phase, tap, s, references) for tap in found]
                    places[s, mode, k] = offsets + offsets[:1] * (places.shape[3] - len(offsets))
        return cls(taps, errors, weights)


@dataclass(frozen=True)
class Model:
    """Predictors of a brick.

    Attributes
    ----------
    tiles : (down, across)
    references : int64 (series, 2)
    coefficients : int32 (RANKS, units, TAPS)
    """

    tiles: tuple[int, int]
    references: NDArray[np.int64]
    coefficients: NDArray[np.int32]

    def write(self, side: IntegerWriter, rows: Rows) -> None:
        """Send the model."""
        side.put(self.tiles)
        side.put(np.arange(rows.series)[1:, None] - self.references[1:])
        ranks = ranks_of(rows)
        changes = [(unit.mode, _change(self.coefficients[r], unit, r)) for unit in units(rows, self.tiles) for r in ranks]
        side.put([int(change.any()) for _, change in changes])
        sent = [(np.arange(len(change)), change) for _, change in changes if change.any()]
        columns, values = ([*part] for part in zip(*sent, strict=True)) if sent else ([], [])
        side.put(np.concatenate([*values, []]).astype(np.int64), np.concatenate([*columns, []]).astype(np.int64))

    @classmethod
    def read(cls, side: IntegerReader, rows: Rows) -> "Model":
        """Inverse of `write`; damage raises `CorruptError`."""
        down, across = (int(n) for n in side.take(2))
        if min(down, across) < 1 or down * across > MOST_TILES:
            raise CorruptError(f"a brick has {down} x {across} tiles, expected 1 to {MOST_TILES}")
        back = side.take(2 * (rows.series - 1)).reshape(-1, 2)
        numbers = np.arange(1, rows.series)[:, None]
        if ((back < 1) | (back > numbers)).any():
            raise CorruptError("a volume refers to one that is not coded before it")
        references = np.zeros((rows.series, 2), np.int64)
        references[1:] = numbers - back
        ranks = ranks_of(rows)
        kept = side.take(len(ranks) * rows.series * (1 + down * across))
        found = units(rows, (down, across))
        free = [FREE[rank][unit.mode] for unit in found for rank in ranks]
        columns = [np.arange(count) for count, flag in zip(free, kept, strict=True) if flag]
        flat = side.take(sum(map(len, columns)), np.concatenate([*columns, []]).astype(np.int64))
        coefficients = np.zeros((RANKS, len(found), TAPS), np.int32)
        at = 0
        for (unit, rank), flag in zip(itertools.product(found, ranks), kept, strict=True):
            count = FREE[rank][unit.mode]
            change = np.zeros(count, np.int64)
            if flag:
                change = flat[at : at + count]
                at += count
            if not apply_change(coefficients[rank], unit, change):
                raise CorruptError("a prediction coefficient is out of bounds")
        return cls((down, across), references, coefficients)


def ranks_of(rows: Rows) -> list[int]:
    """Ranks that the phases of a brick have."""
    return sorted(set(RANKS_OF[rows.phases]))


def units(rows: Rows, tiles: tuple[int, int]) -> list[Unit]:
    """Units in coding order; along x their bounds are in columns of a phase."""
    return units_of(Geometry(rows.series, rows.depth, rows.height, rows.columns), tiles)


def _start() -> NDArray[np.int64]:
    """Coefficients of a unit without parent: the first tap as it is."""
    start = np.zeros(TAPS, np.int64)
    start[0] = 1 << PRECISION
    return start


def parent_of(coefficients: NDArray[np.int32], unit: Unit) -> NDArray[np.int64]:
    """Coefficients (TAPS,) that those of `unit` are sent as differences to."""
    if unit.parent is None:
        return _start()
    inherited: NDArray[np.int64] = coefficients[unit.parent].astype(np.int64)
    return inherited


def apply_change(coefficients: NDArray[np.int32], unit: Unit, change: NDArray[np.int64]) -> bool:
    """Set the coefficients of `unit` to its parent's plus `change`; False if they are too large for 32-bit sums."""
    row = parent_of(coefficients, unit)
    row[1 : 1 + len(change)] += change
    row[0] = (1 << PRECISION) - row[1:].sum()
    if int(np.abs(row).sum()) > MOST_GAIN:
        return False
    coefficients[unit.index] = row
    return True


def _change(coefficients: NDArray[np.int32], unit: Unit, rank: int) -> NDArray[np.int64]:
    """Differences to the parent of the coefficients that are sent."""
    whole: NDArray[np.int64] = coefficients[unit.index] - parent_of(coefficients, unit)
    return whole[1 : 1 + FREE[rank][unit.mode]]
