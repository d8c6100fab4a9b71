"""The fitted predictors of a brick: coefficients of each unit and rank, sent as differences to the unit's parent.

Units are those of `predictive.predictor`: for each volume its first slice, then the tiles of the others. Along x their bounds are
in columns of the first phase, for all phases. A parent is the same unit of the volume before, if that is not the first, or else
the tile to the left or above; without one it is the north neighbour alone.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.predictive.interlaced.rows import RANKS as RANKS_OF
from voxz.codecs.predictive.interlaced.rows import Rows
from voxz.codecs.predictive.interlaced.taps import PREDICTORS, RANKS, TAPS
from voxz.codecs.predictive.interlaced.walk import PRECISION
from voxz.codecs.predictive.neighbourhood import MODES
from voxz.codecs.predictive.padding import Geometry
from voxz.codecs.predictive.predictor import MOST_TILES, Unit, units_of
from voxz.entropy.integers import IntegerReader, IntegerWriter
from voxz.errors import CorruptError
from voxz.jit import allocating_kernel, kernel

MOST_GAIN = 28 << PRECISION
"""Bound of the sum of a predictor's magnitudes: with samples of 16 bits, sums of products then fit 32."""

SMALLEST_TILE = 1 << 12
"""Voxels of a volume for each of its tiles, at least, where there are several: bounds the memory of a predictor."""

FREE = np.array([[len(PREDICTORS[rank][mode]) - 1 for mode in range(MODES)] for rank in range(RANKS)], np.int64)
"""Coefficients that are sent (RANKS, MODES): the first is implied, since all sum to one."""


@dataclass(frozen=True)
class Predictor:
    """Predictors of a brick.

    Attributes
    ----------
    tiles : (down, across)
    references : int64 (series, 2), earlier volumes that predict each volume; row 0 is zeros
    coefficients : int32 (RANKS, units, TAPS), in ``2**-PRECISION``
    """

    tiles: tuple[int, int]
    references: NDArray[np.int64]
    coefficients: NDArray[np.int32]

    def write(self, side: IntegerWriter, rows: Rows) -> None:
        """Send the predictor."""
        side.put(self.tiles)
        side.put(np.arange(rows.series)[1:, None] - self.references[1:])
        ranks = ranks_of(rows.phases)
        found = units(rows, self.tiles)
        free = FREE[ranks].T[[unit.mode for unit in found]]
        changes = np.zeros((len(found), len(ranks), TAPS), np.int64)
        for unit in found:
            for k, rank in enumerate(ranks):
                start = parent_of(self.coefficients[rank], unit.parent)
                changes[unit.index, k] = self.coefficients[rank, unit.index] - start
        kept = changes[:, :, 1:].any(axis=2)
        side.put(kept)
        columns = _columns(free[kept])
        values = np.repeat(changes[kept][:, 1:], free[kept], axis=0)[np.arange(columns.size), columns]
        side.put(values, columns)

    @classmethod
    def read(cls, side: IntegerReader, rows: Rows) -> "Predictor":
        """Inverse of `write`; damage raises `CorruptError`."""
        down, across = (int(n) for n in side.take(2))
        most = max(1, min(MOST_TILES, rows.depth * rows.height * rows.width // SMALLEST_TILE))
        if min(down, across) < 1 or down * across > most:
            raise CorruptError(f"a brick has {down} x {across} tiles, expected 1 to {most}")
        back = side.take(2 * (rows.series - 1)).reshape(-1, 2)
        numbers = np.arange(1, rows.series)[:, None]
        if ((back < 1) | (back > numbers)).any():
            raise CorruptError("a volume refers to one that is not coded before it")
        references = np.zeros((rows.series, 2), np.int64)
        references[1:] = numbers - back
        ranks = ranks_of(rows.phases)
        per_volume = 1 + down * across
        kept = side.take(rows.series * per_volume * len(ranks)).reshape(-1, len(ranks))
        if ((kept < 0) | (kept > 1)).any():
            raise CorruptError("a flag of the predictor is out of bounds")
        modes = np.ones((rows.series, per_volume), np.int64)
        modes[:, 0] -= 1
        modes[1:] += 2
        free = FREE[ranks].T[modes.ravel()]
        columns = _columns(free[kept > 0])
        changes = side.take(columns.size, columns)
        coefficients = np.zeros((RANKS, len(kept), TAPS), np.int32)
        if not _apply_all(kept, free, changes, np.array(ranks, np.int64), per_volume, across, coefficients):
            raise CorruptError("a prediction coefficient is out of bounds")
        return cls((down, across), references, coefficients)


def ranks_of(phases: int) -> list[int]:
    """Ranks that the phases of a brick have."""
    return sorted(set(RANKS_OF[phases]))


def units(rows: Rows, tiles: tuple[int, int]) -> list[Unit]:
    """Units in coding order."""
    return units_of(Geometry(rows.series, rows.depth, rows.height, rows.columns), tiles)


def parent_of(coefficients: NDArray[np.int32], parent: int | None) -> NDArray[np.int64]:
    """Coefficients (TAPS,) of the unit `parent`, out of those of all units (units, TAPS); without one, of the first tap alone."""
    start = np.zeros(TAPS, np.int64)
    _start(coefficients, -1 if parent is None else parent, start)
    return start


def apply_change(coefficients: NDArray[np.int32], unit: Unit, change: NDArray[np.int64]) -> bool:
    """Set the coefficients of `unit` (units, TAPS) to its parent's plus `change`; False if they are too large for 32-bit sums."""
    return bool(_apply(coefficients, unit.index, -1 if unit.parent is None else unit.parent, change, np.zeros(TAPS, np.int64)))


def _columns(free: NDArray[np.int64]) -> NDArray[np.int64]:
    """0 up to `free` - 1 for each of `free`."""
    ends = np.cumsum(free)
    columns: NDArray[np.int64] = np.arange(ends[-1] if ends.size else 0) - np.repeat(ends - free, free)
    return columns


@kernel
def _start(coefficients, parent, start):  # type: ignore[no-untyped-def]
    """Fill `start` with the coefficients of a parent, those of no parent if it is negative.

    Parameters
    ----------
    coefficients : int32 (units, TAPS), in ``2**-PRECISION``
    parent : number of a unit, or -1
    start : int64 (TAPS,), filled
    """
    for tap in range(start.size):
        start[tap] = coefficients[parent, tap] if parent >= 0 else 0
    if parent < 0:
        start[0] = 1 << PRECISION


@kernel
def _apply(coefficients, unit, parent, change, row):  # type: ignore[no-untyped-def]
    """Set the coefficients of a unit; False if they are too large for 32-bit sums.

    Parameters
    ----------
    coefficients : int32 (units, TAPS), in ``2**-PRECISION``
    unit : its number
    parent : number of its parent, or -1
    change : int64 (coefficients that are sent,), what is added to the parent's, from the second on
    row : int64 (TAPS,), room
    """
    _start(coefficients, parent, row)
    for k in range(change.size):
        row[1 + k] += change[k]
    rest = np.int64(1 << PRECISION)
    magnitude = np.int64(0)
    for tap in range(1, row.size):
        rest -= row[tap]
        magnitude += abs(row[tap])
    row[0] = rest
    if magnitude + abs(rest) > MOST_GAIN:
        return False
    for tap in range(row.size):
        coefficients[unit, tap] = row[tap]
    return True


@allocating_kernel
def _apply_all(kept, free, changes, ranks, per_volume, across, coefficients):  # type: ignore[no-untyped-def]
    """Set all coefficients from the `changes` of those units and ranks that have some; False if they are too large.

    Parameters
    ----------
    kept : int64 (units, ranks), above 0 where there are changes
    free : int64 (units, ranks), coefficients that are sent of each
    changes : int64, flat, those of all units and ranks that are kept
    ranks : int64 (ranks,), their numbers
    per_volume : units of a volume, 1 + tiles
    across : tiles in a row of tiles
    coefficients : int32 (RANKS, units, TAPS), in ``2**-PRECISION``, filled
    """
    row = np.zeros(coefficients.shape[2], np.int64)
    place = 0
    for unit in range(kept.shape[0]):
        tile = unit % per_volume - 1
        parent = -1
        if unit >= 2 * per_volume:
            parent = unit - per_volume
        elif tile > 0:
            parent = unit - 1 if tile % across > 0 else unit - across
        for k in range(ranks.size):
            count = free[unit, k] if kept[unit, k] > 0 else 0
            if not _apply(coefficients[ranks[k]], unit, parent, changes[place : place + count], row):
                return False
            place += count
    return True
