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
from voxz.jit import kernel
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


@kernel
def _fitted(moments, count, ridge, weights):  # type: ignore[no-untyped-def]
    """Solve for `weights`; return by how much they lower the squared error.

    Parameters
    ----------
    moments : float64 (n, n), upper triangle; row and column number `weights.size` belong to the error
    count : samples that were summed
    ridge : as in `least_squares.solve`
    weights : float64 (taps,), filled
    """
    solve(moments, count, ridge, weights)
    return gain(moments, weights)


@dataclass
class _Group:
    """Classes that share a filter, their moments, and what the filter saves of the squared error."""

    classes: list[int]
    moments: NDArray[np.float64]
    count: int
    weights: NDArray[np.float64]
    saved: float = 0.0

    def fit(self) -> "_Group":
        """Fit the filter."""
        self.saved = float(_fitted(self.moments, self.count, RIDGE * self.count, self.weights))
        return self

    def with_(self, other: "_Group") -> "_Group":
        """Both together."""
        weights = np.zeros_like(self.weights)
        return _Group(self.classes + other.classes, self.moments + other.moments, self.count + other.count, weights).fit()


def fit_filters(moments: NDArray[np.float64], counts: NDArray[np.int64], taps: int, worth: float) -> Filters | None:
    """Filters from second moments of taps and error ``(classes, n, n)`` and numbers of samples; None if none pays.

    Row and column number `taps` of a moment matrix belong to the error; `worth` is the squared error that a bit is worth.
    """
    cost = worth * taps * (PRECISIONS[0] + BITS_OF_WEIGHT)
    seen = np.flatnonzero(counts)
    groups = [_Group([int(k)], moments[k], int(counts[k]), np.zeros(taps)).fit() for k in seen]
    if sum(group.saved for group in groups) <= cost:
        return None
    groups = sorted(_merged(groups, cost), key=lambda group: min(group.classes))
    best, chosen = 0.0, None
    for precision in PRECISIONS:
        won, filters = _rounded(groups, len(moments), precision, worth * taps * (precision + BITS_OF_WEIGHT))
        if won > best:
            best, chosen = won, filters
    return chosen


def _rounded(groups: list[_Group], classes: int, precision: int, cost: float) -> tuple[float, Filters]:
    """What the filters that pay save, beyond their `cost` each, with whole weights; and these filters."""
    kept: list[NDArray[np.float64]] = []
    of_class, total = np.full(classes, -1, np.int64), 0.0
    for group in groups:
        whole = np.clip(np.rint(group.weights * (1 << precision)), -LARGEST_WEIGHT, LARGEST_WEIGHT)
        won = float(gain(group.moments, whole / (1 << precision))) - cost
        if won > 0:
            of_class[group.classes] = len(kept)
            kept.append(whole)
            total += won
    return total, Filters(np.array(kept, np.int64), of_class, precision)


def _merged(groups: list[_Group], cost: float) -> list[_Group]:
    """Merge those two groups whose common filter loses least, as long as that is less than a filter costs.

    Groups that were merged stay in the list, without anything to win; what two of them become is found once.
    """
    groups = list(groups)
    most = 2 * len(groups)
    alive, won = np.zeros(most, np.bool_), np.zeros((most, most))
    joined: dict[tuple[int, int], _Group] = {}

    def join_with_all_before(later: int) -> None:
        for earlier in np.flatnonzero(alive[:later]).tolist():
            both = groups[later].with_(groups[earlier])
            joined[later, earlier] = both
            apart = max(groups[later].saved - cost, 0.0) + max(groups[earlier].saved - cost, 0.0)
            if both.saved - cost - apart > 0:
                won[later, earlier] = both.saved - cost - apart
        alive[later] = True

    for number in range(len(groups)):
        join_with_all_before(number)
    while True:
        later, earlier = divmod(int(np.argmax(won)), most)
        if won[later, earlier] == 0.0:
            return [group for group, kept in zip(groups, alive, strict=False) if kept]
        for merged in (later, earlier):
            alive[merged] = False
            won[merged] = won[:, merged] = 0.0
        groups.append(joined[later, earlier])
        join_with_all_before(len(groups) - 1)
