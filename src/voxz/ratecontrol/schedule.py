"""The bricks of a large volume on their way to a target: what is off so far is made up by those that are left.

A survey reads the volume once, and drafts foresee what each brick will take at three steps around the one that a few bricks gave.
Then the bricks are coded in order, first half of them, then half of what is left, and so on. Before each of these groups the step
is chosen with which the whole will meet its target, if what is left compares with its forecasts as the group before did.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.pipeline.encode import code_brick
from voxz.pipeline.plan import Coded, Plan
from voxz.ratecontrol.drafts import Drafts
from voxz.ratecontrol.goals import BitsGoal, PsnrGoal
from voxz.ratecontrol.step_search import with_step
from voxz.threads import map_ordered

REACH = 0.75
"""Doublings of the step to either side that are foreseen, and that bricks may differ by from the first guess."""

CLOSE = 0.001
"""Doublings of the step to which it is found."""

Brick = NDArray[Any]


@dataclass(frozen=True)
class Survey:
    """What the bricks of a volume will take.

    Attributes
    ----------
    lengths, squares : float64 (bricks, 3), bytes and squared errors of the fast profile, at three steps
    counted : samples whose errors count
    """

    lengths: NDArray[np.float64]
    squares: NDArray[np.float64]
    counted: int

    @classmethod
    def of(cls, bricks: Iterator[Brick], plan: Plan, log_step: float, threads: int) -> "Survey | None":
        """Survey bricks for steps around ``2 ** log_step``; None where a draft does not suit one of them."""

        def look(brick: Brick) -> tuple[list[float], list[float], int] | None:
            drafts = Drafts.of([brick], 2.0**log_step, 1)
            if drafts is None:
                return None
            counted = brick.size if plan.target.counts_background else drafts.drafts[0].coded
            (length,), (square,) = drafts.forecast(2.0**log_step, plan.level)
            guesses = [drafts.guess(2.0 ** (log_step + change), plan.level) for change in (-REACH, 0.0, REACH)]
            lengths, squares = [length for (length,), _ in guesses], [square for _, (square,) in guesses]
            return [n * length / lengths[1] for n in lengths], [n * square / max(squares[1], 1e-300) for n in squares], counted

        rows = []
        for found in map_ordered(look, bricks, threads):
            if found is None:
                return None
            rows.append(found)
        return cls(np.array([row[0] for row in rows]), np.array([row[1] for row in rows]), sum(row[2] for row in rows))


@dataclass(frozen=True)
class Schedule:
    """Codes the bricks of a volume one after the other.

    Attributes
    ----------
    plan : of all bricks but for the step
    goal : says what counts of a brick
    log_step : logarithm to base 2 of the middle step of the survey
    totals : float64 (bricks, 3), what counts, as surveyed
    wanted : what they are to come to
    share : what bricks are expected to take of what was surveyed
    threads : as ever; they change no byte
    """

    plan: Plan
    goal: PsnrGoal | BitsGoal
    log_step: float
    totals: NDArray[np.float64]
    wanted: float
    share: float
    threads: int

    def __call__(self, bricks: Iterator[Brick]) -> Iterator[Coded]:
        """Code them."""
        done, got, share = 0, 0.0, self.share
        while done < len(self.totals):
            group = self.totals[done : done + max(1, (len(self.totals) - done) // 2)]
            change = self.change(done, got, share)
            own = 0.0
            for coded in map_ordered(
                _coding(with_step(self.plan, self.log_step + change)), islice(bricks, len(group)), self.threads
            ):
                own += self.goal.part(coded)
                yield coded
            foreseen = float(_at(group, change).sum())
            share = own / foreseen if own > 0 and foreseen > 0 else share
            done, got = done + len(group), got + own

    @property
    def reaches(self) -> bool:
        """Whether a step that was surveyed will do."""
        return abs(self.change()) < REACH - CLOSE

    def change(self, done: int = 0, got: float = 0.0, share: float = 0.0) -> float:
        """How much coarser the step has to be, in doublings, once so many bricks are done, and what they `got`."""
        left, low, high = (self.wanted - got) / (share or self.share), -REACH, REACH
        while high - low > CLOSE:
            middle = (low + high) / 2
            beyond = float(_at(self.totals[done:], middle).sum()) > left
            low, high = (low, middle) if beyond == (self.goal.slope > 0) else (middle, high)
        return (low + high) / 2


def _coding(plan: Plan) -> Callable[[Brick], Coded]:
    """Codes bricks by a plan."""
    return lambda brick: code_brick(brick, plan)


def _at(totals: NDArray[np.float64], change: float) -> NDArray[np.float64]:
    """Totals (bricks,) between those that were surveyed, of which there are three for each; logarithms lie on lines."""
    place = min(max(change / REACH + 1, 0.0), 2.0)
    first = min(math.floor(place), 1)
    logs = np.log2(np.maximum(totals, 1e-300))
    found: NDArray[np.float64] = 2.0 ** (logs[:, first] + (place - first) * (logs[:, first + 1] - logs[:, first]))
    return found
