"""From what the caller asks to how the volume is coded.

A rate or a PSNR is reached by trying: part of the volume (all of a small one) is coded with a step, the next step is estimated
from the results so far, until one is near enough.
"""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from fractions import Fraction

from voxz.container.header import TARGETS, UNITS, Header, Loss
from voxz.errors import UsageError
from voxz.fidelity import EXACT, Fidelity
from voxz.io import nifti
from voxz.metrics import psnr
from voxz.noise import noise_of
from voxz.pipeline import Samples
from voxz.plan import Plan, Transform
from voxz.target import BitsPerVoxel, Lossless, MaxError, Psnr, Ratio, Target
from voxz.trial import Result, Trial
from voxz.volume import Foreign, Layout

Opener = Callable[[], AbstractContextManager[Samples]]
"""Gives the samples anew, from the first on: some targets have to look at them before they are coded."""

RATE_NEAR = 0.01
"""Rates are aimed at within this share,"""

RATE_MISSED = 0.02
"""and missed beyond this one."""

PSNR_ABOVE = 0.06
"""PSNRs are aimed at within so many dB above what was asked, none below,"""

PSNR_MISSED = 0.1
"""and missed beyond these."""

DB_PER_DOUBLING = 6.02
STEP_OF_RMSE = 3.9
"""Step of the trellis at high rates, as a multiple of the root mean square error."""


def find_plan(target: Target, opened: Opener, level: int, codec: str | None, threads: int, transform: Transform = None) -> Plan:
    """Settle how the volume is to be coded.

    Raises
    ------
    UsageError
        The target cannot be reached; the message says what can.
    """
    if isinstance(target, Lossless):
        return Plan(level, codec, transform=transform)
    if isinstance(target, MaxError):
        with opened() as samples:
            noise = noise_of(samples) if target.unit == "noise" else 0.0
            bound = _bound_in_stored_units(target, noise, samples.layout, samples.foreign)
        fidelity = Fidelity.within(bound)
        return Plan(
            level, codec, fidelity, TARGETS["max-error"], target.error, noise, unit=UNITS[target.unit], transform=transform
        )
    if not isinstance(target, Psnr | BitsPerVoxel | Ratio):
        raise UsageError(f"got target {target!r}, expected voxz.Lossless(), MaxError, Psnr, BitsPerVoxel or Ratio")
    bound = math.inf if target.max_error is None else target.max_error
    plan = Plan(level, codec or "wavelet", Fidelity(bound), transform=transform)
    with opened() as samples:
        layout = samples.layout
        trial = Trial.of(samples, plan, threads)
    name, asked = _facts(target)
    plan = replace(plan, target=TARGETS[name], asked=asked)
    if layout.dtype.kind not in "iuf" or trial.peak == 0:
        return replace(plan, codec=codec, fidelity=EXACT)
    if isinstance(target, Psnr):
        return _reach_psnr(trial, replace(plan, count_background=target.background))
    return _reach_rate(trial, plan, 8 * layout.dtype.itemsize)


def nearer_plan(plan: Plan, header: Header, loss: Loss | None) -> Plan | None:
    """After a whole volume was coded by a plan that was tried on part of it: a better one if it missed its target, else None."""
    if loss is None or plan.ready or plan.fidelity.step == 0:
        return None
    if plan.target == TARGETS["psnr"]:
        got = psnr(loss.mean_square, loss.peak)
        if got is None or plan.asked <= got <= plan.asked + PSNR_MISSED:
            return None
        doublings = (got - plan.asked - PSNR_ABOVE / 2) / DB_PER_DOUBLING
    else:
        layout = header.layout_of_samples()
        bits = 8 * header.file_length / math.prod(layout.canonical)
        asked = _bits(plan, 8 * layout.dtype.itemsize)
        if abs(bits / asked - 1) <= RATE_MISSED:
            return None
        doublings = math.log2(bits / asked) * max(asked, 0.5)
    return replace(plan, fidelity=replace(plan.fidelity, step=plan.fidelity.step * 2.0**doublings))


def _facts(target: Psnr | BitsPerVoxel | Ratio) -> tuple[str, float]:
    """Name and value of a target in a file."""
    match target:
        case Psnr(db):
            return "psnr", db
        case BitsPerVoxel(bits):
            return "bits", bits
        case Ratio(ratio):
            return "ratio", ratio


def _bits(plan: Plan, stored: int) -> float:
    """Bits per sample that a plan for a rate asks for, of samples with so many `stored` bits."""
    return plan.asked if plan.target == TARGETS["bits"] else stored / plan.asked


def _reach_psnr(trial: Trial, plan: Plan) -> Plan:
    """Coarsest step whose PSNR is at least what was asked."""
    wanted = (plan.asked, plan.asked + PSNR_ABOVE)

    def value(result: Result) -> float:
        return result.psnr_db

    guess = math.log2(STEP_OF_RMSE * trial.peak * 10 ** (-plan.asked / 20))
    guess, _ = trial.core().solve(plan, value, wanted, DB_PER_DOUBLING, guess)
    step, result = trial.solve(plan, value, wanted, DB_PER_DOUBLING, guess)
    if result.psnr_db < plan.asked or not math.isfinite(result.psnr_db):
        best = "lossless coding" if not math.isfinite(result.psnr_db) else f"{result.psnr_db:.2f} dB"
        raise UsageError(f"got a PSNR of {plan.asked:g} dB, beyond lossy coding of this volume; expected less, or {best}")
    return trial.settled(plan, step, result)


def _reach_rate(trial: Trial, plan: Plan, stored: int) -> Plan:
    """Step whose file has the size that was asked, of samples with so many `stored` bits."""
    asked = _bits(plan, stored)

    def value(result: Result) -> float:
        return math.log2(result.bits)

    wanted = (math.log2(asked * (1 - RATE_NEAR)), math.log2(asked * (1 + RATE_NEAR)))
    guess = math.log2(trial.peak) - 2 - asked
    guess, _ = trial.core().solve(plan, value, wanted, 1 / max(asked, 0.5), guess)
    step, result = trial.solve(plan, value, wanted, 1 / max(asked, 0.5), guess)
    if abs(result.bits / asked - 1) > RATE_MISSED:
        side = "the most" if result.bits < asked else "the least"
        raise UsageError(
            f"got {asked:.4g} bits per sample (a ratio of {stored / asked:.4g}), expected at {side[4:]} {result.bits:.4g} "
            f"(a ratio of {stored / result.bits:.4g}), which is {side} that this volume can be coded with here"
        )
    return trial.settled(plan, step, result)


def _bound_in_stored_units(target: MaxError, noise: float, layout: Layout, foreign: Foreign) -> float:
    """Return the largest bound in stored units that keeps what was asked, a whole number for integers."""
    bound = Fraction(float(target.error))
    if target.unit == "scaled":
        bound /= abs(Fraction(_slope(foreign)))
    if target.unit == "noise":
        bound *= Fraction(noise)
    if layout.dtype.kind in "iub":
        return float(math.floor(bound))
    nearest = float(bound)
    return nearest if Fraction(nearest) <= bound else math.nextafter(nearest, 0.0)


def _slope(foreign: Foreign) -> float:
    """Slope of a NIfTI header, 1 where it says nothing."""
    header = nifti.header_of(foreign)
    slope = 1.0 if header is None else nifti.slope(header)
    return slope if math.isfinite(slope) and slope else 1.0
