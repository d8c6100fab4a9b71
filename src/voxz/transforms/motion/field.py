"""Fields: where blocks of a slice came from and go to, and their code.

The step along z of a scale predicts every odd slice from the even ones before and after it. A *field* says, for each block of
such a slice, whether from the one before, the one after or both, and from how far away in each: displacements along y and x, in
quarters of a sample. Blocks are 16 x 16 on the finest scale and 8 x 8 on all others.

Most blocks do as their west or north neighbour does, which takes a binary decision or two. Others code their kind, and their
displacements as differences to the median of those of three neighbours. Every decision has an adaptive counter. A displacement
that is not used takes the predicted value, so that others can be predicted from it. Encoder and decoder share the traversal.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxz.entropy.binary import POSITION, code_bit, finish, start
from voxz.entropy.mixing import COUNT_BITS, learnt
from voxz.errors import CorruptError
from voxz.jit import inlined_kernel, kernel
from voxz.transforms.band_norms import Scales

BOTH, BEFORE, AFTER = 0, 1, 2
"""Kinds of blocks."""

KIND, COLUMNS = 0, 5
"""A block is its kind, and displacements along y and x in the slice before and in the one after."""

SIDES = (16, 8)
"""Side of a block on the finest scale, and on coarser ones."""

FARTHEST = 63
"""Displacement at most, in quarters of a sample."""

_LENGTH = 7
"""Bits of a number at most."""

_OF_NUMBER = _LENGTH + 1 + 2 * (_LENGTH - 1)
_AS_WEST, _AS_NORTH, _KINDS, _NUMBERS = 0, 18, 22, 30
PLACES = _NUMBERS + (COLUMNS - 1) * _OF_NUMBER
"""Counters in all."""

LEAST = 32
"""Chance of a decision at least, in 1/65536."""

_UNDECIDED = 32768 << COUNT_BITS

Cells = NDArray[np.int64]


def side_of(scale: int) -> int:
    """Side of the blocks of a scale."""
    return SIDES[min(scale, 1)]


def shapes(shape: tuple[int, ...], scales: Scales) -> list[tuple[int, int, int, int]]:
    """Shape of the cells of each scale that splits z: odd slices, blocks along y and x, COLUMNS."""
    z, y, x = shape
    found = []
    for scale in range(scales[0]):
        side = side_of(scale)
        found.append((z // 2, -(-y // side), -(-x // side), COLUMNS))
        z, y, x = -(-z // 2), *(-(-n // 2) if scale < most else n for n, most in zip((y, x), scales[1:], strict=True))
    return found


@inlined_kernel
def _decide(bit, place, counters, coder, data, decoding):  # type: ignore[no-untyped-def]
    """Code a bit with a counter, which learns from it; return it.

    Parameters
    ----------
    bit : 0 or 1; of no matter when decoding
    place : of the counter
    counters, coder, data, decoding : as for `_code_slice`
    """
    known = counters[place]
    bit = code_bit(bit, min(max(known >> COUNT_BITS, LEAST), 65536 - LEAST), coder, data, decoding)
    counters[place] = learnt(known, bit)
    return bit


@kernel
def _number(value, place, counters, coder, data, decoding):  # type: ignore[no-untyped-def]
    """Code a number of at most _LENGTH bits and its sign; return it.

    Parameters
    ----------
    value : int64; of no matter when decoding
    place : of the first of its counters
    counters, coder, data, decoding : as for `_code_slice`
    """
    size = abs(value)
    length = np.int64(0)
    while length < _LENGTH and _decide(np.int64(size >> length > 0), place + length, counters, coder, data, decoding):
        length += 1
    if length == 0:
        return np.int64(0)
    negative = _decide(np.int64(value < 0), place + _LENGTH, counters, coder, data, decoding)
    found = np.int64(1)
    for k in range(length - 2, -1, -1):
        first = np.int64(k == length - 2)
        bit = (size >> k) & 1
        found = found << 1 | _decide(bit, place + _LENGTH + 1 + 2 * k + first, counters, coder, data, decoding)
    return -found if negative else found


@inlined_kernel
def _median(a, b, c):  # type: ignore[no-untyped-def]
    """The middle one of three numbers."""
    return max(min(a, b), min(max(a, b), c))


@inlined_kernel
def copy_cell(source, target):  # type: ignore[no-untyped-def]
    """Make the block `target` do as `source` does."""
    for k in range(COLUMNS):
        target[k] = source[k]


@kernel
def same(first, second):  # type: ignore[no-untyped-def]
    """Whether two blocks do the same."""
    if first[0] != second[0]:
        return False
    return (first[0] == AFTER or (first[1] == second[1] and first[2] == second[2])) and (
        first[0] == BEFORE or (first[3] == second[3] and first[4] == second[4])
    )


@kernel
def _predicted(cells, i, j, column):  # type: ignore[no-untyped-def]
    """Displacement that the neighbours of a block make likely.

    Parameters
    ----------
    cells : as for `_code_slice`
    i, j : row and column of the block
    column : of the displacement in its cell
    """
    if i == 0:
        return cells[0, j - 1, column] if j > 0 else np.int64(0)
    if j == 0 or j + 1 == cells.shape[1]:
        return cells[i - 1, j, column] if j == 0 else cells[i, j - 1, column]
    return _median(cells[i, j - 1, column], cells[i - 1, j, column], cells[i - 1, j + 1, column])


@kernel
def _as_neighbour(cells, i, j, counters, coder, data, decoding):  # type: ignore[no-untyped-def]
    """Code whether a block does as its west or, where that does otherwise, its north neighbour; make it do so.

    Parameters
    ----------
    cells, counters, coder, data, decoding : as for `_code_slice`
    i, j : row and column of the block
    """
    cell = cells[i, j]
    alike = False
    if j > 0:
        west = cells[i, j - 1]
        place = _AS_WEST + (j > 1 and same(west, cells[i, j - 2]))
        if i > 0:
            alike = same(west, cells[i - 1, j])
            place += same(west, cells[i - 1, j - 1]) + 3 * same(cells[i - 1, j], cells[i - 1, j - 1]) + 9 * alike
        if _decide(np.int64(same(cell, west)), place, counters, coder, data, decoding):
            copy_cell(west, cell)
            return True
    if i > 0 and not alike:
        north = cells[i - 1, j]
        place = _AS_NORTH + (i > 1 and same(north, cells[i - 2, j])) + 2 * (j > 0)
        if _decide(np.int64(same(cell, north)), place, counters, coder, data, decoding):
            copy_cell(north, cell)
            return True
    return False


@kernel
def _code_slice(cells, both, counters, coder, data, decoding):  # type: ignore[no-untyped-def]
    """Code the cells of a slice; False for displacements out of bounds.

    Parameters
    ----------
    cells : int64 (rows, columns, COLUMNS), changed where displacements are not used
    both : whether there is a slice after this one
    counters : int64 (PLACES,)
    coder, data, decoding : see `voxz.entropy.binary`
    """
    for i in range(cells.shape[0]):
        for j in range(cells.shape[1]):
            if _as_neighbour(cells, i, j, counters, coder, data, decoding):
                continue
            cell, kind = cells[i, j], np.int64(BEFORE)
            if both:
                place = _KINDS + (2 + 2 * cells[i, j - 1, KIND] if j > 0 else 0)
                kind = _decide(np.int64(cell[KIND] != BOTH), place, counters, coder, data, decoding)
                if kind:
                    kind += _decide(np.int64(cell[KIND] == AFTER), place + 1, counters, coder, data, decoding)
            cell[KIND] = kind
            for column in range(1, COLUMNS):
                likely = _predicted(cells, i, j, column)
                if kind == (AFTER if column < 3 else BEFORE):
                    cell[column] = likely
                    continue
                place = _NUMBERS + _OF_NUMBER * (column - 1)
                cell[column] = likely + _number(cell[column] - likely, place, counters, coder, data, decoding)
                if abs(cell[column]) > FARTHEST:
                    return False
    return True


def pack_cells(fields: list[Cells], both: list[bool]) -> bytes:
    """Bytes of the fields of slices, each of which has one after it or not."""
    coder, counters = np.zeros(4, np.int64), np.full(PLACES, _UNDECIDED, np.int64)
    data = np.zeros(64 + sum(cells.size * 4 for cells in fields), np.uint8)
    start(coder, b"")
    for cells, each in zip(fields, both, strict=True):
        _code_slice(cells, each, counters, coder, data, False)
    return finish(coder, data)


def read_cells(payload: bytes, fields: list[Cells], both: list[bool]) -> list[Cells]:
    """Inverse of `pack_cells`, which fills `fields`; damage raises `CorruptError`."""
    coder, counters = np.zeros(4, np.int64), np.full(PLACES, _UNDECIDED, np.int64)
    start(coder, payload)
    data = np.frombuffer(payload, np.uint8).copy()
    for cells, each in zip(fields, both, strict=True):
        if coder[POSITION] > data.size or not _code_slice(cells, each, counters, coder, data, True):
            raise CorruptError("the displacements of a brick are damaged")
    if coder[POSITION] != len(payload):
        raise CorruptError("the displacements of a brick are damaged")
    return fields


@dataclass(frozen=True)
class Fields:
    """Fields of a volume of so many `slices`: cells of each scale that splits z, from the finest on."""

    slices: int
    cells: tuple[Cells, ...]

    def of(self, scales: int) -> "Fields":
        """Those of so many scales, the finest."""
        return Fields(self.slices, self.cells[:scales])

    def pack(self) -> bytes:
        """Bytes of the fields."""
        return pack_cells(*self._in_turn())

    @classmethod
    def read(cls, payload: bytes, shape: tuple[int, ...], scales: Scales) -> "Fields":
        """Fields of a payload for a volume of this shape; damage raises `CorruptError`."""
        found = cls(shape[0], tuple(np.zeros(one, np.int64) for one in shapes(shape, scales)))
        read_cells(payload, *found._in_turn())
        return found

    def _in_turn(self) -> tuple[list[Cells], list[bool]]:
        """Cells of each slice, and whether there is a slice after it."""
        found, slices = [], self.slices
        for cells in self.cells:
            found += [(one, 2 * number + 2 < slices) for number, one in enumerate(cells)]
            slices = -(-slices // 2)
        return [one for one, _ in found], [both for _, both in found]
