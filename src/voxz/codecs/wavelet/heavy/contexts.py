"""What is expected of a coefficient in the heavy profile, and the contexts of its counters that follow from it."""

from typing import NamedTuple

import numpy as np

from voxz.codecs.wavelet.band_rows import BESIDE
from voxz.codecs.wavelet.band_walk import REACHED
from voxz.codecs.wavelet.heavy.tables import log2_of
from voxz.codecs.wavelet.magnitude_context import UNIT_BITS, WEIGHT_BITS
from voxz.jit import at, inlined_kernel, kernel


class Expected(NamedTuple):
    """What is expected of a coefficient.

    Attributes
    ----------
    magnitude : in half steps, with UNIT_BITS fraction bits
    log, outer, inner : logarithms to the base 2 of the magnitude, of its part from other bands, and of that from the band itself
    lean : prediction of `sign_context`, in units of its weights
    near : 0 to 63, sizes of the three nearest coefficients
    shift : bits of the index that are coded with equal chances
    """

    magnitude: int
    log: float
    outer: float
    inner: float
    lean: int
    near: int
    shift: int


@inlined_kernel
def expectation(band, around, outside, x, line, leans):  # type: ignore[no-untyped-def]
    """`Expected` of a coefficient.

    Parameters
    ----------
    band : `band_context.CodedBand`
    around : `band_rows.Around`
    outside : part of the expected magnitude that is known as a whole, see `band_context.CodedBand`
    x : column, without margins
    line, leans : int64 (x,), parts of expected magnitudes and of where coefficients lean that are known for a whole row
    """
    i = at(x + BESIDE)
    row, up, back = band.magnitudes[around.row], band.magnitudes[around.up], band.magnitudes[around.back]
    signs, weights, leaning = band.signed[around.row], band.weights, band.leaning
    west, west_2 = at(x + BESIDE - 1), at(x + BESIDE - 2)
    here = line[at(x)] + (np.int64(weights[0]) << UNIT_BITS) * row[west] + (np.int64(weights[1]) << UNIT_BITS) * row[west_2]
    lean = leans[at(x)] + (np.int64(leaning[0]) << UNIT_BITS) * signs[west]
    lean += (np.int64(leaning[1]) << UNIT_BITS) * signs[west_2]
    magnitude = max((here + outside) >> WEIGHT_BITS, 0)
    shift = 0
    while (magnitude >> shift) > REACHED:
        shift += 1
    return Expected(
        magnitude,
        log2_of(2 * magnitude + 1) - 6.0,
        log2_of(2 * max(outside >> WEIGHT_BITS, 0) + 1) - 6.0,
        log2_of(2 * max(here >> WEIGHT_BITS, 0) + 1) - 6.0,
        lean,
        16 * min(row[west], 3) + 4 * min(up[i], 3) + min(back[i], 3),
        shift,
    )


@kernel
def _bin(log, per, count):  # type: ignore[no-untyped-def]
    """Bin of a logarithm from -4 on, with so many an octave."""
    return np.int64(min(max((log + 4.0) * per, 0.0), count - 1.0))


@kernel
def beside(log, expected):  # type: ignore[no-untyped-def]
    """One of 8 bins, half an octave each, of a logarithm relative to what is expected."""
    return np.int64(min(max((log - expected) * 2.0 + 4.5, 0.0), 7.99))


@kernel
def contexts_of(surroundings, around, z, y, x, expected, contexts):  # type: ignore[no-untyped-def]
    """Fill the contexts that do not depend on the decision; return the coarse bin of the expected magnitude.

    Parameters
    ----------
    surroundings : `band_walk.Surroundings`
    around : `band_rows.Around`
    z, y, x : place of the coefficient, x with margins
    expected : `Expected`
    contexts : int64 (COUNTERS,), the first nine are filled
    """
    logs, planes, log = surroundings.logs, surroundings.planes, expected.log
    row, up, top, back = logs[around.row], logs[around.up], logs[around.top], logs[around.back]
    above, below = logs[around.above], logs[around.below]
    fine = _bin(log, 6.0, 128.0)
    coarse = min(fine >> 2, 31)
    near = 0.25 * (row[x - 1] + up[x] + back[x] + 0.5 * (up[x - 1] + up[x + 1]))
    wide = row[x - 2] + up[x - 2] + up[x + 2] + top[x] + top[x - 1] + top[x + 1]
    wide = (wide + logs[around.far, x] + back[x - 1] + back[x + 1] + above[x] + below[x]) * (1.0 / 11.0)
    contexts[0] = fine
    contexts[1] = _bin(expected.outer, 2.0, 32.0) * 32 + _bin(expected.inner, 2.0, 32.0)
    contexts[2] = expected.near * 2 + min(expected.shift, 1)
    contexts[3] = (coarse * 8 + beside(row[x - 1], log)) * 8 + beside(up[x], log)
    contexts[4] = (coarse * 8 + beside(back[x], log)) * 8 + beside(wide, log)
    w = x - BESIDE
    for k in range(3):
        first = surroundings.relatives[k]
        contexts[5 + k] = coarse
        if first >= 0:
            contexts[5 + k] = (coarse * 8 + beside(planes[first, z, y, w], log)) * 8
            contexts[5 + k] += beside(planes[first + 1, z, y, w], log)
    contexts[8] = _bin(near, 4.0, 64.0) * 16 + np.int64(min(max((wide - near) * 3.0 + 8.0, 0.0), 15.0))
    return coarse
