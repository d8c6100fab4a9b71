"""The choice of blocks, modes and indices, in the encoder only.

A block is coded whole and in quarters, and what costs less in squared error and bits is kept. Its mode is first looked for by how
rough it leaves the block (sums of Hadamard transforms of 4 x 4): every other angle, then those beside the best; the best few, and
prediction from other slices, are coded.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet.blocks.contexts import CANDIDATES, Coding, kind_of
from voxz.codecs.wavelet.blocks.cosine import analyse
from voxz.codecs.wavelet.blocks.costs import REST_BITS, Costs, bits, learn_tree
from voxz.codecs.wavelet.blocks.layout import (
    ACROSS,
    ALONE,
    FIRST_ANGLE,
    FROM_BOTH,
    LARGEST,
    MODES,
    SIDE_OF_FIELDS,
    SIZES,
    UNIT,
    Plane,
    Slice,
    Turn,
)
from voxz.codecs.wavelet.blocks.leaf_code import across_class, candidates, split_class
from voxz.codecs.wavelet.blocks.price import Price
from voxz.codecs.wavelet.blocks.quantise import choose_indices
from voxz.codecs.wavelet.blocks.walk import Rooms, code_slice, look_around, predict_block, rebuild, take
from voxz.entropy.binary import POSITION, finish
from voxz.jit import at, kernel
from voxz.transforms.motion.field import Cells
from voxz.transforms.motion.search import UNITS, Levels, quarter_planes, search_slice

TRIES = 3
"""Modes that are coded."""

ENOUGH = 0.02
"""Cost of a sample, in squared steps, up to which a block without indices is not split."""

MOST_BYTES, ROOM = 6, 1024
"""Bytes of a sample at most, and those beside."""

UNTRIED = 1e30


class Trial(NamedTuple):
    """What is tried for a block, by size.

    Attributes
    ----------
    picture : float64 (y, x), the slice as it is, without what makes its blocks whole
    costs : `Costs`
    rebuilt : float64 (SIZES, LARGEST, LARGEST), of the best mode
    indices : int32 (SIZES, LARGEST, LARGEST), of the best mode
    modes, lasts : int64 (SIZES,), the best mode, and its diagonals that have indices
    own, sums : float64 (SIZES,), cost of a block that is whole, and of its quarters so far
    stages, tops, lefts : int64 (SIZES,), quarters that were begun, and where the block lies
    residual : float64 (LARGEST, LARGEST), room
    diagonals : float64 (2, 2 * LARGEST), room
    rough : float64 (MODES,), how rough each mode leaves a block, or UNTRIED
    price : squared error, in squared steps, that a bit is worth in this slice
    """

    picture: Plane
    costs: Costs
    rebuilt: NDArray[np.float64]
    indices: NDArray[np.int32]
    modes: NDArray[np.int64]
    lasts: NDArray[np.int64]
    own: NDArray[np.float64]
    sums: NDArray[np.float64]
    stages: NDArray[np.int64]
    tops: NDArray[np.int64]
    lefts: NDArray[np.int64]
    residual: NDArray[np.float64]
    diagonals: NDArray[np.float64]
    rough: NDArray[np.float64]
    price: float

    @classmethod
    def of(cls, picture: Plane, costs: Costs, price: float) -> "Trial":
        """Room for a slice."""
        rebuilt, indices = np.zeros((SIZES, LARGEST, LARGEST)), np.zeros((SIZES, LARGEST, LARGEST), np.int32)
        modes, lasts, stages, tops, lefts = (np.zeros(SIZES, np.int64) for _ in range(5))
        residual, diagonals, rough = np.zeros((LARGEST, LARGEST)), np.zeros((2, 2 * LARGEST)), np.zeros(MODES)
        own, sums = np.zeros(SIZES), np.zeros(SIZES)
        return cls(
            picture, costs, rebuilt, indices, modes, lasts, own, sums, stages, tops, lefts, residual, diagonals, rough, price
        )


@kernel
def _take_residual(trial, y, x, side, predicted):  # type: ignore[no-untyped-def]
    """Fill `residual` with what a prediction leaves of a block; beyond the ends of the slice nothing is left.

    Parameters
    ----------
    trial : `Trial`
    y, x, side : the block
    predicted : float64 (LARGEST, LARGEST)
    """
    height, width = trial.picture.shape
    for row in range(side):
        for column in range(side):
            inside = y + row < height and x + column < width
            trial.residual[row, at(column)] = (
                trial.picture[y + row, at(x + column)] - predicted[row, at(column)] if inside else 0.0
            )


@kernel
def _roughness(block, side):  # type: ignore[no-untyped-def]
    """Sum of the magnitudes of Hadamard transforms of 4 x 4 samples, whose functions have length one.

    Parameters
    ----------
    block : float64 (LARGEST, LARGEST), used up
    side : of the block
    """
    total = 0.0
    for y in range(0, side, 4):
        for x in range(side):
            a, b, c_, d = block[y, at(x)], block[y + 1, at(x)], block[y + 2, at(x)], block[y + 3, at(x)]
            e, f, g, h = a + c_, b + d, a - c_, b - d
            block[y, at(x)], block[y + 1, at(x)], block[y + 2, at(x)], block[y + 3, at(x)] = e + f, e - f, g + h, g - h
    for y in range(side):
        for x in range(0, side, 4):
            a, b, c_, d = block[y, at(x)], block[y, at(x + 1)], block[y, at(x + 2)], block[y, at(x + 3)]
            e, f, g, h = a + c_, b + d, a - c_, b - d
            total += abs(e + f) + abs(e - f) + abs(g + h) + abs(g - h)
    return 0.25 * total


@kernel
def _mode_bits(slice_, y, x, mode, costs, found):  # type: ignore[no-untyped-def]
    """Guessed bits of a mode.

    Parameters
    ----------
    slice_ : `layout.Slice`
    y, x : the block
    mode : of it
    costs : `Costs`
    found : int64 (CANDIDATES,), its candidates
    """
    total = 0.0
    if slice_.kind != ALONE:
        total += bits(costs.across[across_class(slice_, y, x)], mode == ACROSS)
        if mode == ACROSS:
            return total
    for k in range(CANDIDATES):
        total += bits(costs.candidates[k], found[k] == mode)
        if found[k] == mode:
            return total
    return total + REST_BITS


@kernel
def _look_at(slice_, y, x, size, mode, trial, rooms):  # type: ignore[no-untyped-def]
    """Find how rough a mode leaves a block, and add what its bits are worth, unless that is known.

    Parameters
    ----------
    slice_ : `layout.Slice`
    y, x, size : the block
    mode : FIRST_ANGLE or above, PLANAR or MEAN
    trial : `Trial`
    rooms : `walk.Rooms`
    """
    if trial.rough[mode] < UNTRIED:
        return
    side = UNIT << size
    predict_block(slice_, y, x, size, mode, rooms)
    _take_residual(trial, y, x, side, rooms.predicted)
    worth = np.sqrt(trial.price) * _mode_bits(slice_, y, x, mode, trial.costs, rooms.modes)
    trial.rough[mode] = _roughness(trial.residual, side) / slice_.step + worth


@kernel
def _smoothest(rough, first):  # type: ignore[no-untyped-def]
    """The mode below ACROSS, from a `first` one on, that leaves a block the least rough."""
    best = first
    for mode in range(first, ACROSS):
        if rough[mode] < rough[best]:
            best = np.int64(mode)
    return best


@kernel
def _look_at_modes(slice_, y, x, size, trial, rooms):  # type: ignore[no-untyped-def]
    """Fill `rough` for the modes that may suit a block.

    Parameters
    ----------
    slice_, y, x, size, trial, rooms : as for `_look_at`
    """
    for mode in range(MODES):
        trial.rough[mode] = UNTRIED
    for mode in range(FIRST_ANGLE):
        _look_at(slice_, y, x, size, np.int64(mode), trial, rooms)
    for mode in range(FIRST_ANGLE, ACROSS, 2):
        _look_at(slice_, y, x, size, np.int64(mode), trial, rooms)
    for k in range(3):
        _look_at(slice_, y, x, size, rooms.modes[k], trial, rooms)
    for _ in range(2):
        best = _smoothest(trial.rough, np.int64(FIRST_ANGLE))
        _look_at(slice_, y, x, size, max(best - 1, np.int64(FIRST_ANGLE)), trial, rooms)
        _look_at(slice_, y, x, size, min(best + 1, np.int64(ACROSS - 1)), trial, rooms)


@kernel
def _try(slice_, y, x, size, mode, trial, rooms):  # type: ignore[no-untyped-def]
    """Code a block by a mode and keep that if it costs less than the best one so far.

    Parameters
    ----------
    slice_, y, x, size, trial, rooms : as for `_look_at`
    mode : to try
    """
    side, kind = UNIT << size, kind_of(size, mode)
    predict_block(slice_, y, x, size, mode, rooms)
    _take_residual(trial, y, x, side, rooms.predicted)
    analyse(trial.residual, size, rooms.half, rooms.coefficients)
    cost, last = choose_indices(slice_, y, x, size, kind, rooms.coefficients, trial.costs, trial.price, trial.diagonals)
    cost += trial.price * _mode_bits(slice_, y, x, mode, trial.costs, rooms.modes)
    if cost >= trial.own[size]:
        return
    trial.own[size], trial.modes[size], trial.lasts[size] = cost, mode, last
    rebuild(slice_, y, x, size, last, rooms)
    for row in range(side):
        for column in range(side):
            trial.rebuilt[size, row, at(column)] = rooms.rebuilt[row, at(column)]
            trial.indices[size, row, at(column)] = slice_.indices[y + row, at(x + column)]


@kernel
def _choose_whole(slice_, y, x, size, trial, rooms):  # type: ignore[no-untyped-def]
    """Find how to code a block that is not split.

    Parameters
    ----------
    slice_, y, x, size, trial, rooms : as for `_look_at`
    """
    trial.own[size] = UNTRIED
    look_around(slice_, y, x, size, rooms)
    candidates(slice_, y, x, rooms.modes)
    if slice_.kind != ALONE:
        _try(slice_, y, x, size, np.int64(ACROSS), trial, rooms)
        if trial.lasts[size] == 0 and trial.own[size] < ENOUGH * (UNIT << size) * (UNIT << size):
            return
    _look_at_modes(slice_, y, x, size, trial, rooms)
    for _ in range(TRIES):
        best = _smoothest(trial.rough, np.int64(0))
        trial.rough[best] = UNTRIED
        _try(slice_, y, x, size, best, trial, rooms)


@kernel
def _keep_whole(slice_, y, x, size, trial, rooms):  # type: ignore[no-untyped-def]
    """Take the best way to code a block that is not split.

    Parameters
    ----------
    slice_, y, x, size, trial, rooms : as for `_look_at`
    """
    side = UNIT << size
    for row in range(side):
        for column in range(side):
            rooms.rebuilt[row, at(column)] = trial.rebuilt[size, row, at(column)]
            slice_.indices[y + row, at(x + column)] = trial.indices[size, row, at(column)]
    take(slice_, y, x, size, trial.modes[size], trial.lasts[size], rooms)


@kernel
def _choose_tree(slice_, top, left, trial, rooms):  # type: ignore[no-untyped-def]
    """Choose how a block of the largest size is split, and how its parts are coded.

    Parameters
    ----------
    slice_ : `layout.Slice`, filled
    top, left : of the block
    trial : `Trial`
    rooms : `walk.Rooms`
    """
    size, largest = SIZES - 1, SIZES - 1
    trial.tops[size], trial.lefts[size], trial.stages[size] = top, left, -1
    while size <= largest:
        y, x = trial.tops[size], trial.lefts[size]
        if trial.stages[size] < 0:
            _choose_whole(slice_, y, x, size, trial, rooms)
            trial.stages[size], trial.sums[size] = 4, UNTRIED
            if size > 0:
                counter, enough = trial.costs.splits[size, split_class(slice_, y, x, size)], ENOUGH * (UNIT << (2 * size + 2))
                trial.own[size] += trial.price * bits(counter, 0)
                if trial.lasts[size] > 0 or trial.own[size] >= enough:
                    trial.stages[size], trial.sums[size] = 0, trial.price * bits(counter, 1)
        if trial.stages[size] < 4 and trial.sums[size] < trial.own[size]:
            half, quarter = UNIT << (size - 1), trial.stages[size]
            trial.stages[size] += 1
            size -= 1
            trial.tops[size], trial.lefts[size], trial.stages[size] = y + half * (quarter >> 1), x + half * (quarter & 1), -1
            continue
        if trial.sums[size] >= trial.own[size]:
            _keep_whole(slice_, y, x, size, trial, rooms)
        cost = min(trial.sums[size], trial.own[size])
        size += 1
        if size <= largest:
            trial.sums[size] += cost


@kernel
def _choose_slice(slice_, trial, rooms):  # type: ignore[no-untyped-def]
    """Choose how the blocks of a slice are coded, in turn; the costs learn from each tree.

    Parameters
    ----------
    slice_, trial, rooms : as for `_look_at`
    """
    for top in range(0, slice_.samples.shape[0], LARGEST):
        for left in range(0, slice_.samples.shape[1], LARGEST):
            _choose_tree(slice_, top, left, trial, rooms)
            learn_tree(slice_, top, left, trial.costs, rooms.modes)


class Search:
    """Codes the slices of a volume of whole blocks in turn, with a `step` of the blocks; what lies beyond its `ends` is free."""

    def __init__(self, volume: NDArray[np.float64], ends: tuple[int, ...], step: float) -> None:
        self._volume, self._ends, self._step = volume, ends, step
        self._coding = Coding.begin(b"", volume.size * MOST_BYTES + ROOM)
        self._costs, self._rooms, self._price = Costs.first(), Rooms.new(), Price(volume, step)
        self.fields: list[Cells] = []

    def cells(self, turn: Turn, known: dict[int, Plane]) -> Cells:
        """Field of a slice, found by what others are decoded to."""
        step = self._step * turn.step
        after = self._quarters(known[turn.after], step) if turn.kind == FROM_BOTH else None
        before = self._quarters(known[turn.before], step)
        found = search_slice(self._volume[turn.number], before, after, SIDE_OF_FIELDS, step)
        self.fields.append(found)
        return found

    def code(self, one: Slice, turn: Turn) -> None:
        """Code a slice and fill it with what it decodes to."""
        picture = np.ascontiguousarray(self._volume[turn.number, : self._ends[0], : self._ends[1]])
        trial = Trial.of(picture, self._costs, self._price.of(turn))
        _choose_slice(one, trial, self._rooms)
        code_slice(one, self._coding, self._rooms, False)
        self._price.learn(one)

    @property
    def length(self) -> int:
        """Bytes of the stream so far, about."""
        return int(self._coding.coder[POSITION])

    def finish(self) -> bytes:
        """The stream."""
        return finish(self._coding.coder, self._coding.data)

    @staticmethod
    def _quarters(plane: Plane, step: float) -> Levels:
        return quarter_planes(plane, step / UNITS)
