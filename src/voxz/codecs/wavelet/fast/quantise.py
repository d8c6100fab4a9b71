"""Coefficients of a band in half steps, and a first guess of what becomes of some of its rows, which weights are fitted to."""

import numpy as np

from voxz.codecs.wavelet.fast.contexts import MOST_SHIFT
from voxz.codecs.wavelet.fast.encode_walk import LARGEST, take_row
from voxz.codecs.wavelet.fast.split_rows import LANES, padded
from voxz.codecs.wavelet.fast.walk import as_context, shrink_of
from voxz.jit import apart_kernel, at, kernel

USUAL = 24
"""Magnitudes are shifted until their mean is at most this many half steps."""


@kernel
def take_band(source, values):  # type: ignore[no-untyped-def]
    """Take a band in half steps.

    Parameters
    ----------
    source : see `encode_walk.Coefficients`
    values : float32 (rows, phases, filled up), filled
    """
    for row in range(values.shape[0]):
        take_row(source, row, values[row, 0], values[row, 1])


@kernel
def mark_rows(every, height, wanted):  # type: ignore[no-untyped-def]
    """Mark one of so many rows, and those that its features are taken from.

    Parameters
    ----------
    every : of so many rows one
    height : rows of a slice
    wanted : bool (rows,), false at first
    """
    for row in range(every // 2, wanted.size, every):
        for behind in (0, 1, 2, height - 1, height, height + 1):
            wanted[max(row - behind, 0)] = True


@apart_kernel
def _guess_phase(values, count, rounding, quantisers, shrink, magnitudes, signed, own):  # type: ignore[no-untyped-def]
    """Keep the guessed magnitudes of values, with and without signs; return how many are not zero, and the sum of magnitudes.

    Parameters
    ----------
    values : float32 (count or more,), in half steps
    count : columns, filled up
    rounding : float32, is added before a magnitude is cut to a whole number of steps, or of half steps with two quantisers
    quantisers : 1 or 2
    shrink, magnitudes, signed, own : as for `encode_walk.keep`
    """
    step = np.int32(2) if quantisers == 1 else np.int32(1)
    inverse = np.float32(1.0) / np.float32(step)
    some, total = np.int64(0), np.int64(0)
    for first in range(0, count, LANES):
        for lane in range(LANES):
            value = values[at(first + lane)]
            size = np.int32(np.int32(min(abs(value), np.float32(LARGEST)) * inverse + rounding) * step)
            kept = as_context(size, shrink)
            some += np.int64(size > 0)
            total += np.int64(size)
            magnitudes[at(own + first + lane)] = np.uint8(kept)
            signed[at(own + first + lane)] = np.int8(-kept if value < np.float32(0.0) else kept)
    return some, total


@kernel
def guess_band(band, source, rounding, wanted, room):  # type: ignore[no-untyped-def]
    """Fill magnitudes and signs of wanted rows by rounding alone; return the share that is not zero, and the mean in half steps.

    Parameters
    ----------
    band : `walk.Band`, changed
    source : `encode_walk.Coefficients`
    rounding : as for `_guess_phase`
    wanted : bool (rows,)
    room : `walk.Room`
    """
    filled, shrink = padded(band.shape[2]), shrink_of(band.shift)
    some, total, rows = np.int64(0), np.int64(0), np.int64(0)
    for row in range(wanted.size):
        if wanted[row]:
            take_row(source, row, room.values[0], room.values[1])
            for phase in range(2):
                own, line = row * band.pitch + 1 + phase * (band.pitch // 2), room.values[phase]
                found = _guess_phase(line, filled, rounding, band.quantisers, shrink, band.magnitudes, band.signed, own)
                some, total = some + found[0], total + found[1]
            rows += 1
    return some / (rows * band.shape[2]), total / (rows * band.shape[2])


def shift_for(mean: float) -> int:
    """Places that magnitudes are shifted by as contexts, for their mean, in half steps."""
    shift = 0
    while shift < MOST_SHIFT and mean > USUAL << shift:
        shift += 1
    return shift
