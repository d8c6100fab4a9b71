"""Logarithms, powers of two and log odds, tabled by exact decimal arithmetic: the same on every machine."""

from decimal import Decimal, localcontext

import numpy as np
from numpy.typing import NDArray

from voxz.entropy.logistic import LOG_ODDS, PROBABILITY_BITS
from voxz.jit import at, kernel

LOG_BITS = 12
"""Whole numbers below ``2 ** LOG_BITS`` have tabled logarithms."""

POWER_STEPS = 256
"""Tabled powers for an exponent that grows by one."""

LOWEST_POWER, HIGHEST_POWER = -24, 24

EDGE = 1 << PROBABILITY_BITS
"""Chances below EDGE / 2**16, and above one minus that, have log odds of finer resolution."""

_FRACTION = 1 << 40


def _whole(values: list[Decimal]) -> NDArray[np.float64]:
    """Rounded to 1/_FRACTION."""
    return np.array([int((value * _FRACTION).to_integral_value()) for value in values], np.float64) / _FRACTION


def _tables() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    with localcontext() as context:
        context.prec = 30
        two = Decimal(2).ln()
        logs = [Decimal(0)] + [Decimal(n).ln() / two for n in range(1, 1 << LOG_BITS)]
        powers = [(two * i / POWER_STEPS).exp() for i in range(POWER_STEPS + 1)]
        edge = [(Decimal(2 * i + 1) / Decimal(2 * ((1 << 16) - i) - 1)).ln() for i in range(EDGE)]
        return _whole(logs), _whole(powers), _whole(edge)


LOGS, POWERS, EDGE_ODDS = _tables()
"""``log2(n)``; ``2 ** (i / POWER_STEPS)``; ``ln(p / (1 - p))`` for p = (i + 1/2) / 2**16."""

OCTAVES = 2.0 ** np.arange(LOWEST_POWER, HIGHEST_POWER + 1)


@kernel
def log2_of(number):  # type: ignore[no-untyped-def]
    """``log2(number)`` of a whole number from 1 on, to about 1/1000."""
    octaves = 0.0
    while number >= 1 << LOG_BITS:
        number >>= 1
        octaves += 1.0
    return LOGS[at(number)] + octaves


@kernel
def power_of_two(exponent):  # type: ignore[no-untyped-def]
    """``2 ** exponent``, interpolated, for exponents held within the table."""
    held = min(max(exponent, LOWEST_POWER + 0.01), HIGHEST_POWER - 0.01) - LOWEST_POWER
    octave = np.int64(held)
    scaled = (held - octave) * POWER_STEPS
    index = np.int64(scaled)
    low = POWERS[at(index)]
    return OCTAVES[at(octave)] * (low + (scaled - index) * (POWERS[at(index + 1)] - low))


@kernel
def odds_of(chance):  # type: ignore[no-untyped-def]
    """``ln(chance / (1 - chance))``, bounded by about 11.8."""
    place = np.int64(min(max(chance * 65536.0, 0.0), 65535.0))
    if place < EDGE:
        return EDGE_ODDS[at(place)]
    if place >= 65536 - EDGE:
        return -EDGE_ODDS[at(65535 - place)]
    return LOG_ODDS[at(place >> (16 - PROBABILITY_BITS))]
