"""Wiener filters for classes of samples: least squares per class, classes merged while that pays, whole weights that are sent.

A filter has to lower the squared error by more than its bits are worth. What its taps are is up to those who use it:
`voxz.transforms.loop_filter` for voxels, `voxz.codecs.wavelet.refinement` for coefficients. Sums run in a fixed order in IEEE
doubles.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxz.entropy.integers import IntegerReader, IntegerWriter
from voxz.errors import CorruptError
from voxz.jit import allocating_kernel
from voxz.numerics.least_squares import gain, solve

PRECISIONS = (7, 9, 11)
"""Fraction bits that weights may have: large differences at fine steps need more."""

LARGEST_WEIGHT = 1 << 15
BITS_OF_WEIGHT = -2.0
"""Bits that a weight takes, beyond those of its precision."""

RIDGE = 1e-3


@dataclass(frozen=True)
class Filters:
    """Weights ``(count, taps)`` of filters with `precision` bits behind the point, and the filter of each class, -1 for none."""

    weights: NDArray[np.int64]
    of_class: NDArray[np.int64]
    precision: int

    def to_bytes(self) -> bytes:
        """Side information of their own."""
        writer = IntegerWriter()
        put_filters(self, writer)
        return writer.to_bytes()

    @classmethod
    def from_bytes(cls, payload: bytes, classes: int, taps: int) -> "Filters":
        """Inverse of `to_bytes`; damage raises `CorruptError`."""
        reader = IntegerReader(payload)
        found = cls.read(reader, classes, taps)
        reader.finish()
        if found is None:
            raise CorruptError("a brick announces filters and holds none")
        return found

    @classmethod
    def read(cls, reader: IntegerReader, classes: int, taps: int) -> "Filters | None":
        """Inverse of `put_filters`; damage raises `CorruptError`."""
        count, precision = map(int, reader.take(2))
        if count == 0 and precision == 0:
            return None
        if not 0 < count <= classes or precision not in PRECISIONS:
            raise CorruptError(f"a brick must have 1 to {classes} filters of {PRECISIONS} bits (got {count} of {precision})")
        of_class = reader.take(classes)
        weights = reader.take(count * taps, _columns(count, taps)).reshape(count, taps)
        if of_class.min() < -1 or of_class.max() >= count or np.abs(weights).max() > LARGEST_WEIGHT:
            raise CorruptError("the filters of a brick are out of bounds")
        return cls(weights, of_class, precision)


def put_filters(filters: Filters | None, writer: IntegerWriter) -> None:
    """Append filters, or that there are none, to side information."""
    if filters is None:
        writer.put([0, 0])
        return
    writer.put([len(filters.weights), filters.precision])
    writer.put(filters.of_class)
    writer.put(filters.weights, _columns(*filters.weights.shape))


def _columns(count: int, taps: int) -> NDArray[np.int64]:
    return np.tile(np.arange(taps), count)


@allocating_kernel
def _fitted(moments, count, weights):  # type: ignore[no-untyped-def]
    """Solve for `weights`; return by how much they lower the squared error.

    Parameters
    ----------
    moments : float64 (n, n), upper triangle; row and column number `weights.size` belong to the error
    count : samples that were summed
    weights : float64 (taps,), filled
    """
    solve(moments, count, RIDGE * count, weights)
    return gain(moments, weights)


@allocating_kernel
def _merge(moments, counts, saved, alive, groups, cost, weights):  # type: ignore[no-untyped-def]
    """Merge those two groups whose common filter loses least, as long as that is less than a filter costs.

    Parameters
    ----------
    moments : float64 (2 * groups, n, n), of groups of classes; those of merged groups are filled behind the others
    counts : int64 (2 * groups,), samples of each, filled likewise
    saved : float64 (2 * groups,), squared error that the filter of each saves, filled likewise
    alive : int64 (2 * groups,), 1 for groups that stand, filled; number of the group that became of it, negative, for the others
    groups : how many there are
    cost : of a filter
    weights : float64 (taps,), room
    """
    won = np.zeros((saved.size, saved.size))
    number, both = groups, np.zeros_like(moments[0])
    for later in range(groups):
        _compare(moments, counts, saved, alive, later, cost, weights, both, won)
    while True:
        best, pair = 0.0, (0, 0)
        for later in range(number):
            for earlier in range(later):
                if won[later, earlier] > best:
                    best, pair = won[later, earlier], (later, earlier)
        if best == 0.0:
            return
        later, earlier = pair
        moments[number] = moments[later] + moments[earlier]
        counts[number] = counts[later] + counts[earlier]
        saved[number] = _fitted(moments[number], counts[number], weights)
        for merged in pair:
            alive[merged] = -number
            won[merged] = 0.0
            won[:, merged] = 0.0
        _compare(moments, counts, saved, alive, number, cost, weights, both, won)
        number += 1


@allocating_kernel
def _compare(moments, counts, saved, alive, later, cost, weights, both, won):  # type: ignore[no-untyped-def]
    """Fill what is `won` by merging a group with each before it; it stands from now on.

    Parameters
    ----------
    moments, counts, saved, alive, cost, weights : as for `_merge`
    later : number of the group
    both : float64 (n, n), room
    won : float64 (2 * groups, 2 * groups), by the later and the earlier group, changed
    """
    for earlier in range(later):
        if alive[earlier] > 0:
            both[:] = moments[later] + moments[earlier]
            together = _fitted(both, counts[later] + counts[earlier], weights)
            apart = max(saved[later] - cost, 0.0) + max(saved[earlier] - cost, 0.0)
            won[later, earlier] = max(together - cost - apart, 0.0)
    alive[later] = 1


def fit_filters(moments: NDArray[np.float64], counts: NDArray[np.int64], taps: int, worth: float) -> Filters | None:
    """Filters from second moments of taps and error ``(classes, n, n)`` and numbers of samples; None if none pays.

    Row and column number `taps` of a moment matrix belong to the error; `worth` is the squared error that a bit is worth.
    """
    cost = worth * taps * (PRECISIONS[0] + BITS_OF_WEIGHT)
    seen = np.flatnonzero(counts)
    weights = np.zeros(taps)
    saved = np.array([_fitted(moments[k], counts[k], weights) for k in seen] + [0.0] * len(seen))
    if saved.sum() <= cost:
        return None
    room = np.concatenate([moments[seen], np.zeros_like(moments[seen])])
    counted, alive = np.concatenate([counts[seen], np.zeros_like(seen)]), np.zeros(2 * len(seen), np.int64)
    _merge(room, counted, saved, alive, len(seen), cost, weights)
    groups: dict[int, list[int]] = {}
    for number, k in enumerate(seen):
        place = number
        while alive[place] < 0:
            place = -int(alive[place])
        groups.setdefault(place, []).append(int(k))
    fitted = []
    for place, classes in groups.items():
        _fitted(room[place], counted[place], weights)
        fitted.append((classes, room[place], weights.copy()))
    best, chosen = 0.0, None
    for precision in PRECISIONS:
        won, filters = _rounded(fitted, len(moments), precision, worth * taps * (precision + BITS_OF_WEIGHT))
        if won > best:
            best, chosen = won, filters
    return chosen


Group = tuple[list[int], NDArray[np.float64], NDArray[np.float64]]
"""Classes that share a filter, their moments, and its weights."""


def _rounded(groups: list[Group], classes: int, precision: int, cost: float) -> tuple[float, Filters]:
    """What the filters that pay save, beyond their `cost` each, with whole weights; and these filters."""
    kept: list[NDArray[np.float64]] = []
    of_class, total = np.full(classes, -1, np.int64), 0.0
    for members, moments, weights in groups:
        whole = np.clip(np.rint(weights * (1 << precision)), -LARGEST_WEIGHT, LARGEST_WEIGHT)
        won = float(gain(moments, whole / (1 << precision))) - cost
        if won > 0:
            of_class[members] = len(kept)
            kept.append(whole)
            total += won
    return total, Filters(np.array(kept, np.int64), of_class, precision)
