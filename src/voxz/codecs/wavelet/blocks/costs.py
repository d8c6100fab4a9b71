"""Bits that decisions about blocks are guessed to take, in the encoder only: by one counter each, in fewer contexts."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet.blocks.contexts import (
    AROUND,
    CANDIDATES,
    CLASSES,
    DEPTH,
    KINDS,
    PLACES_OF_FREQUENCY,
    around_class,
    kind_of,
    magnitude_of,
    place_of,
    sums_around,
)
from voxz.codecs.wavelet.blocks.layout import ACROSS, ALONE, LARGEST, SIZES, UNIT
from voxz.codecs.wavelet.blocks.leaf_code import LONGEST, across_class, bits_of, candidates, split_class
from voxz.entropy.logistic import PROBABILITY_BITS
from voxz.entropy.mixing import COUNT_BITS, learnt
from voxz.jit import at, inlined_kernel, kernel

BITS = -np.log2((np.arange(1 << PROBABILITY_BITS) + 0.5) / (1 << PROBABILITY_BITS))
"""Bits of a decision by its chance."""

REST_BITS = 4.8
"""Of a mode that is no candidate."""

PREFIXES = 8
"""First bits of a number of diagonals that are told apart; others take a bit each."""

_SHIFT = 16 + COUNT_BITS - PROBABILITY_BITS


class Costs(NamedTuple):
    """Counters, chance in 1/65536 and how often it was asked in one number, of decisions.

    Attributes
    ----------
    sizes : int32 (KINDS, PLACES_OF_FREQUENCY, AROUND, DEPTH), is the magnitude of an index larger
    lasts : int32 (KINDS, CLASSES), are more bits needed for the number of diagonals
    lows : int32 (KINDS, CLASSES, PREFIXES), its bits
    splits : int32 (SIZES, 9)
    across : int32 (9,)
    candidates : int32 (CANDIDATES,)
    """

    sizes: NDArray[np.int32]
    lasts: NDArray[np.int32]
    lows: NDArray[np.int32]
    splits: NDArray[np.int32]
    across: NDArray[np.int32]
    candidates: NDArray[np.int32]

    @classmethod
    def first(cls) -> "Costs":
        """Before anything was coded."""
        around = np.arange(AROUND)[:, None]
        larger = np.where(np.arange(DEPTH) == 0, np.minimum(0.06 + 0.08 * around, 0.8), 0.25 + 0.03 * around)
        sizes = np.broadcast_to(larger, (KINDS, PLACES_OF_FREQUENCY, AROUND, DEPTH))
        shapes = (KINDS, CLASSES), (KINDS, CLASSES, PREFIXES), (SIZES, 9), (9,), (CANDIDATES,)
        return cls(_counters(sizes), *(_counters(np.full(shape, 0.5)) for shape in shapes))


def _counters(chances: NDArray[np.float64]) -> NDArray[np.int32]:
    return (np.rint(chances * 65536).astype(np.int32) << COUNT_BITS) + 1


@inlined_kernel
def bits(counter, bit):  # type: ignore[no-untyped-def]
    """Bits of a decision.

    Parameters
    ----------
    counter : of it
    bit : 0 or 1
    """
    chance = np.int64(counter) >> _SHIFT
    return BITS[at(chance if bit else (1 << PROBABILITY_BITS) - 1 - chance)]


@inlined_kernel
def count(counters, place, bit):  # type: ignore[no-untyped-def]
    """Let a counter learn.

    Parameters
    ----------
    counters : int32, in one dimension, changed
    place : of the counter
    bit : 0 or 1
    """
    counters[place] = learnt(np.int64(counters[place]), np.int64(bit))


@kernel
def _learn_block(slice_, y, x, size, costs, found):  # type: ignore[no-untyped-def]
    """Let the costs learn from a block.

    Parameters
    ----------
    slice_ : `layout.Slice`
    y, x, size : the block
    costs : `Costs`, changed
    found : int64 (CANDIDATES,), room
    """
    i, j, side = y // UNIT, x // UNIT, UNIT << size
    mode, last = np.int64(slice_.modes[i, j]), np.int64(slice_.lasts[i, j])
    kind, length = kind_of(size, mode), bits_of(last)
    if slice_.kind != ALONE:
        count(costs.across, across_class(slice_, y, x), mode == ACROSS)
    if mode != ACROSS:
        candidates(slice_, y, x, found)
        for k in range(CANDIDATES):
            count(costs.candidates, k, found[k] == mode)
            if found[k] == mode:
                break
    for k in range(min(length + 1, CLASSES - 1)):
        count(costs.lasts[kind], k, k < length)
    prefix = np.int64(1)
    for k in range(length - 2, -1, -1):
        if prefix < PREFIXES:
            count(costs.lows[kind, length], prefix, (last >> k) & 1)
        prefix = 2 * prefix + ((last >> k) & 1)
    for row in range(min(side, last)):
        for column in range(min(side, last - row)):
            near, far = sums_around(slice_.indices, y, x, row, column, side)
            counters = costs.sizes[kind, place_of(row, column, side), around_class(near + far)]
            magnitude = magnitude_of(slice_.indices[y + row, x + column], LONGEST)
            for k in range(LONGEST):
                if k > magnitude:
                    break
                count(counters, min(k, DEPTH - 1), magnitude > k)


@kernel
def learn_tree(slice_, top, left, costs, found):  # type: ignore[no-untyped-def]
    """Let the costs learn from a block of the largest size and all that it is split into.

    Parameters
    ----------
    slice_, costs, found : as for `_learn_block`
    top, left : of the block
    """
    for y in range(top, top + LARGEST, UNIT):
        for x in range(left, left + LARGEST, UNIT):
            size = np.int64(slice_.sizes[y // UNIT, x // UNIT])
            inside = (UNIT << size) - 1
            if (y | x) & inside == 0:
                _learn_block(slice_, y, x, size, costs, found)
            for larger in range(1, SIZES):
                if (y | x) & ((UNIT << larger) - 1) == 0 and larger >= size:
                    count(costs.splits[larger], split_class(slice_, y, x, larger), size < larger)
