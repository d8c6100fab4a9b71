"""The engine of a lossy file, prediction or wavelets, chosen by coding small parts of the volume with both.

Prediction is ahead at high rates and where the image has sharp edges, wavelets at low rates. What is compared are the bytes for
equal quality: both are brought to the same PSNR, and what is left of the difference is turned into bits.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from voxz.codecs.codec import Codec, Floats, Predictive
from voxz.codecs.wavelet.levels import FAST_STATES
from voxz.codecs.wavelet.options import Wavelet
from voxz.pipeline.plan import Plan
from voxz.ratecontrol.goals import BitsGoal, PsnrGoal, Result
from voxz.ratecontrol.scout import Scouted
from voxz.ratecontrol.step_search import LONG, Trial

STEP_OF_RMSE = {"wavelet": 3.9, "predictive": 3.3, "floats": 3.3}
"""First guess of an engine's step, as a multiple of the root mean square error."""

USUAL_DB = 50.0
"""PSNR from which scouts start where a size is asked."""

ROUNDS = 3

NEAR_DB = 0.75
"""How near the parts are brought to a PSNR, in dB on either side; the rest is reckoned."""

DB_PER_BIT = 6.5

AIMED_BELOW, AIMED_ABOVE, MEASURED_ABOVE, FAINT_BITS = 0.03, 0.07, 0.05, 1.0
"""dB below what is asked that a first coding with wavelets heads for in long volumes: what is missing is made up by corrections
(`step_search`). Below so many bits per sample corrections take too much, and it heads for so much above; for the middle of what
is near enough where errors were measured (`error_gain`)."""

PARTS_OF_WAVELETS = 1.06
"""How much more small parts cost with wavelets than with prediction, each compared with a whole: the mean over levels 1, 3, 5
and two rates of a T1, a CT, a FIB-SEM and a PET; 1.15 near 1 bit a sample, 1.05 above 2."""

MOST_FEWER = 0.5
"""Doublings by which bits become fewer with prediction, for a doubling of the step, at most: PET at 0.8 and 1 bit."""

MOST_BITS_CORRECTED = 0.6
"""Bits per sample within a bound, by prediction, from which on wavelets with corrections are never ahead."""

FEWEST_BITS = 2.0
"""Bits per sample of the parts, by wavelets, below which prediction is not tried: there fifteen scans took 1.04 to 6 times as
many bits with it at level 3, eight took 1.07 to 2.8 times at level 5; above, 0.95 to 1.11 and 0.99 to 1.23."""


def engines_for(dtype: np.dtype[Any]) -> tuple[Codec, ...]:
    """The codecs that may code samples of this type with loss, the first one first."""
    return (Wavelet(), Predictive() if dtype.kind in "iu" else Floats())


@dataclass(frozen=True)
class Outset:
    """What a search begins with.

    Attributes
    ----------
    trial : the volume, with drafts where the engine codes these
    plan : with the engine
    goal : with what it heads for, and with its slope
    log_step : guess of the logarithm of its step to base 2
    lengths : bytes of the bricks that meet a size; none for other goals
    """

    trial: Trial
    plan: Plan
    goal: PsnrGoal | BitsGoal
    log_step: float
    lengths: tuple[float, ...]


def choose_engine(trial: Trial, plan: Plan, dtype: np.dtype[Any], goal: PsnrGoal | BitsGoal) -> Outset:
    """The engine whose parts are smaller, and where the search for its step begins.

    The parts are coded as the whole has to be to meet the `goal`. An engine that the plan names stays.
    """
    engines = engines_for(dtype) if plan.codec is None else (plan.codec,)
    plans = [replace(plan, codec=codec) for codec in engines]
    db = goal.db if isinstance(goal, PsnrGoal) else USUAL_DB
    scouted = Scouted.of(trial, plan, goal, math.log2(_first_step(None, trial.peak, db)))
    probe, wavelets = replace(scouted.probe, drafts=None), isinstance(plans[0].codec, Wavelet)
    if wavelets and len(plans) > 1 and scouted.density() < FEWEST_BITS:
        plans = plans[:1]
    goal = replace(goal, slope=scouted.slope)
    if plans == [scouted.plan] and scouted.lengths:
        return _drafted(scouted, goal)
    fast = probe.stepped(scouted.plan, scouted.log_step)
    found: list[tuple[float, Result]] = []
    if wavelets:
        own = fast if plans[0] == scouted.plan else probe.stepped(plans[0], scouted.log_step)
        found = [(scouted.log_step, own)]
        if not math.isfinite(own.psnr_db):
            plans = plans[:1]
    seen = found[0][1].psnr_db if found else fast.psnr_db
    db = seen if math.isfinite(seen) else db
    for other in plans[len(found) :]:
        found.append(_at_psnr(probe, other, db, math.log2(_first_step(other.codec, probe.peak, db))))
    excess = [PARTS_OF_WAVELETS if isinstance(some.codec, Wavelet) else 1.0 for some in plans]
    costs = [_bits_at(result, db) / more for (_, result), more in zip(found, excess, strict=True)]
    best = min(range(len(found)), key=lambda k: costs[k])
    chosen = plans[best]
    if chosen == scouted.plan and scouted.lengths:
        return _drafted(scouted, goal)
    if not isinstance(chosen.codec, Wavelet):
        goal = replace(goal, slope=_slope_of_prediction(goal))
    step = scouted.foreseen(_first_aim(goal, chosen, scouted), chosen, *found[best], fast)
    return Outset(trial, chosen, goal, step, scouted.shares(goal, chosen))


def _drafted(scouted: Scouted, goal: PsnrGoal | BitsGoal) -> Outset:
    """Where the search begins if drafts are coded."""
    change = scouted.missing(_first_aim(goal, scouted.plan, scouted))
    return Outset(scouted.trial, scouted.plan, goal, scouted.log_step + change, ())


def _first_aim(goal: PsnrGoal | BitsGoal, plan: Plan, scouted: Scouted) -> PsnrGoal | BitsGoal:
    """What a first coding heads for: a PSNR from a little below, where corrections may make up for what is missing then."""
    corrected = isinstance(plan.codec, Wavelet) and math.isinf(plan.fidelity.bound) and scouted.trial.samples >= LONG
    if not isinstance(goal, PsnrGoal) or not corrected:
        return goal
    if scouted.bits >= FAINT_BITS:
        return replace(goal, aimed=-AIMED_BELOW)
    return replace(goal, aimed=MEASURED_ABOVE if plan.level in FAST_STATES else AIMED_ABOVE)


def _slope_of_prediction(goal: PsnrGoal | BitsGoal) -> float:
    """Doublings of what a goal is about for a doubling of the step, with prediction."""
    return 2.0 if isinstance(goal, PsnrGoal) else -min(MOST_FEWER, 1 / goal.bits)


def engine_within(trial: Trial, plan: Plan, dtype: np.dtype[Any]) -> Plan:
    """Plan with the engine whose parts are smaller, corrections included, within the plan's bound."""
    probe = trial.probe()
    plans = [replace(plan, codec=codec) for codec in engines_for(dtype)[::-1]]
    results = [probe.measure(plans[0])]
    if results[0].bits < MOST_BITS_CORRECTED:
        results += [probe.measure(other) for other in plans[1:]]
    return plan if min(results, key=lambda result: result.bits) is results[0] else plans[-1]


def _first_step(codec: Codec | None, peak: float, db: float) -> float:
    """Step for a PSNR, before anything was coded."""
    multiple = STEP_OF_RMSE.get(codec.name if codec else "", STEP_OF_RMSE["wavelet"])
    return multiple * peak * math.pow(10.0, -db / 20)


def _at_psnr(probe: Trial, plan: Plan, db: float, log_step: float) -> tuple[float, Result]:
    """Step and result of an engine near a PSNR."""
    return probe.approach(plan, PsnrGoal(db - NEAR_DB, 2 * NEAR_DB, strict=False), log_step, ROUNDS)


def _bits_at(result: Result, db: float) -> float:
    """Bits per sample that a result near a PSNR would have there; one far above it could not come near."""
    above = result.psnr_db - db
    return result.bits - min(above, NEAR_DB) / DB_PER_BIT
