"""Stored samples <-> the dense integers that are predicted.

Every brick is shifted so that its lowest value is 0, divided by the common step of its values, and gaps that no sample
uses are closed: a 16-bit image with 1,200 distinct values becomes one of 1,200 consecutive values, and the -2000 outside
the field of view of some CT moves next to the lowest tissue value. A gap costs a few bits, so small gaps are closed only
where most values are missing; elsewhere that would bend the intensity scale for nothing.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.entropy.integers import IntegerReader, IntegerWriter
from voxz.errors import CorruptError
from voxz.jit import at, kernel

LARGEST_DENSE = (1 << 26) - 1
"""Highest dense value the predictor's integer arithmetic allows."""

WIDE_GAP = 32
_LARGEST_PALETTE = 1 << 16
_LARGEST_TABLE = 1 << 22
_SMALL_TABLE = 1 << 16
_LARGEST_SKIP = 1 << 29
_SOME = 1 << 18
"""Samples, evenly spaced, that often have more values than a palette may have already."""


@kernel
def _mark(samples, low, present):  # type: ignore[no-untyped-def]
    """Mark which values, counted from `low`, occur.

    Parameters
    ----------
    samples : integers (samples,)
    low : lowest of them
    present : bool (values,), those that occur are set
    """
    for i in range(samples.size):
        present[at(np.int64(samples[i]) - low)] = True


@kernel
def _look_up(values, low, table, found):  # type: ignore[no-untyped-def]
    """Entry of `table` for each of `values`, counted from `low`.

    Parameters
    ----------
    values : integers (samples,), from `low` on
    low : value of the first entry
    table : (values,), stored or dense value of each
    found : the same type, (samples,), filled
    """
    for i in range(values.size):
        found[i] = table[at(np.int64(values[i]) - low)]


@kernel
def _look_up_brick(values, table, found):  # type: ignore[no-untyped-def]
    """The same for a brick, wherever its values lie, from 0 on.

    Parameters
    ----------
    values : (series, z, y, x, channels), from 0 on
    table : (values,), stored value of each
    found : the same shape, of the table's type, filled
    """
    for s in range(values.shape[0]):
        for z in range(values.shape[1]):
            for y in range(values.shape[2]):
                row, filled = values[s, z, y], found[s, z, y]
                for c in range(values.shape[4]):
                    for x in range(values.shape[3]):
                        filled[x, c] = table[at(row[x, c])]


@dataclass(frozen=True)
class Values:
    """``stored = low + step * position``, where `position` skips the gaps.

    `starts` are the first dense values after each gap, `skips` the number of positions the gap leaves out.
    """

    low: int
    step: int
    highest: int
    starts: tuple[int, ...] = ()
    skips: tuple[int, ...] = ()

    def _positions(self) -> NDArray[np.int64]:
        """Position of every dense value, 0 to `highest`."""
        positions = np.arange(self.highest + 1)
        if self.starts:
            moved = np.zeros(self.highest + 1, np.int64)
            moved[list(self.starts)] = self.skips
            positions += np.cumsum(moved)
        return positions

    def to_dense(self, samples: NDArray[np.generic]) -> NDArray[np.int32]:
        """Dense values of stored `samples`, same shape."""
        _, high = self.range()
        if high - self.low <= (_LARGEST_TABLE if self.starts else _SMALL_TABLE):
            table = np.zeros(high - self.low + 1, np.int32)
            table[self._positions() * self.step] = np.arange(self.highest + 1)
            dense = np.empty(samples.shape, np.int32)
            _look_up(samples.ravel(), self.low, table, dense.reshape(-1))
            return dense
        positions = (samples.astype(np.int64) - self.low) // self.step
        return (np.searchsorted(self._positions(), positions) if self.starts else positions).astype(np.int32)

    def to_stored(self, dense: NDArray[np.int32], dtype: np.dtype[Any]) -> NDArray[np.generic]:
        """Stored samples of `dense` values, same shape; `CorruptError` if they do not fit `dtype`."""
        if self.highest <= min(_LARGEST_TABLE, max(dense.size, _SMALL_TABLE)):
            stored = np.empty(dense.shape, dtype)
            if dense.ndim == 5:
                _look_up_brick(dense, self.stored(dtype), stored)
            else:
                _look_up(dense.ravel(), 0, self.stored(dtype), stored.reshape(-1))
            return stored
        self._check(dtype)
        positions = dense.astype(np.int64)
        if self.starts:
            left_out = np.concatenate([[0], np.cumsum(self.skips)])
            positions += left_out[np.searchsorted(self.starts, dense, side="right")]
        return (positions * self.step + self.low).astype(dtype)

    def lowest(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[np.generic]:
        """Stored samples of dense values that are all 0; `CorruptError` if the values do not fit `dtype`."""
        self._check(dtype)
        return np.full(shape, self.low, dtype)

    def stored(self, dtype: np.dtype[Any]) -> NDArray[np.generic]:
        """What each dense value is stored as (highest + 1,); `CorruptError` if that does not fit `dtype`."""
        self._check(dtype)
        return (self._positions() * self.step + self.low).astype(dtype)

    def _check(self, dtype: np.dtype[Any]) -> None:
        limits, (low, high) = np.iinfo(dtype), self.range()
        if low < limits.min or high > limits.max:
            raise CorruptError(f"values {low} to {high} do not fit {dtype}")

    def range(self) -> tuple[int, int]:
        """Lowest and highest stored value."""
        return self.low, self.low + self.step * (self.highest + sum(self.skips))

    def write(self, writer: IntegerWriter) -> None:
        """Send the mapping; 64-bit numbers go as three parts."""
        for number in (self.low, self.step, self.highest):
            writer.put([number >> 44, (number >> 22) & 0x3FFFFF, number & 0x3FFFFF])
        writer.put([len(self.starts)])
        writer.put(np.diff(self.starts, prepend=0))
        writer.put(self.skips)

    @classmethod
    def read(cls, reader: IntegerReader) -> "Values":
        """Inverse of `write`; damage raises `CorruptError`."""
        parts = [[int(n) for n in reader.take(3)] for _ in range(3)]
        low, step, highest = ((high << 44) + (middle << 22) + rest for high, middle, rest in parts)
        (gaps,) = (int(n) for n in reader.take(1))
        possible = 0 <= highest <= LARGEST_DENSE and 1 <= step < 1 << 32 and abs(low) < 1 << 33
        if not possible or not 0 <= gaps <= min(highest, _LARGEST_PALETTE):
            raise CorruptError(f"value map out of bounds: low {low}, step {step}, highest {highest}, {gaps} gaps")
        starts, skips = np.cumsum(reader.take(gaps)), reader.take(gaps)
        if not gaps:
            return cls(low, step, highest)
        if highest > _LARGEST_TABLE:
            raise CorruptError(f"a value map of {highest} values cannot have gaps (got {gaps})")
        if (skips < 1).any() or (np.diff(starts, prepend=0) < 1).any() or starts[-1:].sum() > highest:
            raise CorruptError("the gaps of the value map are out of order")
        return cls(low, step, highest, tuple(starts.tolist()), tuple(skips.tolist()))


def find_values(samples: NDArray[np.generic]) -> Values | None:
    """Map for `samples` (integers of up to 32 bits, not empty), or None when the range is too wide to predict."""
    low, high = int(samples.min()), int(samples.max())
    if high == low:
        return Values(low, 1, 0)
    distinct = _distinct(samples, low, high)
    if distinct is None:
        return Values(low, 1, high - low) if high - low <= LARGEST_DENSE else None
    step = int(np.gcd.reduce(np.diff(distinct)))
    positions = (distinct - low) // step
    jumps = np.diff(positions)
    dense = 2 * len(positions) > int(positions[-1]) - int(jumps[jumps > WIDE_GAP].sum())
    gaps = np.flatnonzero(jumps > (WIDE_GAP if dense else 1))
    skips = jumps[gaps] - 1
    starts = positions[gaps + 1] - np.cumsum(skips)
    highest = int(positions[-1] - skips.sum())
    if gaps.size and highest > _LARGEST_TABLE:
        return Values(low, step, int(positions[-1])) if positions[-1] <= LARGEST_DENSE else None
    if highest > LARGEST_DENSE or skips.max(initial=0) > _LARGEST_SKIP:
        return None
    return Values(low, step, highest, tuple(starts.tolist()), tuple(skips.tolist()))


def without_gaps(values: Values) -> Values | None:
    """Map for samples that come back with an error, which could be anywhere: no gap is left out. None when that is too wide."""
    highest = values.highest + sum(values.skips)
    return Values(values.low, values.step, highest) if highest <= LARGEST_DENSE else None


def _distinct(samples: NDArray[np.generic], low: int, high: int) -> NDArray[np.int64] | None:
    """Sorted distinct values, or None when there are too many to bother."""
    flat = samples.ravel()
    if high - low >= _SMALL_TABLE << 2 and _differing(flat[:: max(1, flat.size // _SOME)]) > _LARGEST_PALETTE:
        return None
    if high - low < 1 << 22:
        present = np.zeros(high - low + 1, np.bool_)
        _mark(flat, low, present)
        found = np.flatnonzero(present) + low
    else:
        ordered = np.sort(flat)
        found = ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])].astype(np.int64)
    return found if len(found) <= _LARGEST_PALETTE else None


def _differing(samples: NDArray[np.generic]) -> int:
    """How many different values there are."""
    ordered = np.sort(samples)
    return int(np.count_nonzero(ordered[1:] != ordered[:-1])) + 1
