"""Fitting a volume: every brick is fitted before anything is written.

A volume is one brick where it fits into memory, so that a series is one function. Of several bricks each gets its share of the
bytes.
"""

import hashlib
import json
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from voxz.codecs import registry
from voxz.codecs.masked import Prepared
from voxz.codecs.numbers import SIREN
from voxz.codecs.siren.codec import decode_brick, encode_field
from voxz.codecs.siren.options import Siren
from voxz.codecs.special_values import MOST_SPECIALS
from voxz.errors import UsageError
from voxz.pipeline.distortion import Tally, within
from voxz.pipeline.encode import tally_of
from voxz.pipeline.plan import Coded, Plan
from voxz.ratecontrol.goals import BitsGoal, PsnrGoal
from voxz.ratecontrol.step_search import Trial
from voxz.train.need_torch import need_torch
from voxz.train.siren.brick_goal import BrickGoal, Outcome
from voxz.train.siren.checkpoint import Memory, task_of
from voxz.train.siren.fit_latents import fit_latents
from voxz.train.siren.fit_networks import fit_networks
from voxz.train.siren.journal import Journal

SOME_LOSS = Tally(1 / 3, 1 / 7, 1, -1 / 11, 1 / 13)
"""Stands for losses not known yet where only the length of their record counts: numbers that do not pack."""

SMALLEST = 64
"""Bytes below which no brick can be fitted."""


def task_of_volume(trial: Trial, plan: Plan, codec: Siren) -> str:
    """Digest of all that a fit depends on."""
    samples = hashlib.sha256()
    for brick in trial.bricks:
        samples.update(brick.reshape(-1).view(np.uint8).data)
    options = json.dumps(codec.fit_options())
    version = need_torch("the codec siren").__version__
    return task_of(samples=samples.hexdigest(), target=repr(plan.target), options=options, level=plan.level, torch=version)


def fit_volume(
    trial: Trial, plan: Plan, goal: PsnrGoal | BitsGoal | None, codec: Siren, memory: Memory, journal: Journal
) -> tuple[Coded, ...]:
    """Fit all bricks of a volume, which `trial` has to hold whole.

    Raises
    ------
    UsageError
        The file would be too small for any fit.
    """
    if memory.resumed:
        journal.tell(0.0, f"going on from {memory.path}")
    if isinstance(goal, BitsGoal):
        goal = _of_bricks(goal, trial, plan)
    coded = []
    for number, brick in enumerate(trial.bricks):
        brick_goal = BrickGoal.of(goal, plan.fidelity.bound, trial.peak, brick.size)
        part = journal.part(number, len(trial.bricks), brick=number)
        coded.append(_fit_brick(brick, plan, brick_goal, codec, _Named(memory, f"brick {number} "), part))
    return tuple(coded)


def _of_bricks(goal: BitsGoal, trial: Trial, plan: Plan) -> BitsGoal:
    """The goal of a file, less what is not bricks."""
    size, around = goal.bits * trial.samples / 8, trial.around(plan, SOME_LOSS)
    if size - around < SMALLEST * len(trial.bricks):
        raise UsageError(f"a file of {size:.0f} bytes is too small, header and index take {around}; ask for a lower ratio")
    return replace(goal, bits=8 * (size - around) / trial.samples)


class _Named(Memory):
    """Part of a memory, with a prefix before every name."""

    def __init__(self, memory: Memory, prefix: str) -> None:
        super().__init__()
        self._memory, self._prefix = memory, prefix

    def recall(self, name: str) -> dict[str, NDArray[np.generic]] | None:
        return self._memory.recall(self._prefix + name)

    def keep(self, name: str, arrays: dict[str, NDArray[np.generic]], *, replaces: str | None = None) -> None:
        self._memory.keep(self._prefix + name, arrays, replaces=None if replaces is None else self._prefix + replaces)

    def due(self) -> bool:
        return self._memory.due()


def _fit_brick(
    brick: NDArray[np.generic], plan: Plan, goal: BrickGoal, options: Siren, memory: Memory, journal: Journal
) -> Coded:
    """Fit a brick; samples that cannot be fitted are coded without loss."""
    prepared = Prepared.of(brick, foreground=options.foreground)
    if prepared is None or plan.exact:
        return _exact(brick, plan)
    if prepared.missing.all() or prepared.low == prepared.high:
        found = _constant(prepared, goal.peak)
        if found is None:
            return _exact(brick, plan)
        outcome = found
    elif options.model == "latents":
        outcome = fit_latents(prepared, goal, options, plan.level, memory, journal)
    else:
        outcome = fit_networks(prepared, goal, options, memory, journal)
    payload = encode_field(outcome.prepared, outcome.field, plan.fidelity.bound)
    decoded = decode_brick(payload, brick.shape, brick.dtype)
    if not within(brick, decoded, plan.fidelity.bound):
        return _exact(brick, plan)
    return Coded(SIREN, payload, decoded, tally_of(brick, decoded, plan))


def _exact(brick: NDArray[np.generic], plan: Plan) -> Coded:
    """Code a brick without loss."""
    number, payload = registry.encode_brick(brick, plan.level)
    return Coded(number, payload, brick, tally_of(brick, brick, plan))


def _constant(prepared: Prepared, peak: float) -> Outcome | None:
    """Nothing to fit: all samples are missing, or the same. None if there are too many special values to say so."""
    if prepared.missing.all():
        return Outcome(prepared, None, peak)
    if len(prepared.specials) == MOST_SPECIALS:
        return None
    everywhere = ~prepared.missing
    pattern = prepared.series[everywhere][0]
    bits = int.from_bytes(pattern.tobytes(), "little")
    whole = replace(prepared, specials=[*prepared.specials, (bits, everywhere)], missing=np.ones_like(prepared.missing))
    return Outcome(whole, None, peak)
