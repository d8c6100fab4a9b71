"""Quantiser steps of residuals: from what may be lost to whole steps, in stored units and in dense ones."""

import math

from voxz.fidelity import Fidelity

LARGEST_STEP = (1 << 27) - 1


def step_of(fidelity: Fidelity) -> int:
    """Largest step of integer residuals that keeps a `fidelity`: half of it, rounded down, is the largest error."""
    bound = min(fidelity.bound, float(LARGEST_STEP >> 1))
    within = 2 * max(0, math.floor(bound)) + 1
    if math.isinf(fidelity.bound) and not fidelity.step:
        return 1
    return min(within, max(1, int(min(fidelity.step, float(LARGEST_STEP)) + 0.5))) if fidelity.step else within


def step_among(step: int, common: int) -> int:
    """The same for values that are `common` apart."""
    return step if common == 1 else 2 * (step // 2 // common) + 1
