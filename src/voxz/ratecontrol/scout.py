"""What a step will cost, before a file is coded: forecasts by drafts of the volume, and parts of it that are coded.

Drafts of the fast profile (`drafts`) foresee what that takes. Levels that have none come near it: at the same step, level 5
took 0.91 to 0.99 of its bits on ten volumes at 0.2 to 3.8 bits, and had 0.1 to 1.3 dB less error. What is left of the difference
is the mean of what is typical of the level, and of what small parts show that are coded both ways: each alone is off by up to
0.3 dB, the mean by 0.09 dB in the standard deviation. Parts alone say how prediction compares with wavelets.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from voxz.codecs.wavelet.levels import FAST_STATES
from voxz.codecs.wavelet.options import Wavelet
from voxz.pipeline.plan import Plan
from voxz.ratecontrol.drafts import LEAST_BITS, SCOUT
from voxz.ratecontrol.goals import BitsGoal, Measured, PsnrGoal, Result
from voxz.ratecontrol.step_search import Trial, doublings

NEAR_DB, NEAR_BITS = 0.05, 0.01
"""How near guesses are brought to a PSNR, in dB, and to a rate, as a share."""

PARTS_DB, PARTS_BITS = 0.5, 0.2
"""The same for parts, where there are no forecasts."""


class Typical(NamedTuple):
    """How a level compares with the fast profile at the same step.

    Attributes
    ----------
    bits : its share of the bits
    db, db_doubled : of squared error to the fast profile's, at 1 bit a sample, and what each doubling of the bits adds
    """

    bits: float
    db: float
    db_doubled: float


TYPICAL = {1: Typical(1.0, 0.0, 0.0), 4: Typical(0.96, -0.53, 0.18), 6: Typical(1.01, -1.15, 0.4)}
"""By the level from which on it holds: those below 4 are the fast profile's own."""


@dataclass(frozen=True)
class Scouted:
    """What is known of a volume before it is coded.

    Attributes
    ----------
    trial : the volume, with drafts if it suits them
    probe : parts of it, likewise
    plan : of the fast profile
    log_step : logarithm to base 2 of a step with which it about meets what a level will meet a goal with
    whole : what that step will cost; parts, without drafts
    lengths : bytes of each brick; none without drafts
    slope : doublings of what the goal is about for a doubling of the step
    """

    trial: Trial
    probe: Trial
    plan: Plan
    log_step: float
    whole: Measured
    lengths: Sequence[float]
    slope: float

    @classmethod
    def of(cls, trial: Trial, plan: Plan, goal: PsnrGoal | BitsGoal, guess: float) -> "Scouted":
        """Foresee what meets a `goal` as coded by a `plan`, from a `guess` of the logarithm of the step on: parts first."""
        fast = replace(plan, level=plan.level if plan.level in FAST_STATES else SCOUT, codec=Wavelet())
        probe, aimed = trial.probe().drafted(guess), _loose(goal, plan, NEAR_DB, NEAR_BITS)
        drafted = trial
        if probe.drafts is not None:
            guess = probe.guessed(fast, aimed, guess)
            drafted = trial.drafted(guess)
        if drafted.drafts is None:
            step, parts = probe.approach(fast, _loose(goal, plan, PARTS_DB, PARTS_BITS), guess)
            return cls(trial, probe, fast, step, parts, (), goal.slope)
        measured = plan.level in FAST_STATES and isinstance(goal, PsnrGoal)
        step, whole, slope = drafted.foresee(fast, aimed, guess, measured)
        return cls(drafted, probe, fast, step, whole, whole.lengths, slope)

    @property
    def bits(self) -> float:
        """Bits a sample, with the step."""
        return 8 * self.whole.length / max(1, self.whole.samples)

    def density(self) -> float:
        """Bits a sample of the parts, with the step."""
        if self.probe.drafts is None:
            return self.probe.stepped(self.plan, self.log_step).bits
        return self.probe.guess(self.plan, self.log_step).bits

    def foreseen(self, goal: PsnrGoal | BitsGoal, plan: Plan, log_step: float, own: Result, fast: Result) -> float:
        """Logarithm of the step at which a volume will meet a `goal` with a `plan`.

        Its own parts were coded with a step near that; those of the fast profile with what it was scouted with.
        """
        sized = isinstance(goal, BitsGoal)
        share = _ratio(own.bits, fast.bits) if sized else _ratio(own.tally.mean_square, fast.tally.mean_square)
        if isinstance(plan.codec, Wavelet):
            typical = typical_of(plan)
            db = typical.db + typical.db_doubled * math.log2(max(self.bits, LEAST_BITS))
            share = math.sqrt(share * (typical.bits if sized else 10 ** (db / 10)))
        return log_step + self.missing(goal, share)

    def missing(self, goal: PsnrGoal | BitsGoal, share: float = 1.0) -> float:
        """How much coarser the step has to be for a total to meet a `goal`, if it is a `share` of what is foreseen."""
        return doublings(goal.wanted(self.whole)[1], share * goal.total(self.whole), goal.slope)

    def shares(self, goal: PsnrGoal | BitsGoal, plan: Plan) -> tuple[float, ...]:
        """Bytes that each brick should take for a size, in the ratio of what is foreseen; none where only steps count."""
        steered = isinstance(plan.codec, Wavelet) and math.isinf(plan.fidelity.bound) and plan != self.plan
        if not isinstance(goal, BitsGoal) or not steered or not self.lengths:
            return ()
        _, wanted, _ = goal.wanted(self.whole)
        share = max(0.0, 1 + (wanted - self.whole.length) / max(1, sum(self.lengths)))
        return tuple(length * share for length in self.lengths)


def typical_of(plan: Plan) -> Typical:
    """How a plan's level compares with the fast profile."""
    return TYPICAL[max(level for level in TYPICAL if level <= plan.level)]


def _loose(goal: PsnrGoal | BitsGoal, plan: Plan, db: float, bits: float) -> PsnrGoal | BitsGoal:
    """What the fast profile heads for, so that a level meets a goal with about the same step; near enough within these."""
    typical = typical_of(plan)
    if isinstance(goal, BitsGoal):
        return BitsGoal(goal.bits / typical.bits, bits)
    aimed = 0.0 if goal.aimed is None else goal.aimed
    return PsnrGoal(goal.db + typical.db + aimed - db, 2 * db, strict=False)


def _ratio(one: float, other: float) -> float:
    """How one total compares with another; 1 where nothing is known."""
    return min(max(one / other, 0.1), 10.0) if one > 0 and other > 0 else 1.0
