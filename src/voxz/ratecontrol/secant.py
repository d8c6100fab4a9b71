"""The one search for a quantiser step, whatever codes with it: a secant on logarithms, kept inside a bracket."""

import math
from collections.abc import Callable
from typing import TypeVar

from voxz.ratecontrol.goals import Goal, Measured

ROUNDS = 14

NARROW, BESIDE = 0.004, 0.011
"""Width of the bracket, in doublings of the step, at which a total has jumped over the goal, and distance of the steps around it
that are tried then: prediction with loss is chaotic, and one of them may give what is wanted."""

M = TypeVar("M", bound=Measured)


def find_step(
    attempt: Callable[[float], M],
    goal: Goal,
    log_step: float,
    bracket: tuple[float, float],
    rounds: int = ROUNDS,
    mend: Callable[[float, float, M], M | None] = lambda step, off, result: None,
    steered: int = 0,
) -> tuple[float, M]:
    """Find the step for which a `goal` is met.

    Parameters
    ----------
    attempt : codes with a step, given as its logarithm to base 2
    log_step : guess of that logarithm
    bracket : lowest and highest logarithm
    mend : makes a result meet the goal without another attempt, if it can; `off` is how far it is off, in doublings of the step
    steered : first attempts that do more than code with a step: they say little of where others find it

    Returns the logarithm of the step and its result. If none is near enough, it is the nearest, or the nearest one below what is
    wanted if the goal is strict and there is one.
    """
    fine, coarse = bracket
    step, slope = min(max(log_step, fine), coarse), goal.slope
    before: tuple[float, float] | None = None
    below: tuple[float, M] | None = None
    nearest: tuple[float, M] | None = None
    distance, jumps = math.inf, 0
    for number in range(rounds):
        result = attempt(step)
        total, (least, middle, most) = goal.total(result), goal.wanted(result)
        if least <= total <= most:
            return step, result
        if total < least and (below is None or total > goal.total(below[1])):
            below = step, result
        off = math.log2(middle / total) if total > 0 else math.copysign(math.inf, slope)
        if abs(off) < distance:
            nearest, distance = (step, result), abs(off)
        mended = mend(step, off / slope, result)
        if mended is not None and least <= goal.total(mended) <= most:
            return step, mended
        if not jumps and number >= steered:
            fine, coarse = (step, coarse) if (off > 0) == (slope > 0) else (fine, step)
        if coarse - fine < NARROW:
            jumps += 1
            step = (fine + coarse) / 2 + (jumps + 1) // 2 * BESIDE * (-1) ** jumps
            continue
        if before is not None and math.isfinite(off) and before[0] != step and before[1] != off:
            measured = (before[1] - off) / (step - before[0])
            slope = min(max(measured / goal.slope, 0.25), 4.0) * goal.slope
        before = (step, off) if math.isfinite(off) and number >= steered else None
        following = step + (off / slope if math.isfinite(off) else 2.0)
        step = following if fine < following < coarse else (fine + coarse) / 2
    return (below if goal.strict else nearest) or (step, result)
