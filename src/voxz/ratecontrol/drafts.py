"""What steps will cost the bricks of a volume: forecasts by drafts of the fast profile of wavelets.

A draft is made once; a forecast then takes some 3 to 25 nanoseconds a sample. Where the fast profile codes the file too, it codes
the drafts. On thirteen volumes, at 38 to 56 dB and levels 1 and 3, bits were 1.3 % off in the standard deviation, and squared
errors before samples are rounded 0.13 dB, once what is typical of a rate is added: the wavelets are not orthogonal.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxz.codecs import registry
from voxz.codecs.wavelet.fast.draft import Draft
from voxz.codecs.wavelet.levels import FAST_STATES
from voxz.threads import map_ordered

BITS = 0.997
"""What bits are of a forecast."""

DB, DB_DOUBLED = 0.32, -0.05
"""By how much squared errors are above a forecast at 1 bit a sample, and what each doubling of the bits adds, in dB."""

BESIDE = 100
"""Other bytes of a brick."""

LEAST_BITS = 0.01
"""Bits a sample that are reckoned with at least."""

SCOUT = 3
"""Level whose fast profile stands for those that have none."""

ROUNDED = 4.0
"""Variance from which on rounding adds 1/12; below, it may take away all of an error."""


@dataclass(frozen=True)
class Drafts:
    """Drafts of some bricks."""

    drafts: tuple[Draft, ...]
    threads: int

    @classmethod
    def of(cls, bricks: Sequence[NDArray[np.generic]], step: float, threads: int) -> "Drafts | None":
        """Drafts for about this `step`; None where the fast profile does not suit all bricks."""
        samples = sum(brick.size for brick in bricks)
        found = list(map_ordered(lambda brick: registry.draft_brick(brick, step), bricks, threads, samples))
        drafts = tuple(draft for draft in found if draft is not None)
        return cls(drafts, threads) if drafts and len(drafts) == len(found) else None

    def forecast(self, step: float, level: int, *, rough: bool = False) -> tuple[list[float], list[float]]:
        """Bytes and squared errors of each brick, coded with a `step` at a level, or at SCOUT where that has no fast profile."""
        states = FAST_STATES.get(level, FAST_STATES[SCOUT])
        samples = sum(draft.components.size for draft in self.drafts)
        pairs = list(map_ordered(lambda draft: _expected(draft, step, states, rough), self.drafts, self.threads, samples))
        return [length for length, _ in pairs], [squares for _, squares in pairs]


def _expected(draft: Draft, step: float, states: int, rough: bool) -> tuple[float, float]:
    """Bytes and squared errors of a brick."""
    found = draft.forecast(step, states, rough=rough)
    bits = BITS * (sum(found.bits.values()) + found.beside)
    above = DB + DB_DOUBLED * math.log2(max(bits / draft.coded, LEAST_BITS))
    mean = found.squares * 10 ** (above / 10) / draft.coded
    whole = draft.prepared.series.dtype.kind in "iu"
    return bits / 8 + len(draft.front) + BESIDE, (rounded(mean) if whole else mean) * draft.coded


def rounded(variance: float) -> float:
    """Mean square of normal errors of a `variance` once they are rounded to whole numbers."""
    if variance >= ROUNDED:
        return variance + 1 / 12
    if variance <= 0:
        return 0.0
    bound = math.sqrt(2 * variance)
    return sum((2 * k - 1) * math.erfc((k - 0.5) / bound) for k in range(1, 16))
