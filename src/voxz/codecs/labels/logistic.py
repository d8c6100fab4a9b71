"""Integer tables between probabilities and the logistic domain, where predictions are mixed.

``squash(t) = 1 / (1 + exp(-t / 256))`` in 1/65536 for whole t from -LIMIT to LIMIT, `stretch` is its inverse for
probabilities in 1/4096. Both come from whole-number arithmetic of any length, so they are the same on every machine.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

UNIT_BITS = 8
LIMIT = 3071
FLOOR = 16
"""Probabilities stay between FLOOR and 65536 - FLOOR."""

_FRACTION_BITS = 256


def _powers(count: int) -> list[int]:
    """Powers ``exp(k / 256)`` for k = 0 .. count, with _FRACTION_BITS fraction bits."""
    one = 1 << _FRACTION_BITS
    step = term = one
    for n in range(1, 40):
        term //= n << UNIT_BITS
        step += term
    powers = [one]
    for _ in range(count):
        powers.append(powers[-1] * step >> _FRACTION_BITS)
    return powers


@cache
def tables() -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Tables ``squash[t + LIMIT]`` and ``stretch[p]``, p in 1/4096; read-only."""
    one = 1 << _FRACTION_BITS
    upper = [(65536 * power // (one + power)) for power in _powers(LIMIT)]
    whole = [65536 - p for p in upper[:0:-1]] + upper
    squash = np.clip(np.array(whole, np.int32), FLOOR, 65536 - FLOOR).astype(np.int32)
    middles = np.arange(4096) * 16 + 8
    stretch = (np.searchsorted(np.array(whole), middles, side="right") - 1 - LIMIT).astype(np.int32)
    squash.flags.writeable = stretch.flags.writeable = False
    return squash, stretch
