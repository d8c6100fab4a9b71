"""Finding fields, in the encoder only.

Every block is compared with displaced blocks of the even slices beside it, a quarter of a side beyond its borders: sums of
absolute differences, plus what its displacements are guessed to cost in bits, so that fields are smooth. First displacements come
from a full search at half the resolution; then, a few times over, each block tries what its neighbours do, no displacement and
each kind, and, where it is new, small changes of its own down to a quarter of a sample (iterated conditional modes, Besag 1986).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.jit import allocating_kernel, apart_kernel, at, inlined_kernel, kernel
from voxz.transforms.band_norms import Scales
from voxz.transforms.lifting_97 import lift_97
from voxz.transforms.motion.field import AFTER, BEFORE, BOTH, COLUMNS, FARTHEST, KIND, Cells, Fields, copy_cell, same, side_of
from voxz.transforms.motion.lifting import TAPS
from voxz.transforms.motion.pyramid import split
from voxz.transforms.pyramid import Pyramid

REACH = 5
"""Samples of the full search, each way, at half the resolution."""

MARGIN = 20
"""Samples that planes go on beyond their borders."""

ROUNDS, MOST_MOVES = 3, 6
"""Turns that each block has, and moves of each size in a turn."""

UNITS, MOST_LEVEL = 32, 1 << 21
"""Units of a step that slices are compared in, and where these end: sums of a row stay within 32 bits."""

PRICE = 1.0 * UNITS
"""Sum of absolute differences that a bit is worth."""

ALREADY_WEST, ALREADY_NORTH, NEW = 0.6, 1.5, 3.0
BIT_OF_LENGTH = 1.6
"""Guessed bits: of a block that does as its west or north neighbour; of another one, and for each bit of its displacements."""

Levels = NDArray[np.int32]


class Slice(NamedTuple):
    """A slice in whole units, and what it is compared with.

    Attributes
    ----------
    current : int32 (y, x)
    before, after : int32 (4, 4, y, x), see `quarter_planes`
    both : whether there is a slice after it
    side, margin : of a block, and how far beyond its borders it is compared
    """

    current: Levels
    before: Levels
    after: Levels
    both: bool
    side: int
    margin: int


@apart_kernel
def _filter(source, taps, first, step, target):  # type: ignore[no-untyped-def]
    """Fill a row of samples that lie a part of a sample further.

    Parameters
    ----------
    source : float32, flat
    taps : float32 (8,), see `TAPS`
    first, step : where in `source` the first sample of the first sum is, and from each sample of a sum to the next
    target : float32 (n,), filled
    """
    for c in range(len(target)):
        k = first + c
        target[at(c)] = (
            taps[0] * source[at(k)]
            + taps[1] * source[at(k + step)]
            + taps[2] * source[at(k + 2 * step)]
            + taps[3] * source[at(k + 3 * step)]
            + taps[4] * source[at(k + 4 * step)]
            + taps[5] * source[at(k + 5 * step)]
            + taps[6] * source[at(k + 6 * step)]
            + taps[7] * source[at(k + 7 * step)]
        )


@apart_kernel
def _displace(wide, taps, along, row, found):  # type: ignore[no-untyped-def]
    """Fill `quarter_planes`.

    Parameters
    ----------
    wide : float32 (y + 7, x + 7), the plane in units
    taps : float32 (4, 8), see `TAPS`
    along : float32 (y + 7, x), room
    row : float32 (x,), room
    found : int32 (4, 4, y, x), filled
    """
    most = np.float32(MOST_LEVEL)
    rows, columns = found.shape[2:]
    for right in range(4):
        for r in range(rows + 7):
            _filter(wide[r], taps[right], 0, 1, along[r])
        for down in range(4):
            for r in range(rows):
                _filter(along.reshape(-1), taps[down], r * columns, columns, row)
                target = found[down, right, r]
                for c in range(columns):
                    target[at(c)] = np.int32(np.rint(min(max(row[at(c)], -most), most)))


def quarter_planes(plane: NDArray[np.floating], unit: float) -> Levels:
    """A plane in units, displaced by each of 4 x 4 quarters of samples ``(4, 4, y, x)``, with margins."""
    wide = np.pad(plane * (1 / unit), ((MARGIN + 3, MARGIN + 4),) * 2, mode="edge").astype(np.float32)
    rows, columns = (n - 7 for n in wide.shape)
    along, row, found = (
        np.empty((rows + 7, columns), np.float32),
        np.empty(columns, np.float32),
        np.empty((4, 4, rows, columns), np.int32),
    )
    _displace(wide, TAPS.astype(np.float32), along, row, found)
    return found


def _whole(values: NDArray[np.floating]) -> Levels:
    found: Levels = np.clip(np.rint(values), -MOST_LEVEL, MOST_LEVEL).astype(np.int32)
    return found


@kernel
def _box(one, i, j, box):  # type: ignore[no-untyped-def]
    """Find what a block is compared on.

    Parameters
    ----------
    one : see `Slice`
    i, j : row and column of the block
    box : int64 (4,), filled: first row and the one after the last, the same of columns
    """
    height, width = one.current.shape
    box[0], box[1] = max(i * one.side - one.margin, 0), min((i + 1) * one.side + one.margin, height)
    box[2], box[3] = max(j * one.side - one.margin, 0), min((j + 1) * one.side + one.margin, width)


@inlined_kernel
def _apart(row, left, right, kind, width):  # type: ignore[no-untyped-def]
    """Sum of absolute differences of a row and what a block predicts from the rows of the slices beside it.

    Parameters
    ----------
    row, left, right : int32 (width or more,); of the slice, and of those before and after
    kind : of the block
    width : samples
    """
    total = np.int32(0)
    if kind == BOTH:
        for x in range(width):
            mean = np.int32((left[at(x)] + right[at(x)]) >> 1)
            total = np.int32(total + abs(np.int32(row[at(x)] - mean)))
        return total
    other = left if kind == BEFORE else right
    for x in range(width):
        total = np.int32(total + abs(np.int32(row[at(x)] - other[at(x)])))
    return total


@kernel
def _difference(one, box, cell, limit):  # type: ignore[no-untyped-def]
    """Sum of absolute differences of a box and what a cell predicts for it.

    Parameters
    ----------
    one : see `Slice`
    box : see `_box`
    cell : int64 (COLUMNS,)
    limit : the sum may end early where it is more
    """
    total = np.int64(0)
    y0, x0 = box[0] + (cell[1] >> 2) + MARGIN, box[2] + (cell[2] >> 2) + MARGIN
    y1, x1 = box[0] + (cell[3] >> 2) + MARGIN, box[2] + (cell[4] >> 2) + MARGIN
    before, after = one.before[cell[1] & 3, cell[2] & 3], one.after[cell[3] & 3, cell[4] & 3]
    width = box[3] - box[2]
    for r in range(box[1] - box[0]):
        row = one.current[box[0] + r, box[2] :]
        total += _apart(row, before[y0 + r, x0:], after[y1 + r, x1:], cell[KIND], width)
        if total > limit:
            break
    return total


@kernel
def _bits(d):  # type: ignore[no-untyped-def]
    """Bits that a difference of displacements is guessed to take."""
    bits = 1.0
    d = abs(d)
    while d:
        bits += BIT_OF_LENGTH
        d >>= 1
    return bits


@kernel
def _rate(cells, i, j):  # type: ignore[no-untyped-def]
    """Bits that a block is guessed to take, by its west and north neighbours."""
    if j > 0 and same(cells[i, j], cells[i, j - 1]):
        return ALREADY_WEST
    if i > 0 and same(cells[i, j], cells[i - 1, j]):
        return ALREADY_NORTH
    bits = NEW
    cell = cells[i, j]
    for which in range(2):
        if cell[KIND] == AFTER - which:
            continue
        a, b = 1 + 2 * which, 2 + 2 * which
        best = 1e9
        if j > 0:
            best = min(best, _bits(cell[a] - cells[i, j - 1, a]) + _bits(cell[b] - cells[i, j - 1, b]))
        if i > 0:
            best = min(best, _bits(cell[a] - cells[i - 1, j, a]) + _bits(cell[b] - cells[i - 1, j, b]))
        if i == 0 and j == 0:
            best = _bits(cell[a]) + _bits(cell[b])
        bits += best
    return bits


@kernel
def _try(one, cells, i, j, box, price, tried, best):  # type: ignore[no-untyped-def]
    """Keep the cell `tried` at row i, column j if it costs less than `best`; return the least cost.

    Parameters
    ----------
    one : `Slice`
    cells : int64 (rows, columns, COLUMNS), changed
    i, j, box : the block, and what it is compared on
    price : of a bit
    tried : int64 (2, COLUMNS), a cell, and room for the one that there is
    best : cost of that
    """
    for k in range(1, COLUMNS):
        if abs(tried[0, k]) > FARTHEST:
            return best
    copy_cell(cells[i, j], tried[1])
    copy_cell(tried[0], cells[i, j])
    rate = _rate(cells, i, j)
    if j + 1 < cells.shape[1]:
        rate += _rate(cells, i, j + 1)
    if i + 1 < cells.shape[0]:
        rate += _rate(cells, i + 1, j)
    cost = price * rate
    if cost < best:
        cost += _difference(one, box, cells[i, j], best - cost)
    if cost < best:
        return cost
    copy_cell(tried[1], cells[i, j])
    return best


@allocating_kernel
def _halved(plane):  # type: ignore[no-untyped-def]
    """Means of 2 x 2 samples.

    Parameters
    ----------
    plane : int32 (y, x)
    """
    found = np.empty((plane.shape[0] // 2, plane.shape[1] // 2), np.int32)
    for y in range(found.shape[0]):
        upper, lower = plane[2 * y], plane[2 * y + 1]
        for x in range(found.shape[1]):
            found[y, x] = np.int32((upper[2 * x] + upper[2 * x + 1] + lower[2 * x] + lower[2 * x + 1]) >> 2)
    return found


@kernel
def _full(current, other, side, margin, price, found):  # type: ignore[no-untyped-def]
    """Fill displacements ``(rows, columns, 2)`` of all blocks of a slice by comparing slices of half the resolution.

    Parameters
    ----------
    current : int32 (y, x)
    other : int32 (y, x), with MARGIN // 2 samples beyond its borders
    side, margin : of a block, and how far beyond its borders it is compared
    price : as for `_try`
    found : int64 (rows, columns, 2), in quarters of a sample of the full resolution
    """
    height, width = current.shape
    for i in range(found.shape[0]):
        top, bottom = max(i * side - margin, 0), min((i + 1) * side + margin, height)
        for j in range(found.shape[1]):
            left, right = max(j * side - margin, 0), min((j + 1) * side + margin, width)
            best = np.int64(1) << 62
            for dy in range(-REACH, REACH + 1):
                for dx in range(-REACH, REACH + 1):
                    total = np.int64(0.25 * price * (abs(dy) + abs(dx)))
                    for y in range(top, bottom):
                        row = other[y + dy + MARGIN // 2, left + dx + MARGIN // 2 :]
                        total += _apart(current[y, left:], row, row, BEFORE, right - left)
                        if total > best:
                            break
                    if total < best:
                        best = total
                        found[i, j, 0], found[i, j, 1] = 8 * dy, 8 * dx


@kernel
def _candidates(cells, i, j, both, full, first, found):  # type: ignore[no-untyped-def]
    """Fill `found` with cells that a block may have: its own, its neighbours', unmoved and found ones; return how many.

    Parameters
    ----------
    cells, i, j : as for `_try`
    both : whether there is a slice after this one
    full : int64 (2, rows, columns, 2), see `_full`
    first : whether this is the first turn; in later ones each kind is tried with the block's own displacements
    found : int64 (16, COLUMNS)
    """
    copy_cell(cells[i, j], found[0])
    count = 1
    for other in range(4):
        a, b = i + (other == 3) - (other == 1), j + (other == 2) - (other == 0)
        if 0 <= a < cells.shape[0] and 0 <= b < cells.shape[1]:
            copy_cell(cells[a, b], found[count])
            count += 1
    for kind in range(3):
        if kind != BEFORE and not both:
            continue
        ways = 4 if first and kind == BOTH else 2
        for way in range(ways):
            cell = found[count]
            copy_cell(cells[i, j], cell)
            for k in range(2):
                if way == 0 or first:
                    cell[1 + k] = 0 if way == 0 else full[0, i, j, k] if way < 3 else -full[1, i, j, k]
                    cell[3 + k] = 0 if way == 0 else full[1, i, j, k] if way != 2 else -full[0, i, j, k]
            cell[KIND] = kind
            count += 1
    return count


@kernel
def _refine(one, cells, i, j, box, price, tried, best):  # type: ignore[no-untyped-def]
    """Change displacements of a block by less and less while that helps: of either slice, or of both in opposite ways.

    Aslant only by the least step: larger ones cost as much time and find nothing.

    Parameters
    ----------
    one, cells, i, j, box, price, tried, best : as for `_try`
    """
    step = 4
    while step > 0:
        for _ in range(MOST_MOVES):
            known = best
            for move in range(27):
                dy, dx, way = move // 9 - 1, move // 3 % 3 - 1, move % 3
                kind = cells[i, j, KIND]
                if (dy == 0 and dx == 0) or (dy != 0 and dx != 0 and step > 1) or (kind != BOTH and way != kind - 1):
                    continue
                copy_cell(cells[i, j], tried[0])
                if way != 1:
                    tried[0, 1] += dy * step
                    tried[0, 2] += dx * step
                if way != 0:
                    sign = 1 if way == 1 else -1
                    tried[0, 3] += sign * dy * step
                    tried[0, 4] += sign * dx * step
                best = _try(one, cells, i, j, box, price, tried, best)
            if best >= known:
                break
        step //= 2


@allocating_kernel
def _settle(one, price, full, cells):  # type: ignore[no-untyped-def]
    """Full search, then each block in turn, for all cells of a slice.

    Parameters
    ----------
    one, price : as for `_try`
    full : int64 (2, rows, columns, 2), zeros, filled
    cells : int64 (rows, columns, COLUMNS), filled
    """
    box, tried, found = np.zeros(4, np.int64), np.zeros((2, COLUMNS), np.int64), np.zeros((16, COLUMNS), np.int64)
    was = np.zeros(COLUMNS, np.int64)
    halved = _halved(one.current)
    _full(halved, _halved(one.before[0, 0]), one.side // 2, one.margin // 2, price, full[0])
    if one.both:
        _full(halved, _halved(one.after[0, 0]), one.side // 2, one.margin // 2, price, full[1])
    for turn in range(ROUNDS):
        for i in range(cells.shape[0]):
            for j in range(cells.shape[1]):
                _box(one, i, j, box)
                best = 1e30
                copy_cell(cells[i, j], was)
                for k in range(_candidates(cells, i, j, one.both, full, turn == 0, found)):
                    if k > 0 and same(found[k], cells[i, j]):
                        continue
                    copy_cell(found[k], tried[0])
                    best = _try(one, cells, i, j, box, price, tried, best)
                if turn == 0 or not same(cells[i, j], was):
                    _refine(one, cells, i, j, box, price, tried, best)


def search_slice(current: NDArray[np.floating], before: Levels, after: Levels | None, side: int, step: float) -> Cells:
    """Cells of a slice, by the `quarter_planes` of the slices before and after it in UNITS of the step."""
    rows, columns = (-(-n // side) for n in current.shape)
    cells, full = np.zeros((rows, columns, COLUMNS), np.int64), np.zeros((2, rows, columns, 2), np.int64)
    cells[..., KIND] = BOTH if after is not None else BEFORE
    other = before if after is None else after
    _settle(Slice(_whole(current * (UNITS / step)), before, other, after is not None, side, side // 4), PRICE, full, cells)
    return cells


def find_fields(volume: NDArray[np.float64], scales: Scales, step: float) -> Fields:
    """Fields for a volume that is quantised with a `step`."""
    work, found = volume.copy(), []
    for scale, (shape, axes) in enumerate(Pyramid(volume.shape, scales).steps()[: scales[0]]):
        side, box = side_of(scale), work[tuple(slice(n) for n in shape)]
        fields = np.empty((shape[0] // 2, -(-shape[1] // side), -(-shape[2] // side), COLUMNS), np.int64)
        before = quarter_planes(box[0], step / UNITS)
        for k, one in enumerate(box[1::2]):
            after = quarter_planes(box[2 * k + 2], step / UNITS) if 2 * k + 2 < shape[0] else None
            fields[k] = search_slice(one, before, after, side, step)
            before = before if after is None else after
        found.append(fields)
        split(work, shape, fields, side)
        for axis in (2, 1):
            if axis in axes:
                lift_97(work, shape, axis, forward=True)
    return Fields(len(volume), tuple(found))
