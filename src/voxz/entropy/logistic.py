"""Tables of the logistic function and of logarithms, made of exact decimal arithmetic: the same on every machine."""

from decimal import Decimal, localcontext

import numpy as np
from numpy.typing import NDArray

REACH = 12
"""The logistic function is tabled for -REACH .. REACH."""

STEPS = 128
"""Entries for a change of its argument by one."""

PROBABILITY_BITS = 12
"""Resolution of probabilities in the table of log odds."""

_FRACTION = 1 << 30


def _logistic() -> NDArray[np.float64]:
    """``1 / (1 + exp(-x))`` at multiples of 1 / STEPS, and one entry more for interpolation."""
    with localcontext() as context:
        context.prec = 30
        count = REACH * STEPS
        upper = [1 / (1 + (-Decimal(i) / STEPS).exp()) for i in range(count + 1)]
        whole = [int((value * _FRACTION).to_integral_value()) for value in upper]
    lower = [_FRACTION - value for value in whole[:0:-1]]
    return np.array([*lower, *whole, whole[-1]], np.float64) / _FRACTION


def _log_odds() -> NDArray[np.float64]:
    """``ln(p / (1 - p))`` in the middle of each of 2**PROBABILITY_BITS intervals of p."""
    total = 1 << PROBABILITY_BITS
    with localcontext() as context:
        context.prec = 30
        upper = [(Decimal(2 * i + 1) / Decimal(2 * (total - i) - 1)).ln() for i in range(total // 2, total)]
        whole = [int((value * _FRACTION).to_integral_value()) for value in upper]
    return np.array([-value for value in reversed(whole)] + whole, np.float64) / _FRACTION


LOGISTIC = _logistic()
LOG_ODDS = _log_odds()

QUARTER_OCTAVES = np.array([((error + 2) ** 4).bit_length() - 5 for error in range(4096)], np.int64)
"""``4 log2(e + 2) - 4`` rounded down, of an error e in 1/16."""

RECIPROCALS = np.array([65536 * 2 // (2 * count + 3) for count in range(256)], np.int64)
"""``65536 / (count + 1.5)``: how far a counter moves that has seen `count` decisions."""
