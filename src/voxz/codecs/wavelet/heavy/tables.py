"""Logarithms, powers of two and log odds, from data files: the same on every machine."""

from pathlib import Path

import numpy as np

from voxz.entropy.fixed_point import read_table
from voxz.entropy.logistic import LOG_ODDS, PROBABILITY_BITS
from voxz.jit import at, kernel

LOG_BITS = 12
"""Whole numbers below ``2 ** LOG_BITS`` have tabled logarithms."""

POWER_STEPS = 256
"""Tabled powers for an exponent that grows by one."""

NOTHING = -1.0
"""Logarithm of a magnitude of 0, plus a half."""

LOWEST_POWER, HIGHEST_POWER = -24, 24

EDGE = 1 << PROBABILITY_BITS
"""Chances below EDGE / 2**16, and above one minus that, have log odds of finer resolution."""

FRACTION_BITS = 40

LOGS = read_table(Path(__file__).with_name("logarithms.npy"), FRACTION_BITS)
"""``log2(n)``; 0 for n = 0."""

POWERS = read_table(Path(__file__).with_name("powers.npy"), FRACTION_BITS)
"""``2 ** (i / POWER_STEPS)``, for i up to POWER_STEPS."""

EDGE_ODDS = read_table(Path(__file__).with_name("edge_odds.npy"), FRACTION_BITS)
"""``ln(p / (1 - p))`` for p = (i + 1/2) / 2**16, i below EDGE."""

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
