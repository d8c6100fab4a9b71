"""Bits that decisions about blocks are guessed to take, in the encoder only: by one counter each, in fewer contexts."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet.blocks.contexts import AROUND, CANDIDATES, CLASSES, DEPTH, KINDS, PLACES_OF_FREQUENCY
from voxz.codecs.wavelet.blocks.layout import SIZES
from voxz.entropy.logistic import PROBABILITY_BITS
from voxz.entropy.mixing import COUNT_BITS, learnt
from voxz.jit import at, inlined_kernel

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
