"""What the fit of a brick is to come to, and what it came to."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from voxz.codecs.masked import Prepared
from voxz.codecs.siren.codec import encode_field, render
from voxz.codecs.siren.field import Field
from voxz.metrics import errors
from voxz.pipeline.distortion import Tally
from voxz.ratecontrol.goals import BitsGoal, PsnrGoal
from voxz.ratecontrol.secant import find_step

FINEST, COARSEST = -20.0, 6.0
"""Logarithms to base 2 of steps, as multiples of the range of the samples."""

FREE_STEP = -7.0
"""Logarithm to base 2 of the step of latents where nothing was asked, as a multiple of that range."""

STEP_OF_BOUND = 3.0
"""Step of latents for a bound alone, as a multiple of it."""


@dataclass(frozen=True)
class Outcome:
    """A field that was fitted to a brick, measured without corrections for a bound.

    Attributes
    ----------
    peak : max - min of the whole volume
    """

    prepared: Prepared
    field: Field | None
    peak: float

    @cached_property
    def payload(self) -> bytes:
        """Payload without corrections."""
        return encode_field(self.prepared, self.field)

    @property
    def length(self) -> float:
        """Bytes of the payload."""
        return len(self.payload)

    @property
    def samples(self) -> int:
        """Samples of the brick."""
        return self.prepared.series.size

    @cached_property
    def tally(self) -> Tally:
        """Squared errors of the samples that the field gives."""
        if self.field is None:
            return Tally()
        error = errors(self.prepared.series, render(self.prepared, self.field)).astype(np.float64)
        counted = error[~self.prepared.missing]
        return Tally(squares=float(np.square(counted).sum()), counted=counted.size)


@dataclass(frozen=True)
class BrickGoal:
    """What the fit of a brick is to come to.

    Attributes
    ----------
    goal : a PSNR or a size; None takes the first step as it is
    size : bytes of the payload that are asked for; None if none are
    log_step : logarithm to base 2 of a step to begin with
    peak : max - min of the whole volume
    """

    goal: PsnrGoal | BitsGoal | None
    size: float | None
    log_step: float
    peak: float

    @classmethod
    def of(cls, goal: PsnrGoal | BitsGoal | None, bound: float, peak: float, samples: int) -> "BrickGoal":
        """Goal of a brick of `samples`; without one, `bound` counts."""
        scale = math.log2(max(peak, 1e-300))
        if isinstance(goal, BitsGoal):
            return cls(goal, goal.bits * samples / 8, scale - 2.5 - min(14.0, goal.bits), peak)
        if goal is not None:
            return cls(goal, None, scale + 2.0 - goal.db / 6.02, peak)
        free = math.isinf(bound)
        return cls(None, None, scale + FREE_STEP if free else math.log2(max(STEP_OF_BOUND * bound, peak * 1e-6, 1e-300)), peak)

    def meets(self, outcome: Outcome) -> bool:
        """Whether an outcome is near enough; a PSNR may be higher."""
        if self.goal is None:
            return True
        least, _, most = self.goal.wanted(outcome)
        return (self.goal.strict or least <= self.goal.total(outcome)) and self.goal.total(outcome) <= most

    def solve(self, attempt: Callable[[float], Outcome], log_step: float) -> tuple[float, Outcome]:
        """Logarithm of the step that meets the goal, or of the nearest, and its outcome."""
        if self.goal is None:
            return log_step, attempt(log_step)
        scale = math.log2(max(self.peak, 1e-300))
        return find_step(attempt, self.goal, log_step, (scale + FINEST, scale + COARSEST))
