"""Trying steps until a size or a PSNR is near enough: on small parts of a volume first, then on its bricks.

Both goals are totals over bricks, of squared errors or of bytes. So when the bricks have been coded once with a step that was
found on small parts, and their total is a little off, it is enough to code some of them again with another step.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.fidelity import Fidelity
from voxz.codecs.wavelet.fast.draft import Draft
from voxz.metrics import extent_of
from voxz.pipeline.distortion import Tally
from voxz.pipeline.encode import around, check_brick, code_blindly, code_brick, sharpened
from voxz.pipeline.plan import Coded, Plan
from voxz.pipeline.samples import Samples
from voxz.pipeline.slabs import bricks_of, grid_of
from voxz.ratecontrol.drafts import Drafts
from voxz.ratecontrol.goals import Forecast, Goal, PsnrGoal, Result
from voxz.ratecontrol.secant import ROUNDS, find_step
from voxz.threads import map_ordered

if TYPE_CHECKING:
    from voxz.codecs.wavelet.chosen import Chosen

MOST_TRIED = 1 << 24
"""Volumes up to this many samples are searched whole."""

SOME_TRIED = 1 << 22
"""For larger volumes, search on evenly spaced bricks that total about this many samples."""

PROBED, SHARE, PARTS = (1 << 16, 1 << 19), 14, 9
"""Least and most samples on which the first steps are tried, a 14th of a volume in between; in at most so many parts."""

PROBED_VOLUMES, PROBED_SLICES, SIDE = 16, 24, 32
"""Lengths of a part along the series and z at most, and along y and x at least."""

PATCHES = 6

CLOSE, APART = 0.5, 0.25
"""Doublings of the step below which some bricks are coded again instead of all; by how many doublings their steps may differ."""

NEARBY, MORE = 0.15, 2
"""Doublings of the step over which slopes are relied on, and how many more forecasts are made farther off."""

GUESSES = 30
"""Steps that are guessed at most."""

SHARPENED, PRECISION = 0.04, 0.001
"""Share of the squared error that corrections make up at most, for they cost twice the bytes of a finer step, and how exactly."""

LENGTHENED = 1.02
"""Length with corrections, to that without, from which on another step is tried: at low rates corrections cost most."""

STEERED = 2
"""First attempts in which codecs are told the lengths that are wanted: later ones rely on what a step alone does."""

LONG = 1 << 20
"""Samples from which on the record of losses does not matter for the length of a file, and errors can be made up finely."""

FINEST, COARSEST = 2.0**-22, 4.0
"""Steps as multiples of the range of the samples."""

FINEST_GUESSED = 2.0**-3
"""The finest step that is guessed for integers: most transforms bring them back exactly with it, and guesses go astray there."""

Bricks = list[NDArray[np.generic]]


@dataclass(frozen=True)
class Trial:
    """Bricks, or parts of bricks, of a volume, on which plans are tried.

    Attributes
    ----------
    bricks : in native byte order
    samples : how many the whole volume has
    whole : whether these are all of its bricks
    around : bytes of a file that are not bricks, for a plan and its losses
    peak : max - min of the whole volume
    drafts : of the bricks, if there are some; they save wavelets time
    """

    bricks: Bricks
    samples: int
    whole: bool
    around: Callable[[Plan, Tally], int]
    peak: float
    threads: int
    drafts: Drafts | None = None

    @classmethod
    def of(cls, samples: Samples, plan: Plan, threads: int, most: float | None = None) -> "Trial":
        """Read a volume once, and keep its bricks; of one with more than `most` samples, or MOST_TRIED, some."""
        layout, foreign = samples.layout, samples.foreign
        grid = grid_of(layout, plan)
        total = math.prod(layout.canonical)
        apart = 1 if total <= (MOST_TRIED if most is None else most) else math.ceil(total / SOME_TRIED)
        kept: Bricks = []
        low, high = math.inf, -math.inf
        for number, brick in enumerate(bricks_of(samples, grid)):
            if brick.dtype.kind in "iufb":
                lowest, highest = extent_of(brick)
                low, high = min(low, lowest), max(high, highest)
            if number % apart == apart // 2 or len(grid) <= apart // 2:
                kept.append(brick)
        tail = samples.read_tail()
        return cls(
            kept,
            total,
            len(kept) == len(grid),
            lambda plan, tally: around(plan, layout, foreign, tail, tally),
            max(0.0, high - low),
            threads,
        )

    def probe(self) -> "Trial":
        """Small parts from all over the volume. Those of single volumes form a series: they share what a brick has once."""
        probed = min(max(self.samples // SHARE, PROBED[0]), PROBED[1])
        least = [min(lengths) for lengths in zip(*(brick.shape for brick in self.bricks), strict=True)]
        across = math.isqrt(max(1, min(PARTS, probed // math.prod(_part(least, 0)))))
        count = across**2
        shape = _part(least, probed // count)
        some = [self.bricks[len(self.bricks) * (2 * k + 1) // (2 * count)] for k in range(count)]
        parts = [
            np.ascontiguousarray(brick[_place(brick.shape, shape, *divmod(k, across), across)]) for k, brick in enumerate(some)
        ]
        joined = parts if least[0] > 1 or count == 1 else [np.concatenate(parts)]
        return replace(self, bricks=joined, whole=False, around=lambda plan, tally: 0, drafts=None)

    def drafted(self, log_step: float) -> "Trial":
        """With drafts for about a step of ``2 ** log_step``, if the bricks suit them."""
        return replace(self, drafts=Drafts.of(self.bricks, 2.0**log_step, self.threads))

    def forecast(self, plan: Plan, log_step: float, measured: bool = False) -> Forecast:
        """What a step of ``2 ** log_step`` will cost at the level of a plan, or the one that stands for it; from drafts."""
        assert self.drafts is not None
        return self._expected(plan, *self.drafts.forecast(2.0**log_step, plan.level, measured))

    def guess(self, plan: Plan, log_step: float) -> Forecast:
        """The same at once, and five times as far off."""
        assert self.drafts is not None
        return self._expected(plan, *self.drafts.guess(2.0**log_step, plan.level))

    def _expected(self, plan: Plan, lengths: list[float], squares: list[float]) -> Forecast:
        """What bricks of these lengths and squared errors come to, for the whole volume."""
        assert self.drafts is not None
        background = plan.target.counts_background
        counted = self._tried if background else sum(draft.coded for draft in self.drafts.drafts)
        length = sum(lengths) * (self.samples / max(1, self._tried)) + self.around(plan, Tally())
        return Forecast(length, self.samples, Tally(0.0, sum(squares), counted), self.peak, tuple(lengths))

    def guessed(self, plan: Plan, goal: Goal, log_step: float) -> float:
        """Logarithm of a step with which a `goal` is guessed to be met."""
        finest, coarsest = self._bracket()
        if all(brick.dtype.kind in "iu" for brick in self.bricks):
            finest = max(finest, math.log2(FINEST_GUESSED))
        bracket = finest, max(finest, coarsest)
        step, _ = find_step(lambda step: self.guess(plan, step), goal, log_step, bracket, GUESSES)
        return step

    def foresee(self, plan: Plan, goal: Goal, log_step: float, measured: bool) -> tuple[float, Forecast, float]:
        """A step near which a `goal` will be met, what it will cost, and the slope there: guessed first, then forecast.

        If it is `measured`, errors are foreseen as the fast profile itself will have them.
        """
        step = self.guessed(plan, goal, log_step)
        exact, slope = self.forecast(plan, step, measured), self.slope(plan, goal, step)
        for _ in range(MORE):
            change = doublings(goal.wanted(exact)[1], goal.total(exact), slope)
            if abs(change) <= NEARBY:
                break
            step += change
            exact, slope = self.forecast(plan, step, measured), self.slope(plan, goal, step)
        return step, exact, slope

    def slope(self, plan: Plan, goal: Goal, log_step: float) -> float:
        """Doublings of what a `goal` is about for a doubling of the step, as it is guessed."""
        steps = log_step - APART, log_step + APART
        one, other = ((step, goal.total(self.guess(plan, step))) for step in steps)
        return slope_of(one, other, goal.slope)

    def _bracket(self) -> tuple[float, float]:
        """Logarithms to base 2 of the finest and the coarsest step."""
        return math.log2(self.peak * FINEST), math.log2(self.peak * COARSEST)

    def measure(self, plan: Plan) -> Result:
        """Code the bricks."""
        return self.result(plan, list(map_ordered(lambda brick: code_brick(brick, plan), self.bricks, self.threads, self._tried)))

    def stepped(
        self, plan: Plan, log_step: float, blind: bool = False, lengths: Sequence[float] = (), mean_square: float = 0.0
    ) -> Result:
        """Code the bricks with a step of ``2 ** log_step``, if there are `lengths` near these; if `blind`, only for their own.

        A `mean_square` that is not 0 is what each should have, where the step does not foresee it.
        """
        plans = [with_step(plan, log_step, length, mean_square) for length in lengths or [0.0] * len(self.bricks)]
        code = code_blindly if blind else code_brick
        own = list(zip(self.bricks, plans, self._drafts(), self._chosen, strict=True))
        return self.result(plan, list(map_ordered(lambda brick: code(*brick), own, self.threads, self._tried)))

    def _drafts(self) -> Sequence[Draft | None]:
        """The draft of each brick."""
        return [None] * len(self.bricks) if self.drafts is None else self.drafts.drafts

    @cached_property
    def _chosen(self) -> "list[list[Chosen]]":
        """What each brick goes through at the last step that it was coded with, kept for the next one."""
        return [[] for _ in self.bricks]

    @property
    def _tried(self) -> int:
        """Samples of the bricks."""
        return sum(brick.size for brick in self.bricks)

    @property
    def _long(self) -> bool:
        """Whether the files are so long that what the record of losses says does not matter for their length."""
        return self._tried >= LONG

    def _checked(self, plan: Plan, result: Result) -> Result:
        """The same result, with what blindly coded bricks decode to."""
        pairs = list(zip(self.bricks, result.coded, self._drafts(), strict=True))
        checked = map_ordered(lambda own: _seen(*own, plan), pairs, self.threads, self._tried)
        return self.result(plan, list(checked))

    def approach(
        self,
        plan: Plan,
        goal: Goal,
        log_step: float,
        rounds: int = ROUNDS,
        lengths: Sequence[float] = (),
    ) -> tuple[float, Result]:
        """Step for which a `goal` is met, and its result; see `voxz.ratecontrol.secant.find_step`.

        If there are `lengths` of the bricks that meet it, codecs that can come near them, with the first STEERED steps.
        The error of a brick that is the whole volume is told with the first step.
        """
        blind = goal.blind and self._long and math.isinf(plan.fidelity.bound)

        def mend(log_step: float, off: float, result: Result) -> Result | None:
            sharper = self._sharpened(plan, goal, result) if isinstance(goal, PsnrGoal) and self.whole else None
            if sharper is not None or not self.whole or len(self.bricks) == 1 or abs(off) >= CLOSE:
                return sharper
            return self._patched(plan, goal, log_step, result)

        alone = self.whole and len(self.bricks) == 1 and not plan.target.counts_background
        aims = iter([goal.mean_square(self.peak)] if isinstance(goal, PsnrGoal) and alone else [])
        steered = [lengths] * STEERED if lengths else []
        told = iter(steered)

        def attempt(log_step: float) -> Result:
            return self.stepped(plan, log_step, blind, next(told, ()), next(aims, 0.0))

        step, result = find_step(attempt, goal, log_step, self._bracket(), rounds, mend, len(steered))
        return step, self._checked(plan, result)

    def _sharpened(self, plan: Plan, goal: PsnrGoal, result: Result) -> Result | None:
        """Result with corrections that bring it to a PSNR from just below; None where it is elsewhere, or they take much."""
        squares, (_, _, most) = goal.total(result), goal.wanted(result)
        share = 1 - most * (1 - PRECISION) / squares if squares else 0.0
        if not PRECISION < share < SHARPENED:
            return None
        pairs = list(zip(self.bricks, result.coded, self._drafts(), strict=True))

        def sharper(own: tuple[NDArray[np.generic], Coded, Draft | None]) -> Coded | None:
            brick, coded, draft = own
            return sharpened(brick, plan, coded, share * goal.part(coded), (LENGTHENED - 1) * result.length, draft)

        some = map_ordered(sharper, pairs, self.threads, self._tried)
        coded = [brick for brick in some if brick is not None]
        if len(coded) < len(pairs):
            return None
        found = self.result(plan, coded)
        return found if found.length <= LENGTHENED * result.length else None

    def _patched(self, plan: Plan, goal: Goal, log_step: float, result: Result) -> Result:
        """Result with some bricks coded again, so that a goal is met which is not far."""
        steps = [log_step] * len(self.bricks)
        for _ in range(PATCHES):
            least, middle, most = goal.wanted(result)
            missing = middle - goal.total(result)
            if least <= goal.total(result) <= most:
                break
            chosen, change = _to_change(result.coded, goal, missing)
            for k in chosen:
                steps[k] += change
            coded = list(result.coded)
            drafts = self._drafts()
            own = [(self.bricks[k], with_step(plan, steps[k]), drafts[k], self._chosen[k]) for k in chosen]
            again = map_ordered(lambda brick: code_brick(*brick), own, self.threads, self._tried)
            for k, brick in zip(chosen, again, strict=True):
                coded[k] = brick
            result = self.result(plan, coded)
        return result

    def result(self, plan: Plan, coded: Sequence[Coded]) -> Result:
        """What these coded bricks come to, for the whole volume."""
        tally = sum((brick.tally for brick in coded), Tally())
        length = sum(len(brick.payload) for brick in coded) * (self.samples / max(1, self._tried)) + self.around(plan, tally)
        return Result(length, self.samples, tally, self.peak, tuple(coded))


def _seen(brick: NDArray[np.generic], coded: Coded, draft: Draft | None, plan: Plan) -> Coded:
    """A coded brick; decoded, if it was not before."""
    return check_brick(brick, plan, coded, draft) if coded.tally == Tally() else coded


def slope_of(one: tuple[float, float], other: tuple[float, float], usual: float) -> float:
    """Doublings of a total for a doubling of the step, from two logarithms of steps and their totals; near what is `usual`."""
    apart, known = other[0] - one[0], one[1] > 0 and other[1] > 0
    measured = math.log2(other[1] / one[1]) / apart if apart and known else usual
    return min(max(measured / usual, 0.25), 4.0) * usual


def doublings(wanted: float, total: float, slope: float) -> float:
    """How much coarser a step has to be, in doublings, for a total to become what is `wanted`."""
    return math.log2(wanted / total) / slope if wanted > 0 and total > 0 else 0.0


def with_step(plan: Plan, log_step: float, length: float = 0.0, mean_square: float = 0.0) -> Plan:
    """The same plan with a step of ``2 ** log_step``, and bytes and an error for a brick."""
    return replace(plan, fidelity=Fidelity.stepped(2.0**log_step, plan.fidelity.bound, length, mean_square))


def _part(shape: Sequence[int], samples: int) -> tuple[int, int, int, int]:
    """Lengths of a part ``(series, z, y, x)`` of about this many samples."""
    series = min(shape[0], PROBED_VOLUMES)
    slices = min(shape[1], PROBED_SLICES if series == 1 else PROBED_SLICES // 2)
    side = max(SIDE, math.isqrt(samples // (series * slices * shape[4])))
    rows = min(side, shape[2])
    return series, slices, rows, min(shape[3], max(side, samples // (series * slices * rows * shape[4])))


def _place(shape: tuple[int, ...], part: tuple[int, ...], row: int, column: int, across: int) -> tuple[slice, ...]:
    """Where in a brick the part in this row and column lies, of `across` in each; it is in the middle of its share of y and x."""
    layer = (2 * row + column) % across
    rooms = [n - length for n, length in zip(shape, part, strict=False)]
    starts = [rooms[0] // 2, rooms[1] * layer // (across - 1) if across > 1 else rooms[1] // 2]
    for axis, number in ((2, row), (3, column)):
        starts.append(min(max((2 * number + 1) * shape[axis] // (2 * across) - part[axis] // 2, 0), rooms[axis]))
    return tuple(slice(start, start + length) for start, length in zip(starts, part, strict=True))


def _to_change(coded: Sequence[Coded], goal: Goal, missing: float) -> tuple[list[int], float]:
    """As few bricks as can add what is `missing`, at equal distances, and the doublings of their step that it takes."""
    count, change = len(coded), 0.0
    for number in range(1, count + 1):
        chosen = [count * (2 * k + 1) // (2 * number) for k in range(number)]
        amount = sum(goal.part(coded[k]) for k in chosen)
        change = math.log2((amount + missing) / amount) / goal.slope if amount > 0 and amount + missing > 0 else math.inf
        if abs(change) <= APART:
            break
    return chosen, max(-2 * CLOSE, min(change, 2 * CLOSE))
