"""The two steps of 5/3 lifting along z between displaced blocks (Secker and Taubman 2001), in IEEE doubles.

*Predict*: a block of an odd slice is what its field finds in the even slices beside it, half of each if in both, between samples
by the eight-tap filters of HEVC, along x, then along y. Blocks reach half a side beyond their borders and fade into each other
(overlapped block motion compensation, Orchard and Sullivan 1994). *Update*: what prediction left goes back the same way, spread
over the four nearest samples; half of its mean, weighed by how much was predicted from a sample, is added to the even slice.

Whatever a field says, the steps are undone but for rounding. All weights of blocks and samples are multiples of powers of two,
hence exact; sums of products are in a fixed order.
"""

import numpy as np
from numpy.typing import NDArray

from voxz.jit import at, kernel
from voxz.transforms.motion.field import AFTER, BOTH, KIND

TAPS = (
    np.array(
        [
            [0, 0, 0, 64, 0, 0, 0, 0],
            [-1, 4, -10, 58, 17, -5, 1, 0],
            [-1, 4, -11, 40, 40, -11, 4, -1],
            [0, 1, -5, 17, 58, -10, 4, -1],
        ]
    )
    / 64.0
)
"""Filters for displacements by 0 to 3 quarters of a sample."""

REACH = 3
"""Samples that a filter reaches before a sample; one more behind it."""

LEAST = 0.5
"""Weight that an update is divided by at least: where little was predicted from, little comes back."""

Plane = NDArray[np.float64]


def windows(length: int, side: int) -> Plane:
    """Weight of each block ``(blocks, 2 side)`` at the samples from half a side before it on, along an axis of `length`."""
    count = -(-length // side)
    far = np.abs(2 * np.arange(2 * side) + 1 - 2 * side) / (2 * side)
    weights = np.tile(1 - far * far * (3 - 2 * far), (count, 1))
    weights[0, :side] = weights[-1, side:] = 1
    return weights


@kernel
def _take(plane, top, left, rows, columns, patch):  # type: ignore[no-untyped-def]
    """Copy a box of a plane that may lie beyond its borders, whose samples go on there.

    Parameters
    ----------
    plane : float64 (y, x)
    top, left, rows, columns : the box
    patch : float64, room for it
    """
    width = plane.shape[1]
    begin, end = min(max(-left, 0), columns), max(min(width - left, columns), 0)
    for y in range(rows):
        source, target = plane[min(max(top + y, 0), plane.shape[0] - 1)], patch[y]
        for x in range(begin):
            target[at(x)] = source[0]
        for x in range(begin, end):
            target[at(x)] = source[at(left + x)]
        for x in range(max(begin, end), columns):
            target[at(x)] = source[width - 1]


@kernel
def _displaced(plane, top, left, rows, columns, down, right, taken, across, patch):  # type: ignore[no-untyped-def]
    """Fill `patch` with a box of a plane, displaced by quarters of samples.

    Parameters
    ----------
    plane : float64 (y, x)
    top, left, rows, columns : the box
    down, right : displacement
    taken, across, patch : float64, room for a box of two sides and 8 more each way
    """
    y, x = top + (down >> 2) - REACH, left + (right >> 2) - REACH
    _take(plane, y, x, rows + 2 * REACH + 1, columns + 2 * REACH + 1, taken)
    taps = TAPS[right & 3]
    for r in range(rows + 2 * REACH + 1):
        source, target = taken[r], across[r]
        if right & 3:
            for c in range(columns):
                target[at(c)] = (
                    taps[0] * source[at(c)]
                    + taps[1] * source[at(c + 1)]
                    + taps[2] * source[at(c + 2)]
                    + taps[3] * source[at(c + 3)]
                    + taps[4] * source[at(c + 4)]
                    + taps[5] * source[at(c + 5)]
                    + taps[6] * source[at(c + 6)]
                    + taps[7] * source[at(c + 7)]
                )
        else:
            for c in range(columns):
                target[at(c)] = source[at(c + REACH)]
    taps = TAPS[down & 3]
    for r in range(rows):
        target = patch[r]
        if down & 3:
            for c in range(columns):
                target[at(c)] = (
                    taps[0] * across[r, at(c)]
                    + taps[1] * across[r + 1, at(c)]
                    + taps[2] * across[r + 2, at(c)]
                    + taps[3] * across[r + 3, at(c)]
                    + taps[4] * across[r + 4, at(c)]
                    + taps[5] * across[r + 5, at(c)]
                    + taps[6] * across[r + 6, at(c)]
                    + taps[7] * across[r + 7, at(c)]
                )
        else:
            for c in range(columns):
                target[at(c)] = across[r + REACH, at(c)]


@kernel
def _predict(before, after, cells, side, down, across, high, sign, rooms):  # type: ignore[no-untyped-def]
    """Add `sign` times the prediction of an odd slice to it.

    Parameters
    ----------
    before, after : float64 (y, x), the even slices beside it
    cells : int64 (rows, columns, COLUMNS), its field
    side : of a block
    down, across : float64 (blocks, 2 side), see `windows`
    high : float64 (y, x), changed
    sign : 1.0 or -1.0
    rooms : float64 (4, 2 side + 8, 2 side + 8), room
    """
    height, width = high.shape
    for i in range(cells.shape[0]):
        for j in range(cells.shape[1]):
            y, x = i * side - side // 2, j * side - side // 2
            top, left = max(y, 0), max(x, 0)
            rows, columns = min(y + 2 * side, height) - top, min(x + 2 * side, width) - left
            cell = cells[i, j]
            share = 0.5 if cell[KIND] == BOTH else 1.0
            for which in range(2):
                if cell[KIND] == AFTER - which:
                    continue
                plane = after if which else before
                _displaced(
                    plane, top, left, rows, columns, cell[1 + 2 * which], cell[2 + 2 * which], rooms[0], rooms[1], rooms[2]
                )
                for r in range(rows):
                    weight = sign * share * down[i, top - y + r]
                    target, source = high[top + r], rooms[2, r]
                    for c in range(columns):
                        target[at(left + c)] += (weight * across[j, at(left - x + c)]) * source[at(c)]


@kernel
def _give(source, weight, along, first, count, target, sums, place):  # type: ignore[no-untyped-def]
    """Add a row, weighed, to another, and the weights to their sums; what lies beyond goes to the ends.

    Parameters
    ----------
    source : float64 (count or more,)
    weight : of the row
    along : float64, weights along it, from `first` on
    first : see `along`
    count : samples
    target, sums : float64 (x,), changed
    place : where the row begins in them; may be negative
    """
    width = target.size
    begin, end = min(max(-place, 0), count), max(min(width - place, count), 0)
    for x in range(begin):
        target[0] += (weight * along[first + x]) * source[x]
        sums[0] += weight * along[first + x]
    for x in range(begin, end):
        target[at(place + x)] += (weight * along[at(first + x)]) * source[at(x)]
        sums[at(place + x)] += weight * along[at(first + x)]
    for x in range(max(begin, end), count):
        target[width - 1] += (weight * along[first + x]) * source[x]
        sums[width - 1] += weight * along[first + x]


@kernel
def _give_back(high, cells, side, down, across, which, total, sums):  # type: ignore[no-untyped-def]
    """Add what an odd slice holds to the even slice that it was predicted from, at the places it was predicted from.

    Parameters
    ----------
    high, cells, side, down, across : as for `_predict`
    which : 0 for the slice before, 1 for the one after
    total, sums : float64 (y, x), samples times weights, and weights, added to
    """
    height, width = high.shape
    for i in range(cells.shape[0]):
        for j in range(cells.shape[1]):
            cell = cells[i, j]
            if cell[KIND] == AFTER - which:
                continue
            y, x = i * side - side // 2, j * side - side // 2
            top, left = max(y, 0), max(x, 0)
            rows, columns = min(y + 2 * side, height) - top, min(x + 2 * side, width) - left
            share = 0.5 if cell[KIND] == BOTH else 1.0
            below, beside = cell[1 + 2 * which], cell[2 + 2 * which]
            for r in range(rows):
                source = high[top + r, left : left + columns]
                weight = share * down[i, top - y + r]
                for p in range(2):
                    row = min(max(top + r + (below >> 2) + p, 0), height - 1)
                    for q in range(2):
                        part = (0.25 * (below & 3) if p else 1 - 0.25 * (below & 3)) * (
                            0.25 * (beside & 3) if q else 1 - 0.25 * (beside & 3)
                        )
                        if part > 0:
                            place = left + (beside >> 2) + q
                            _give(source, weight * part, across[j], left - x, columns, total[row], sums[row], place)


@kernel
def _update(low, total, sums, sign):  # type: ignore[no-untyped-def]
    """Add to an even slice half the mean of what came back to it; room for the next one is cleared.

    Parameters
    ----------
    low : float64 (y, x), changed
    total, sums : float64 (y, x), what came back and its weights; cleared
    sign : 1.0 or -1.0
    """
    for y in range(low.shape[0]):
        for x in range(low.shape[1]):
            low[y, x] += sign * 0.5 * total[y, x] / max(sums[y, x], LEAST)
            total[y, x] = 0.0
            sums[y, x] = 0.0


def lift(low: NDArray[np.float64], high: NDArray[np.float64], cells: NDArray[np.int64], side: int, *, forward: bool) -> None:
    """Lift even slices ``(z, y, x)`` and odd ones in place, or undo it; the even ones are one more, or as many."""
    down, across = (windows(n, side) for n in low.shape[1:])
    rooms = np.empty((3, 2 * side + 8, 2 * side + 8))
    total, sums = np.zeros(low.shape[1:]), np.zeros(low.shape[1:])

    def predict(sign: float) -> None:
        for k, one in enumerate(high):
            _predict(low[k], low[min(k + 1, len(low) - 1)], cells[k], side, down, across, one, sign, rooms)

    if forward:
        predict(-1.0)
    for k, one in enumerate(low):
        if k > 0:
            _give_back(high[k - 1], cells[k - 1], side, down, across, 1, total, sums)
        if k < len(high):
            _give_back(high[k], cells[k], side, down, across, 0, total, sums)
        _update(one, total, sums, 1.0 if forward else -1.0)
    if not forward:
        predict(1.0)


def predicted_slice(before: Plane, after: Plane, cells: NDArray[np.int64], side: int) -> Plane:
    """A slice as its field ``(rows, columns, COLUMNS)`` finds it in others ``(y, x)``."""
    down, across = (windows(n, side) for n in before.shape)
    found = np.zeros(before.shape)
    _predict(before, after, cells, side, down, across, found, 1.0, np.empty((3, 2 * side + 8, 2 * side + 8)))
    return found
