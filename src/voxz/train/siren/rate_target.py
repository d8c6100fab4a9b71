"""What the fit of a brick aims at - a size, an error, or a step - and what it came to."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from voxz.codecs.siren.codec import Prepared, encode_field, render
from voxz.codecs.siren.field import Field
from voxz.metrics import errors, psnr

ROUNDS = 10
SIZE_NEAR = 0.007
"""Sizes are aimed at within this share."""

PSNR_ABOVE = 0.08
"""PSNRs are aimed at within so many dB above what was asked, none below."""

FINEST, COARSEST = -20.0, 6.0
"""Logarithms to base 2 of steps, as multiples of the range of the samples."""


@dataclass(frozen=True)
class Outcome:
    """A field that was fitted to a brick, and its payload without corrections for a bound."""

    prepared: Prepared
    field: Field | None

    @cached_property
    def payload(self) -> bytes:
        """Payload without corrections."""
        return encode_field(self.prepared, self.field)

    @cached_property
    def squares(self) -> float:
        """Sum of the squared errors of the samples that the field gives."""
        if self.field is None:
            return 0.0
        error = errors(self.prepared.series, render(self.prepared, self.field)).astype(np.float64)
        return float(np.square(error[~self.prepared.missing]).sum())

    @property
    def mean_square(self) -> float:
        """Mean squared error of the samples that the field gives."""
        return self.squares / max(1, self.prepared.missing.size - int(np.count_nonzero(self.prepared.missing)))


@dataclass(frozen=True)
class Aim:
    """What a brick should come to.

    Attributes
    ----------
    kind : ``"size"``, ``"psnr"``, ``"step"`` (of latents, in stored units), or ``"free"``, whatever comes
    value : bytes of the payload, dB, or stored units
    peak : max - min of the whole volume
    """

    kind: Literal["size", "psnr", "step", "free"]
    value: float
    peak: float

    def miss(self, outcome: Outcome) -> float:
        """How far an outcome is off, positive if it is larger or better than it has to be: doublings of the size, or dB."""
        if self.kind == "size":
            return math.log2(len(outcome.payload) / self.value)
        if self.kind == "psnr":
            got = psnr(outcome.mean_square, self.peak)
            return (math.inf if got is None else got) - self.value - PSNR_ABOVE / 2
        return 0.0

    @property
    def tolerance(self) -> float:
        """How far off is near enough."""
        return math.log2(1 + SIZE_NEAR) if self.kind == "size" else PSNR_ABOVE / 2

    def first_step(self, samples: int) -> float:
        """Logarithm to base 2 of a step to begin with, for a brick of so many samples."""
        scale = math.log2(max(self.peak, 1e-300))
        if self.kind == "size":
            return scale - 2.5 - min(14.0, 8 * self.value / max(1, samples))
        if self.kind == "psnr":
            return scale + 2.0 - self.value / 6.02
        return math.log2(self.value) if self.kind == "step" else scale - 7.0

    def solve(self, attempt: Callable[[float], Outcome], log_step: float) -> tuple[float, Outcome]:
        """Logarithm of the step whose outcome is near enough, or of the last that was tried."""
        outcome = attempt(log_step)
        if self.kind not in ("size", "psnr"):
            return log_step, outcome
        lowest, highest = (math.log2(max(self.peak, 1e-300)) + edge for edge in (FINEST, COARSEST))
        slope = 0.7 if self.kind == "size" else 4.0
        before: tuple[float, float] | None = None
        for _ in range(ROUNDS):
            got = self.miss(outcome)
            if abs(got) <= self.tolerance or highest - lowest < 1e-4:
                break
            if got > 0:
                lowest = log_step
            else:
                highest = log_step
            if before is not None and math.isfinite(got) and before[0] != log_step and before[1] != got:
                slope = min(max((before[1] - got) / (log_step - before[0]), slope / 4), slope * 4)
            before = (log_step, got) if math.isfinite(got) else None
            following = log_step + got / slope if math.isfinite(got) else (log_step + highest) / 2
            log_step = following if lowest < following < highest else (lowest + highest) / 2
            outcome = attempt(log_step)
        return log_step, outcome
