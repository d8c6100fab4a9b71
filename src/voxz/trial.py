"""Trying steps on part of a volume, until a rate or a PSNR is near enough."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from voxz.bricks import middle_of
from voxz.container.header import Header
from voxz.container.writer import preamble_length
from voxz.fidelity import Fidelity
from voxz.metrics import extent_of, psnr
from voxz.parallel import map_ordered
from voxz.pipeline import Samples, bricks_of, code_brick, grid_of
from voxz.plan import Coded, Plan
from voxz.tally import Tally

MOST_TRIED = 1 << 24
"""Samples that are tried; of larger volumes, bricks at equal distances."""

CORE = (16, 16, 96, 96)
"""Samples along each axis of the middle of a brick, on which the first steps are tried."""

ROUNDS = 12

FINEST, COARSEST = 2.0**-22, 4.0
"""Steps as multiples of the range of the samples."""

Bricks = list[NDArray[np.generic]]


@dataclass(frozen=True)
class Result:
    """What a plan gave: bits per sample of the file, errors, and the bricks."""

    bits: float
    tally: Tally
    peak: float
    coded: tuple[Coded, ...]

    @property
    def psnr_db(self) -> float:
        """PSNR for the range of the whole volume; infinite without any error."""
        value = psnr(self.tally.mean_square, self.peak)
        return math.inf if value is None else value


@dataclass(frozen=True)
class Trial:
    """Bricks of a volume on which plans are tried, with what the rest of the file adds.

    Attributes
    ----------
    bricks : in native byte order, at most MOST_TRIED samples if there is more than one
    samples : how many the whole volume has
    whole : whether these are all of its bricks
    overhead : bytes of a file that are not bricks
    peak : max - min of the whole volume
    """

    bricks: Bricks
    samples: int
    whole: bool
    overhead: int
    peak: float
    threads: int

    @classmethod
    def of(cls, samples: Samples, plan: Plan, threads: int) -> "Trial":
        """Read a volume once, and keep bricks at equal distances."""
        layout, foreign = samples.layout, samples.foreign
        grid = grid_of(layout, plan)
        total = math.prod(layout.canonical)
        apart = max(1, math.ceil(total / MOST_TRIED))
        kept: Bricks = []
        low, high = math.inf, -math.inf
        for number, brick in enumerate(bricks_of(samples, grid)):
            if brick.dtype.kind in "iufb":
                lowest, highest = extent_of(brick)
                low, high = min(low, lowest), max(high, highest)
            if number % apart == apart // 2:
                kept.append(brick)
        header = Header.describe(layout, grid, foreign.format, plan.level, plan.target)
        overhead = preamble_length(header.chunks) + len(foreign.head) + 2 * len(foreign.companion) // 3
        return cls(kept, total, apart == 1, overhead, max(0.0, high - low), threads)

    def core(self) -> "Trial":
        """Only the middle of the middle brick."""
        middle = self.bricks[len(self.bricks) // 2 :][:1]
        parts = [np.ascontiguousarray(brick[middle_of(brick.shape, CORE)]) for brick in middle]
        return replace(self, bricks=parts, whole=False, overhead=0)

    def measure(self, plan: Plan) -> Result:
        """Code the bricks."""
        coded = tuple(map_ordered(lambda brick: code_brick(brick, plan), self.bricks, self.threads))
        tried = sum(brick.size for brick in self.bricks)
        length = sum(len(brick.payload) for brick in coded)
        bits = 8 * (length / max(1, tried) + self.overhead / max(1, self.samples))
        return Result(bits, sum((brick.tally for brick in coded), Tally()), self.peak, coded)

    def settled(self, plan: Plan, log_step: float, result: Result) -> Plan:
        """The plan with this step, and its bricks if these are all."""
        return replace(self.with_step(plan, log_step), ready=result.coded if self.whole else ())

    def with_step(self, plan: Plan, log_step: float) -> Plan:
        """The same plan with a step of ``2 ** log_step``."""
        return replace(plan, fidelity=Fidelity.stepped(2.0**log_step, plan.fidelity.bound))

    def solve(
        self, plan: Plan, value: Callable[[Result], float], wanted: tuple[float, float], slope: float, log_step: float
    ) -> tuple[float, Result]:
        """Find the step for which `value` of the result is in the range `wanted`.

        `value` falls with the step, by about `slope` per doubling; `log_step` is a first guess. Returns the logarithm of the
        step to base 2 and its result: the last that was tried, if none is near enough.
        """
        lowest, highest = math.log2(self.peak * FINEST), math.log2(self.peak * COARSEST)
        aim = (wanted[0] + wanted[1]) / 2
        finer, coarser = lowest, highest
        step = min(max(log_step, lowest), highest)
        before: tuple[float, float] | None = None
        result = self.measure(self.with_step(plan, step))
        for _ in range(ROUNDS):
            got = value(result)
            if wanted[0] <= got <= wanted[1] or coarser - finer < 1e-4:
                break
            if got > aim:
                finer = step
            else:
                coarser = step
            if before is not None and math.isfinite(got) and before[0] != step and before[1] != got:
                slope = min(max((before[1] - got) / (step - before[0]), slope / 4), slope * 4)
            before = (step, got) if math.isfinite(got) else None
            following = step + (got - aim) / slope if math.isfinite(got) else (step + coarser) / 2
            step = following if finer < following < coarser else (finer + coarser) / 2
            result = self.measure(self.with_step(plan, step))
        return step, result
