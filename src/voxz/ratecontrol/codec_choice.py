"""The engine of a lossy file, prediction or wavelets, chosen by coding small parts of the volume with both.

Prediction is ahead at high rates and where the image has sharp edges, wavelets at low rates. What is compared are the bytes for
equal quality: both are brought to the same PSNR, and what is left of the difference is turned into bits.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from voxz.codecs.codec import Codec, Floats, Predictive
from voxz.codecs.wavelet.options import Wavelet
from voxz.pipeline.plan import Plan
from voxz.ratecontrol.goals import BitsGoal, PsnrGoal, Result
from voxz.ratecontrol.rate_model import Outlook, ratio
from voxz.ratecontrol.step_search import Trial

STEP_OF_RMSE = {"wavelet": 3.9, "predictive": 3.3, "floats": 3.3}
"""First guess of an engine's step, as a multiple of the root mean square error."""

ROUNDS = 4

NEAR_DB, NEAR_BITS = 0.25, 0.05
"""How near the parts are brought to a PSNR, in dB on either side, and to a rate, as a share."""

DB_PER_BIT, DB_PER_DOUBLING = 6.5, 6.02

MOST_BITS_CORRECTED = 0.6
"""Bits per sample within a bound, by prediction, from which on wavelets with corrections are never ahead."""

FEWEST_BITS = 0.6
"""Bits per sample below which prediction is never ahead."""


def engines_for(dtype: np.dtype[Any]) -> tuple[Codec, ...]:
    """The codecs that may code samples of this type with loss, the first one first."""
    return (Wavelet(), Predictive() if dtype.kind in "iu" else Floats())


def choose_engine(trial: Trial, plan: Plan, dtype: np.dtype[Any], above: float) -> tuple[Plan, float]:
    """Plan with the engine whose parts are smaller, and a guess of the logarithm of its step to base 2.

    The parts are brought to what the plan's target asks; a PSNR may be up to `above` dB more. An engine that the plan
    names stays.
    """
    bits, wanted_db = plan.target.bits_per_sample(8 * dtype.itemsize), plan.target.psnr_db
    engines, probe = engines_for(dtype) if plan.codec is None else (plan.codec,), trial.probe()
    whole, part = (Outlook.of(bricks, plan.target.counts_background) for bricks in (trial.bricks, probe.bricks))
    plans = [replace(plan, codec=codec) for codec in engines]
    missed = 0.0
    if bits is not None:
        guess = _step_for(whole.bits, bits, trial.peak)
        share = ratio(part.bits(guess), whole.bits(guess))
        goal = BitsGoal(bits * share, NEAR_BITS)
        first = probe.approach(plans[0], goal, math.log2(guess), ROUNDS)
        db = first[1].psnr_db
        missed = math.log2(bits * share / first[1].bits) / goal.slope
    else:
        assert wanted_db is not None
        rough = _first_step(plans[0], probe.peak, wanted_db)
        db = wanted_db - 10 * math.log10(ratio(part.square(rough), whole.square(rough)))
        first = _at_psnr(probe, plans[0], db)
    others = plans[1:] if math.isfinite(db) and first[1].bits > FEWEST_BITS else []
    found = [first] + [_at_psnr(probe, other, db) for other in others]
    costs = [_bits_at(result, db) for _, result in found]
    best = min(range(len(found)), key=lambda k: costs[k])
    left = found[best][1].psnr_db - (db if wanted_db is None else db + above / 2)
    return plans[best], found[best][0] + missed + (left / DB_PER_DOUBLING if abs(left) < 1 else 0.0)


def engine_within(trial: Trial, plan: Plan, dtype: np.dtype[Any]) -> Plan:
    """Plan with the engine whose parts are smaller, corrections included, within the plan's bound."""
    probe = trial.probe()
    plans = [replace(plan, codec=codec) for codec in engines_for(dtype)[::-1]]
    results = [probe.measure(plans[0])]
    if results[0].bits < MOST_BITS_CORRECTED:
        results += [probe.measure(other) for other in plans[1:]]
    return plan if min(results, key=lambda result: result.bits) is results[0] else plans[-1]


def _step_for(bits_of: Callable[[float], float], bits: float, peak: float) -> float:
    """Step at which an outlook expects `bits` per sample; bisected to 1 %."""
    fine, coarse = math.log2(peak) - 30, math.log2(peak) + 2
    while coarse - fine > 0.01:
        middle = (fine + coarse) / 2
        fine, coarse = (middle, coarse) if bits_of(2.0**middle) > bits else (fine, middle)
    return math.pow(2.0, fine)


def _first_step(plan: Plan, peak: float, db: float) -> float:
    """Step for a PSNR, before anything was coded."""
    multiple = STEP_OF_RMSE.get(plan.codec.name if plan.codec else "", STEP_OF_RMSE["wavelet"])
    return multiple * peak * math.pow(10.0, -db / 20)


def _at_psnr(probe: Trial, plan: Plan, db: float) -> tuple[float, Result]:
    """Step and result of an engine near a PSNR."""
    goal = PsnrGoal(db - NEAR_DB, 2 * NEAR_DB, strict=False)
    return probe.approach(plan, goal, math.log2(_first_step(plan, probe.peak, db)), ROUNDS)


def _bits_at(result: Result, db: float) -> float:
    """Bits per sample that a result near a PSNR would have there; one far above it could not come near."""
    above = result.psnr_db - db
    return result.bits - min(above, NEAR_DB) / DB_PER_BIT
