"""From what the caller asks to how the volume is coded.

A rate or a PSNR is reached by trying: an engine and a first step are found on small parts of the volume (`engines`), then the
volume, or some bricks of a large one, is coded until it is near enough (`trial`).
"""

import math
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from voxz.codecs.codec import Codec
from voxz.codecs.fidelity import EXACT, Fidelity
from voxz.container.header import TARGETS, UNITS, Header, Loss
from voxz.errors import UsageError
from voxz.io import nifti
from voxz.metrics import psnr
from voxz.pipeline.plan import Plan
from voxz.pipeline.samples import Samples
from voxz.ratecontrol.codec_choice import choose_engine, engine_within
from voxz.ratecontrol.goals import BitsGoal, PsnrGoal, Result
from voxz.ratecontrol.noise import noise_of
from voxz.ratecontrol.step_search import Trial, with_step
from voxz.ratecontrol.target import BitsPerVoxel, Lossless, MaxError, Psnr, Ratio, Target
from voxz.volume.layout import Foreign, Layout

Opener = Callable[[], AbstractContextManager[Samples]]
"""Gives the samples anew, from the first on: some targets have to look at them before they are coded."""

NARROW = 3
"""Bounds below which wavelets with corrections are not tried for integers."""

RATE_NEAR, RATE_MISSED = 0.019, 0.02
"""Rates are aimed at within the first share, and missed beyond the second."""

PSNR_ABOVE, PSNR_MISSED = 0.095, 0.1
"""PSNRs are aimed at within so many dB above what was asked, none below, and missed beyond the second."""

TIGHTER = 0.4
"""Share of these that is aimed at where only part of a volume is tried."""

DB_PER_DOUBLING = 6.02


def find_plan(target: Target, opened: Opener, level: int, codec: Codec | None, threads: int) -> Plan:
    """Settle how the volume is to be coded.

    Raises
    ------
    UsageError
        The target cannot be reached; the message says what can.
    """
    if isinstance(target, Lossless):
        return Plan(level, codec)
    if isinstance(target, MaxError):
        with opened() as samples:
            noise = noise_of(samples) if target.unit == "noise" else 0.0
            bound = bound_in_stored_units(target, noise, samples.layout, samples.foreign)
            layout = samples.layout
        plan = Plan(
            level,
            codec,
            Fidelity.within(bound),
            TARGETS["max-error"],
            target.error,
            noise,
            unit=UNITS[target.unit],
        )
        narrow = bound < NARROW if layout.dtype.kind in "iu" else bound == 0
        if codec is not None or narrow or not _has_engines(layout.dtype):
            return plan
        with opened() as samples:
            return engine_within(Trial.of(samples, plan, threads), plan, layout.dtype)
    if not isinstance(target, Psnr | BitsPerVoxel | Ratio):
        raise UsageError(f"got target {target!r}, expected voxz.Lossless(), MaxError, Psnr, BitsPerVoxel or Ratio")
    if codec is not None and not codec.can_lose:
        raise UsageError(f"the codec {codec.name} is always lossless, so it cannot meet a PSNR or a size; take wavelet")
    bound = math.inf if target.max_error is None else target.max_error
    name, asked = target_facts(target)
    plan = Plan(level, codec, Fidelity(bound), TARGETS[name], asked)
    if isinstance(target, Psnr):
        plan = replace(plan, count_background=target.background)
    with opened() as samples:
        layout = samples.layout
        if not _has_engines(layout.dtype):
            return replace(plan, fidelity=EXACT)
        trial = Trial.of(samples, plan, threads)
    if trial.peak == 0:
        return replace(plan, fidelity=EXACT)
    plan, guess = choose_engine(trial, plan, layout.dtype, _bits(plan, 8 * layout.dtype.itemsize), PSNR_ABOVE)
    if plan.codec != codec:
        with opened() as samples:
            trial = Trial.of(samples, plan, threads)
    reach = _reach_psnr if isinstance(target, Psnr) else _reach_rate
    return reach(trial, plan, guess, layout.dtype)


def nearer_plan(plan: Plan, header: Header, loss: Loss | None) -> Plan | None:
    """After a whole volume was coded by a plan that was tried on part of it: a better one if it missed its target, else None."""
    if loss is None or plan.ready or plan.fidelity.step == 0:
        return None
    if plan.target == TARGETS["psnr"]:
        got = psnr(loss.mean_square, loss.peak)
        if got is None or plan.asked <= got <= plan.asked + PSNR_MISSED:
            return None
        doublings = (got - plan.asked - PSNR_MISSED / 2) / DB_PER_DOUBLING
    else:
        layout = header.layout_of_samples()
        bits = 8 * header.file_length / math.prod(layout.canonical)
        asked = _bits(plan, 8 * layout.dtype.itemsize)
        if abs(bits / asked - 1) <= RATE_MISSED:
            return None
        doublings = math.log2(bits / asked) * max(asked, 0.5)
    return replace(plan, fidelity=replace(plan.fidelity, step=plan.fidelity.step * 2.0**doublings))


def _has_engines(dtype: np.dtype[Any]) -> bool:
    """Whether these are samples that lossy codecs take."""
    return dtype.kind in "iuf" and dtype.itemsize <= (8 if dtype.kind == "f" else 4)


def target_facts(target: Psnr | BitsPerVoxel | Ratio) -> tuple[str, float]:
    """Name and value of a target in a file."""
    match target:
        case Psnr(db):
            return "psnr", db
        case BitsPerVoxel(bits):
            return "bits", bits
        case Ratio(ratio):
            return "ratio", ratio


def _bits(plan: Plan, stored: int) -> float:
    """Bits per sample that a plan for a rate asks for, of samples with so many `stored` bits; 0 for a PSNR."""
    if plan.target == TARGETS["psnr"]:
        return 0.0
    return plan.asked if plan.target == TARGETS["bits"] else stored / plan.asked


def _reach_psnr(trial: Trial, plan: Plan, guess: float, dtype: np.dtype[Any]) -> Plan:
    """Coarsest step whose PSNR is at least what was asked."""
    step, result = trial.approach(plan, PsnrGoal(plan.asked, PSNR_ABOVE * (1 if trial.whole else TIGHTER)), guess)
    least = 10 * math.log10(trial.peak**2 * max(1, trial.samples))
    beyond = dtype.kind in "iu" and plan.asked > least
    if result.psnr_db < plan.asked or (beyond and math.isinf(result.psnr_db)):
        best = "lossless coding" if math.isinf(result.psnr_db) else f"{result.psnr_db:.2f} dB"
        raise UsageError(f"got a PSNR of {plan.asked:g} dB, beyond lossy coding of this volume; expected less, or {best}")
    return _settled(trial, plan, step, result)


def _reach_rate(trial: Trial, plan: Plan, guess: float, dtype: np.dtype[Any]) -> Plan:
    """Step whose file has the size that was asked."""
    stored = 8 * dtype.itemsize
    asked = _bits(plan, stored)
    step, result = trial.approach(plan, BitsGoal(asked, RATE_NEAR * (1 if trial.whole else TIGHTER)), guess)
    if abs(result.bits / asked - 1) > RATE_MISSED:
        side = "the most" if result.bits < asked else "the least"
        raise UsageError(
            f"got {asked:.4g} bits per sample (a ratio of {stored / asked:.4g}), expected at {side[4:]} {result.bits:.4g} "
            f"(a ratio of {stored / result.bits:.4g}), which is {side} that this volume can be coded with here"
        )
    return _settled(trial, plan, step, result)


def _settled(trial: Trial, plan: Plan, log_step: float, result: Result) -> Plan:
    """The plan with this step, and its bricks if these are all."""
    return replace(with_step(plan, log_step), ready=result.coded if trial.whole else ())


def bound_in_stored_units(target: MaxError, noise: float, layout: Layout, foreign: Foreign) -> float:
    """Return the largest bound in stored units that keeps what was asked, a whole number for integers."""
    bound = Fraction(float(target.error))
    if target.unit == "scaled":
        bound /= abs(Fraction(_slope(foreign)))
    if target.unit == "noise":
        bound *= Fraction(noise)
    bound = min(bound, Fraction(sys.float_info.max))
    if layout.dtype.kind in "iub":
        return float(math.floor(bound))
    nearest = float(bound)
    return nearest if Fraction(nearest) <= bound else math.nextafter(nearest, 0.0)


def _slope(foreign: Foreign) -> float:
    """Slope of a NIfTI header, 1 where it says nothing."""
    header = nifti.header_of(foreign)
    slope = 1.0 if header is None else nifti.slope(header)
    return slope if math.isfinite(slope) and slope else 1.0
