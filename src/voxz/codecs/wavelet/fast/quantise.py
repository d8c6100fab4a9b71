"""Coefficients of a band taken from the volume in half steps, and a first guess of what they become, which weights are fitted to.

They are kept as ``(rows, phases, columns)``, columns filled up as in `split_rows`, but without guards.
"""

import numpy as np

from voxz.codecs.wavelet.fast.contexts import MOST_SHIFT
from voxz.codecs.wavelet.fast.encode_walk import LARGEST, give_signs
from voxz.codecs.wavelet.fast.split_rows import LANES
from voxz.codecs.wavelet.fast.walk import keep
from voxz.jit import apart_kernel, at, kernel

USUAL = 24
"""Magnitudes are shifted until their mean is at most this many half steps."""


@apart_kernel
def _take_phase(volume, start, count, inverse, line):  # type: ignore[no-untyped-def]
    """Take every second coefficient of a row, in half steps; return the sum of their whole magnitudes.

    Parameters
    ----------
    volume : float32 (samples,)
    start : place of the first
    count : how many
    inverse : float32, half steps of 1
    line : float32 (count or more,), filled
    """
    for i in range(count):
        line[at(i)] = volume[at(start + 2 * i)]
    total = np.int64(0)
    for i in range(count):
        value = line[at(i)] * inverse
        line[at(i)] = value
        total += np.int64(np.int32(min(abs(value), LARGEST)))
    return total


@kernel
def take_band(volume, start, apart, shape, inverse, values):  # type: ignore[no-untyped-def]
    """Fill the `values` of a band in half steps; return the sum of their whole magnitudes.

    Parameters
    ----------
    volume, start, apart : as for `decode_walk.decode_band`
    shape : slices, rows and columns of the band
    inverse : float32, half steps of 1
    values : float32 (rows, phases, filled up), zeros at first, filled
    """
    depth, height, width = shape
    evens = (width + 1) // 2
    total = np.int64(0)
    for z in range(depth):
        for y in range(height):
            first, row = start + z * apart[0] + y * apart[1], z * height + y
            total += _take_phase(volume, first, evens, inverse, values[row, 0])
            total += _take_phase(volume, first + 1, width - evens, inverse, values[row, 1])
    return total


@apart_kernel
def _guess_phase(values, count, rounding, quantisers, sizes):  # type: ignore[no-untyped-def]
    """Fill the guessed magnitudes of values; return how many are not zero.

    Parameters
    ----------
    values : float32 (count or more,), in half steps
    count : columns, filled up
    rounding : float32, is added before a magnitude is cut to a whole number of steps, or of half steps with two quantisers
    quantisers : 1 or 2
    sizes : int32 (count or more,), filled, in half steps
    """
    step = np.float32(2.0) if quantisers == 1 else np.float32(1.0)
    inverse = np.float32(1.0) / step
    some = np.int64(0)
    for first in range(0, count, LANES):
        for lane in range(LANES):
            i = at(first + lane)
            size = np.int32(np.float32(np.int32(min(abs(values[i]), LARGEST) * inverse + rounding)) * step)
            sizes[i] = size
            some += np.int64(size > 0)
    return some


@kernel
def guess_band(band, values, rounding, room):  # type: ignore[no-untyped-def]
    """Fill the magnitudes and signs of a band by rounding alone; return how many are not zero.

    Parameters
    ----------
    band : `walk.Band`, changed
    values : float32 (rows, phases, filled up), in half steps
    rounding : as for `_guess_phase`
    room : `walk.Room`
    """
    filled = values.shape[2]
    some = np.int64(0)
    for row in range(values.shape[0]):
        for phase in range(2):
            line, own = values[row, phase], row * band.pitch + 1 + phase * (band.pitch // 2)
            some += _guess_phase(line, filled, rounding, band.quantisers, room.sizes)
            keep(room.sizes, filled, band.shift, band.magnitudes, band.signed, own)
            give_signs(line, filled, band.signed, own)
    return some


def shift_for(total: int, count: int) -> int:
    """Places that magnitudes are shifted by as contexts, for the sum of the magnitudes of so many, in half steps."""
    shift = 0
    while shift < MOST_SHIFT and total >> shift > USUAL * count:
        shift += 1
    return shift
