"""What a step will cost, scouted with the fast profile of the wavelet codec.

That profile codes a volume in a tenth of the time of higher levels, and comes near them: at the same step, level 5 took 0.91 to
0.99 of its bits on ten volumes at 0.2 to 3.8 bits, and had 0.1 to 1.3 dB less error. What is left of the difference is the mean
of what is typical of the level, and of what small parts show that are coded both ways: each alone is off by up to 0.3 dB, the
mean by 0.09 dB in the standard deviation.
"""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

from voxz.codecs.wavelet.options import Wavelet
from voxz.pipeline.plan import Plan
from voxz.ratecontrol.goals import BitsGoal, PsnrGoal, Result
from voxz.ratecontrol.secant import find_step
from voxz.ratecontrol.step_search import Trial, bracket_of

LEVEL = 3
"""Level that scouts. For it and lower ones scouting would cost as much as coding: they begin with what parts show."""

NEAR_DB, NEAR_BITS = 0.5, 0.2
"""How near scouts come to a PSNR, in dB, and to a rate, as a share; from there on slopes do."""

LEAST_BITS = 0.01
"""Bits a sample that are reckoned with at least."""

APART = 0.25
"""Doublings between the steps of the parts from which slopes are taken, where the whole is scouted once."""


class Typical(NamedTuple):
    """How a level compares with the scout at the same step.

    Attributes
    ----------
    bits : its share of the bits
    db, db_doubled : of squared error to the scout's, at 1 bit a sample, and what each doubling of the bits adds
    """

    bits: float
    db: float
    db_doubled: float


TYPICAL = {4: Typical(0.96, -0.53, 0.18), 6: Typical(1.01, -1.15, 0.4)}
"""By the level from which on it holds."""


@dataclass(frozen=True)
class Scouted:
    """A volume and small parts of it, coded by a scout with one step.

    Attributes
    ----------
    plan : of the scout
    log_step : logarithm of the step to base 2
    whole, parts : results; levels that need no scout know of parts only
    bits_slope, squares_slope : doublings of bits, and of squared errors, for a doubling of the step
    """

    plan: Plan
    log_step: float
    whole: Result
    parts: Result
    bits_slope: float
    squares_slope: float

    @classmethod
    def of(cls, trial: Trial, probe: Trial, plan: Plan, goal: PsnrGoal | BitsGoal, guess: float) -> "Scouted":
        """Scout near a `goal` that a volume is to meet as coded by a `plan`; parts first, from a `guess` of the step on."""
        typical = typical_of(plan)
        loose = _loose(goal, typical)
        plan = replace(plan, level=min(plan.level, LEVEL), codec=Wavelet())
        there, parts = probe.approach(plan, loose, guess)
        if typical is None:
            return cls(plan, there, parts, parts, BitsGoal.slope, PsnrGoal.slope)
        beside, sized = probe.stepped(plan, there + APART), isinstance(goal, BitsGoal)
        bits = _slope(parts.bits, beside.bits, APART, BitsGoal.slope)
        squares = _slope(_squares(parts), _squares(beside), APART, PsnrGoal.slope)
        loose = replace(loose, slope=bits if sized else squares)
        tried: list[tuple[float, Result]] = []

        def attempt(log_step: float) -> Result:
            tried.append((log_step, trial.stepped(plan, log_step, goal.blind)))
            return tried[-1][1]

        log_step, whole = find_step(attempt, loose, there, bracket_of(trial.peak))
        if len(tried) > 1:
            (one, first), (other, second) = tried[-2:]
            slope = _slope(goal.total(first), goal.total(second), other - one, loose.slope)
            bits, squares = (slope, squares) if sized else (bits, slope)
        if log_step != there:
            parts = probe.stepped(plan, log_step)
        return cls(plan, log_step, whole, parts, bits, squares)

    def slope(self, goal: PsnrGoal | BitsGoal) -> float:
        """Slope of what a goal is about."""
        return self.bits_slope if isinstance(goal, BitsGoal) else self.squares_slope

    def foreseen(self, goal: PsnrGoal | BitsGoal, plan: Plan, log_step: float, parts: Result) -> float:
        """Logarithm of the step at which the whole will meet a `goal` with a `plan`, whose parts were coded with one near it."""
        typical = typical_of(plan) if isinstance(plan.codec, Wavelet) else None
        if isinstance(goal, BitsGoal):
            share = _ratio(parts.bits, self.parts.bits)
        else:
            share = _ratio(_squares(parts), _squares(self.parts))
        if typical is not None:
            db = typical.db + typical.db_doubled * math.log2(max(self.whole.bits, LEAST_BITS))
            share = math.sqrt(share * (typical.bits if isinstance(goal, BitsGoal) else 10 ** (db / 10)))
        _, wanted, _ = goal.wanted(self.whole)
        total = goal.total(self.whole) * share
        return log_step + (math.log2(wanted / total) / self.slope(goal) if wanted > 0 and total > 0 else 0.0)

    def lengths(self, goal: PsnrGoal | BitsGoal, plan: Plan) -> tuple[float, ...]:
        """Bytes that each brick of the whole should take for a size, in the ratio of what the scout took; none where steps do."""
        steered = isinstance(plan.codec, Wavelet) and math.isinf(plan.fidelity.bound) and typical_of(plan) is not None
        if not isinstance(goal, BitsGoal) or not steered:
            return ()
        found = [len(brick.payload) for brick in self.whole.coded]
        _, wanted, _ = goal.wanted(self.whole)
        share = max(0.0, 1 + (wanted - self.whole.length) / max(1, sum(found)))
        return tuple(length * share for length in found)


def typical_of(plan: Plan) -> Typical | None:
    """How a plan's level compares with its scout; None where it is the scout's."""
    return next((TYPICAL[level] for level in sorted(TYPICAL, reverse=True) if plan.level >= level), None)


def _loose(goal: PsnrGoal | BitsGoal, typical: Typical | None) -> PsnrGoal | BitsGoal:
    """What the scout heads for, so that a level meets a goal with about the same step."""
    if isinstance(goal, BitsGoal):
        return BitsGoal(goal.bits / (typical.bits if typical else 1.0), NEAR_BITS)
    db = goal.db + (typical.db if typical else 0.0)
    return PsnrGoal(db - NEAR_DB, 2 * NEAR_DB, strict=False)


def _squares(result: Result) -> float:
    """Mean squared error."""
    return result.tally.mean_square


def _slope(here: float, beside: float, apart: float, usual: float) -> float:
    """Doublings of a total for a doubling of the step, from totals whose steps are so far apart; near what is `usual`."""
    measured = math.log2(beside / here) / apart if here > 0 and beside > 0 and apart else usual
    return min(max(measured / usual, 0.25), 4.0) * usual


def _ratio(one: float, other: float) -> float:
    """How one total compares with another; 1 where nothing is known."""
    return min(max(one / other, 0.1), 10.0) if one > 0 and other > 0 else 1.0
