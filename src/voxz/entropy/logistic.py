"""Tables of the logistic function and of log odds, from data files: the same on every machine."""

from pathlib import Path

import numpy as np

from voxz.entropy.fixed_point import read_table

REACH = 12
"""The logistic function is tabled for -REACH .. REACH."""

STEPS = 128
"""Entries for a change of its argument by one."""

PROBABILITY_BITS = 12
"""Resolution of probabilities in the table of log odds."""

FRACTION_BITS = 30

LOGISTIC = read_table(Path(__file__).with_name("logistic.npy"), FRACTION_BITS)
"""``1 / (1 + exp(-x))`` at multiples of 1 / STEPS; the last entry stands twice, for interpolation."""

LOG_ODDS = read_table(Path(__file__).with_name("log_odds.npy"), FRACTION_BITS)
"""``ln(p / (1 - p))`` in the middle of each of 2**PROBABILITY_BITS intervals of p."""

QUARTER_OCTAVES = np.array([((error + 2) ** 4).bit_length() - 5 for error in range(4096)], np.int64)
"""``4 log2(e + 2) - 4`` rounded down, of an error e in 1/16."""

RECIPROCALS = np.array([65536 * 2 // (2 * count + 3) for count in range(256)], np.int64)
"""``65536 / (count + 1.5)``: how far a counter moves after `count` decisions."""
