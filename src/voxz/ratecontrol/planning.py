"""From what the caller asks to how the volume is coded: one way for every target and every codec.

A largest error follows from the header and the noise. A PSNR or a size is reached by trying: an engine and a first step are found
on small parts of the volume (`codec_choice`), then the volume, or some bricks of a large one, is coded until it is near enough
(`step_search`). A codec that is fitted to the volume finds its steps itself, with the same goals and the same search.
"""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from voxz.codecs.codec import Codec
from voxz.codecs.fidelity import EXACT, Fidelity
from voxz.codecs.wavelet.options import Wavelet
from voxz.errors import UsageError
from voxz.io import nifti
from voxz.metrics import psnr
from voxz.pipeline.distortion import Tally
from voxz.pipeline.encode import Coder, Written
from voxz.pipeline.plan import Coded, Plan
from voxz.pipeline.samples import Samples
from voxz.pipeline.slabs import bricks_of, grid_of, native_slabs
from voxz.ratecontrol.codec_choice import Outset, choose_engine, engine_within, engines_for
from voxz.ratecontrol.goals import BitsGoal, PsnrGoal, Result, goal_of
from voxz.ratecontrol.noise import noise_of
from voxz.ratecontrol.schedule import Schedule, Survey
from voxz.ratecontrol.step_search import Trial, with_step
from voxz.target import LOSSLESS, Target
from voxz.volume.layout import Foreign

Opener = Callable[[], AbstractContextManager[Samples]]
"""Gives the samples anew, from the first on: some targets have to look at them before they are coded."""

Fit = Callable[[Trial, Plan, PsnrGoal | BitsGoal | None], tuple[Coded, ...]]
"""Codes all bricks of a volume by fitting something to them; without a goal, only the plan's bound counts."""

NARROW = 3
"""Bounds below which wavelets with corrections are not tried for integers."""

RATE_NEAR, RATE_MISSED = 0.019, 0.02
"""A size is met within the first share of what was asked, and missed beyond the second."""

PSNR_ABOVE, PSNR_MISSED = 0.095, 0.1
"""A PSNR is met if it lies at most the first number of dB above what was asked, and missed from the second on."""

TIGHTER = 0.4
"""Factor of these tolerances where only part of a volume is tried."""

SMALLEST_SAMPLE, LARGEST_SAMPLE = 1e-100, 1e100
"""Magnitudes of the largest sample between which squares and their sums are normal doubles."""

DB_PER_DOUBLING = 6.02


@dataclass(frozen=True)
class Settled:
    """A plan, and all bricks if finding it has coded them already, or a `schedule` that brings them to a target."""

    plan: Plan
    bricks: tuple[Coded, ...] = ()
    schedule: Schedule | None = None

    @property
    def coder(self) -> Coder | None:
        """Gives the bricks that are coded already, or codes them by the schedule."""
        if not self.bricks:
            return self.schedule
        known = self.bricks
        return lambda bricks: map(lambda _, brick: brick, bricks, known)


def find_plan(
    target: Target,
    opened: Opener,
    level: int,
    codec: Codec | None,
    threads: int,
    fit: Fit | None = None,
    brick: tuple[int, int, int] | None = None,
) -> Settled:
    """Settle how the volume is to be coded; with `fit`, its bricks are coded by it.

    Raises
    ------
    UsageError
        The target cannot be reached; the message says what can.
    """
    if target == LOSSLESS:
        return Settled(Plan(level, codec, target, brick=brick))
    with opened() as samples:
        noise = noise_of(samples) if target.unit == "noise" else 0.0
        dtype, foreign = samples.layout.dtype, samples.foreign
    bound = target.bound(noise=noise, slope=_slope(foreign), whole=dtype.kind in "iub")
    plan = Plan(level, codec, target, Fidelity.within(bound), noise, brick)
    goal = goal_of(target, 8 * dtype.itemsize, PSNR_ABOVE, RATE_NEAR)
    if goal is not None and codec is not None and not codec.can_lose:
        raise UsageError(f"the codec {codec.name} is always lossless, so it cannot meet a PSNR or a size; take wavelet")
    if fit is None and goal is None:
        return Settled(_within(opened, plan, threads, dtype))
    if fit is None and not _has_engines(dtype):
        if target.bits_per_sample(8 * dtype.itemsize) is not None:
            raise UsageError(
                f"samples of type {dtype.name} are coded without loss only, so --{target.name} cannot be met; leave it out, or "
                "convert them to integers of up to 32 bits or to floats"
            )
        return Settled(replace(plan, fidelity=EXACT))
    _refuse_range(target, opened, dtype)
    first = plan if codec is not None or fit is not None else replace(plan, codec=engines_for(dtype)[0])
    with opened() as samples:
        trial = Trial.of(samples, first, threads) if fit is None else Trial.of(samples, first, threads, math.inf)
    if goal is not None and trial.peak == 0:
        return Settled(replace(plan, fidelity=EXACT))
    if fit is not None:
        bricks = fit(trial, plan, goal)
        _refuse_missed(plan, trial.result(plan, bricks), trial, dtype)
        return Settled(plan, bricks)
    assert goal is not None
    outset = choose_engine(trial, plan, dtype, goal)
    plan, trial = outset.plan, outset.trial
    if plan.codec != first.codec:
        with opened() as samples:
            trial = Trial.of(samples, plan, threads)
    near, lengths = outset.goal, outset.lengths
    schedule = None if trial.whole else _schedule(opened, trial, outset, threads)
    if schedule is not None:
        return Settled(with_step(plan, schedule.log_step + schedule.change()), schedule=schedule)
    if not trial.whole:
        near, lengths = _tighter(near), ()
    step, result = trial.approach(plan, near, outset.log_step, lengths=lengths)
    _refuse_missed(plan, result, trial, dtype)
    return Settled(with_step(plan, step), tuple(result.coded) if trial.whole else ())


def _schedule(opened: Opener, trial: Trial, outset: Outset, threads: int) -> Schedule | None:
    """How the bricks of a large volume come to a target, from some of them; None where no drafts foresee it."""
    plan, goal, step = outset.plan, outset.goal, outset.log_step
    if not isinstance(plan.codec, Wavelet) or not math.isinf(plan.fidelity.bound):
        return None
    some = trial if trial.drafts is not None else trial.drafted(step)
    if some.drafts is None:
        return None
    here = some.forecast(plan, step)
    share = goal.wanted(here)[1] / max(goal.total(here), 1e-300)
    with opened() as samples:
        survey = Survey.of(bricks_of(samples, grid_of(samples.layout, plan)), plan, step, threads)
    if survey is None:
        return None
    whole = replace(here, tally=replace(here.tally, counted=survey.counted))
    sized = isinstance(goal, BitsGoal)
    beside = trial.around(plan, Tally()) if sized else 0
    return Schedule(plan, goal, step, survey.lengths if sized else survey.squares, goal.wanted(whole)[1] - beside, share, threads)


def _tighter(goal: PsnrGoal | BitsGoal) -> PsnrGoal | BitsGoal:
    """A goal for part of a volume, nearer to the middle."""
    if isinstance(goal, PsnrGoal):
        return replace(goal, above=goal.above * TIGHTER, aimed=None)
    return replace(goal, near=goal.near * TIGHTER)


def nearer_plan(plan: Plan, written: Written) -> Plan | None:
    """After a whole volume was coded by a plan that was tried on part of it: a better one if it missed its target, else None."""
    (header,) = written.headers
    loss = header.loss
    if loss is None or plan.fidelity.step == 0:
        return None
    layout = header.layout
    asked = plan.target.bits_per_sample(8 * layout.dtype.itemsize)
    if asked is None:
        got, least = psnr(loss.mean_square, loss.peak), plan.target.value
        if got is None or least <= got <= least + PSNR_MISSED:
            return None
        doublings = (got - least - PSNR_MISSED / 2) / DB_PER_DOUBLING
    else:
        bits = 8 * written.file_length / math.prod(layout.canonical)
        if abs(bits / asked - 1) <= RATE_MISSED:
            return None
        doublings = math.log2(bits / asked) * max(asked, 0.5)
    return replace(plan, fidelity=replace(plan.fidelity, step=plan.fidelity.step * 2.0**doublings))


def _within(opened: Opener, plan: Plan, threads: int, dtype: np.dtype[Any]) -> Plan:
    """Plan for a largest error, with the engine that is smaller."""
    bound = plan.fidelity.bound
    narrow = bound < NARROW if dtype.kind in "iu" else bound == 0
    if plan.codec is not None or narrow or not _has_engines(dtype):
        return plan
    _refuse_range(plan.target, opened, dtype)
    with opened() as samples:
        return engine_within(Trial.of(samples, plan, threads), plan, dtype)


def _refuse_range(target: Target, opened: Opener, dtype: np.dtype[Any]) -> None:
    """Refuse doubles whose squares are no normal numbers: mean squared errors of them cannot be reckoned with."""
    if dtype != np.dtype(np.float64).newbyteorder(dtype.byteorder):
        return
    with opened() as samples:
        for _, slab in native_slabs(samples):
            sizes = np.abs(slab[np.isfinite(slab) & (slab != 0)])
            if sizes.size and not SMALLEST_SAMPLE <= sizes.max() <= LARGEST_SAMPLE:
                raise UsageError(
                    f"samples of up to {sizes.max():.1e} are outside of {SMALLEST_SAMPLE:g} to {LARGEST_SAMPLE:g}, "
                    f"where loss is measured, so --{target.name} cannot be met; multiply them by a power of 2 first, "
                    "or code them without loss"
                )


def _has_engines(dtype: np.dtype[Any]) -> bool:
    """Whether these are samples that lossy codecs take."""
    return dtype.kind in "iuf" and dtype.itemsize <= (8 if dtype.kind == "f" else 4)


def _refuse_missed(plan: Plan, result: Result, trial: Trial, dtype: np.dtype[Any]) -> None:
    """Raise `UsageError` if a result is too far from what was asked."""
    stored = 8 * dtype.itemsize
    bits, db = plan.target.bits_per_sample(stored), plan.target.psnr_db
    if db is not None:
        most = 10 * math.log10(trial.peak**2 * max(1, trial.samples))
        beyond = dtype.kind in "iu" and db > most and math.isinf(result.psnr_db)
        if result.psnr_db < db or beyond:
            best = "lossless coding" if math.isinf(result.psnr_db) else f"{result.psnr_db:.2f} dB"
            raise UsageError(f"a PSNR of {db:g} dB is beyond lossy coding of this volume here; ask for less, or for {best}")
    if bits is not None and abs(result.bits / bits - 1) > RATE_MISSED:
        side = "largest" if result.bits < bits else "smallest"
        raise UsageError(
            f"cannot reach {bits:.4g} bits per sample (a ratio of {stored / bits:.4g}): the {side} this volume can be coded at "
            f"here is {result.bits:.4g} (a ratio of {stored / result.bits:.4g})"
        )


def _slope(foreign: Foreign) -> float:
    """Slope of a NIfTI header, 1 where it says nothing."""
    header = nifti.header_of(foreign)
    slope = 1.0 if header is None else nifti.slope(header)
    return slope if math.isfinite(slope) and slope else 1.0
