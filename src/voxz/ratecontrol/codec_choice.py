"""The engine of a lossy file, prediction or wavelets, chosen by coding small parts of the volume with both.

Prediction is ahead at high rates and where the image has sharp edges, wavelets at low rates. What is compared are the bytes for
equal quality: both are brought to the same PSNR, and what is left of the difference is turned into bits.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from voxz.codecs.codec import Codec, Floats, Predictive
from voxz.codecs.wavelet.options import Wavelet
from voxz.pipeline.plan import Plan
from voxz.ratecontrol.goals import BitsGoal, PsnrGoal, Result
from voxz.ratecontrol.rate_model import Outlook, ratio, slope_at, step_for
from voxz.ratecontrol.step_search import Trial

STEP_OF_RMSE = {"wavelet": 3.9, "predictive": 3.3, "floats": 3.3}
"""First guess of an engine's step, as a multiple of the root mean square error."""

USUAL_DB = 50.0
"""PSNR for which the KLT of a series is chosen where a size is asked."""

ROUNDS = 3

NEAR_DB, NEAR_BITS = 0.75, 0.2
"""How near the parts are brought to a PSNR, in dB on either side, and to a rate, as a share; the rest is reckoned."""

DB_PER_BIT = 6.5

AIMED_BELOW = 0.03
"""dB below what is asked that wavelets head for: what is missing is made up by corrections (`step_search`)."""

EXCESS_SQUARE, EXCESS_BITS, EXCESS_BITS_OF_SERIES = 1.01, 1.03, 1.12
"""What parts have more than a whole in which their samples were coded: filters do not pay in them, and adaptation begins anew."""

PARTS_OF_WAVELETS = 1.06
"""How much more small parts cost with wavelets than with prediction, each compared with a whole: the mean over levels 1, 3, 5
and two rates of a T1, a CT, a FIB-SEM and a PET; 1.15 near 1 bit a sample, 1.05 above 2."""

STEEPER = 1.15
"""How much faster bits fall with the step than the model says."""

MOST_BITS_CORRECTED = 0.6
"""Bits per sample within a bound, by prediction, from which on wavelets with corrections are never ahead."""

FEWEST_BITS = 0.6
"""Bits per sample below which prediction is never ahead."""


def engines_for(dtype: np.dtype[Any]) -> tuple[Codec, ...]:
    """The codecs that may code samples of this type with loss, the first one first."""
    return (Wavelet(), Predictive() if dtype.kind in "iu" else Floats())


def choose_engine(trial: Trial, plan: Plan, dtype: np.dtype[Any], goal: PsnrGoal | BitsGoal) -> tuple[Plan, float, float]:
    """Plan with the engine whose parts are smaller, a guess of the logarithm of its step to base 2, and the slope there.

    The parts are brought near what the `goal` asks of the whole. An engine that the plan names stays.
    """
    engines, probe = engines_for(dtype) if plan.codec is None else (plan.codec,), trial.probe()
    plans = [replace(plan, codec=codec) for codec in engines]
    rough = _first_step(plans[0], trial.peak, goal.db if isinstance(goal, PsnrGoal) else USUAL_DB)
    whole, part = (some.outlook(plan.target.counts_background, rough) for some in (trial, probe))
    if isinstance(goal, BitsGoal):
        guess = step_for(whole.bits, goal.bits, trial.peak)
        share = ratio(part.bits(2.0**guess), whole.bits(2.0**guess))
        first = probe.approach(plans[0], BitsGoal(goal.bits * share, NEAR_BITS, slope=slope_at(part.bits, guess)), guess, ROUNDS)
    else:
        guess = step_for(whole.square, trial.peak**2 * 10 ** (-goal.db / 10), trial.peak)
        db = goal.db - 10 * math.log10(ratio(part.square(2.0**guess), whole.square(2.0**guess)))
        first = _at_psnr(probe, plans[0], db, guess)
    db = first[1].psnr_db
    others = plans[1:] if math.isfinite(db) and first[1].bits > FEWEST_BITS else []
    found = [first] + [_at_psnr(probe, other, db, math.log2(_first_step(other, probe.peak, db))) for other in others]
    parts = [PARTS_OF_WAVELETS if isinstance(some.codec, Wavelet) else 1.0 for some in plans]
    costs = [_bits_at(result, db) / excess for (_, result), excess in zip(found, parts, strict=False)]
    best = min(range(len(found)), key=lambda k: costs[k])
    if isinstance(goal, BitsGoal):
        return plans[best], *_step_of_rate(goal, whole, part, found[best], plans[best], series=trial.bricks[0].shape[0] > 1)
    return plans[best], *_step_of_psnr(goal, whole, part, found[best], plans[best])


def _step_of_rate(
    goal: BitsGoal, whole: Outlook, part: Outlook, tried: tuple[float, Result], plan: Plan, series: bool
) -> tuple[float, float]:
    """Step for the whole, as its parts took these bits with the step that was `tried`, and the slope of bits there."""
    step, result = tried
    excess = (EXCESS_BITS_OF_SERIES if series else EXCESS_BITS) if isinstance(plan.codec, Wavelet) else 1.0
    following = step_for(whole.bits, goal.bits * excess / ratio(result.bits, part.bits(2.0**step)), result.peak)
    return following, STEEPER * slope_at(whole.bits, following)


def _step_of_psnr(goal: PsnrGoal, whole: Outlook, part: Outlook, tried: tuple[float, Result], plan: Plan) -> tuple[float, float]:
    """Step for the whole, as its parts had this error with the step that was `tried`, and the slope of squared errors there."""
    step, result = tried
    wavelet = isinstance(plan.codec, Wavelet)
    above = -AIMED_BELOW if wavelet and math.isinf(plan.fidelity.bound) else goal.above / 2
    square = result.peak**2 * 10 ** (-(goal.db + above) / 10) * (EXCESS_SQUARE if wavelet else 1.0)
    following = step_for(whole.square, square / ratio(result.tally.mean_square, part.square(2.0**step)), result.peak)
    return following, slope_at(whole.square, following)


def engine_within(trial: Trial, plan: Plan, dtype: np.dtype[Any]) -> Plan:
    """Plan with the engine whose parts are smaller, corrections included, within the plan's bound."""
    probe = trial.probe()
    plans = [replace(plan, codec=codec) for codec in engines_for(dtype)[::-1]]
    results = [probe.measure(plans[0])]
    if results[0].bits < MOST_BITS_CORRECTED:
        results += [probe.measure(other) for other in plans[1:]]
    return plan if min(results, key=lambda result: result.bits) is results[0] else plans[-1]


def _first_step(plan: Plan, peak: float, db: float) -> float:
    """Step for a PSNR, before anything was coded."""
    multiple = STEP_OF_RMSE.get(plan.codec.name if plan.codec else "", STEP_OF_RMSE["wavelet"])
    return multiple * peak * math.pow(10.0, -db / 20)


def _at_psnr(probe: Trial, plan: Plan, db: float, log_step: float) -> tuple[float, Result]:
    """Step and result of an engine near a PSNR."""
    return probe.approach(plan, PsnrGoal(db - NEAR_DB, 2 * NEAR_DB, strict=False), log_step, ROUNDS)


def _bits_at(result: Result, db: float) -> float:
    """Bits per sample that a result near a PSNR would have there; one far above it could not come near."""
    above = result.psnr_db - db
    return result.bits - min(above, NEAR_DB) / DB_PER_BIT
