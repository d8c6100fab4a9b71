"""The CDF 9/7 wavelet in lifting form, along one axis of a box of a volume, in place, in IEEE doubles or singles.

Cohen, Daubechies, Feauveau 1992; factored by Daubechies and Sweldens, J. Fourier Anal. Appl. 4(3), 1998. Samples beyond the ends
are mirrored (whole-sample symmetry), so any length works. Low-pass coefficients end up in the first half, high-pass ones in the
second. A line is split into its even and odd samples in a buffer that stays in the cache, lifted there and put back. Along z and
y the samples of up to ACROSS lines beside each other are worked on together. Sums and products are single operations in a fixed
order: the same bits on every machine, however many lines are beside each other.
"""

import numpy as np
from numpy.typing import NDArray

from voxz.jit import at, kernel

STEPS_97 = (-1.586134342059924, -0.052980118572961, 0.882911075530934, 0.443506852043971)
LOW_97, HIGH_97 = 1.1397639386376850, 0.88727710760788740
"""Factors that give the synthesis functions of one scale the norm 1."""

LOW_GAIN_97 = 1.402108083026866
"""What one scale multiplies a constant with."""

ACROSS = 256
"""Lines that are worked on together."""

_FACTORS = np.array([*STEPS_97, LOW_97, HIGH_97, 1 / LOW_97, 1 / HIGH_97])


@kernel
def _change(target, before, after, factor, columns):  # type: ignore[no-untyped-def]
    """Add to samples the sum of their two neighbours, times a factor.

    Parameters
    ----------
    target, before, after : (columns or more,), samples, changed, and their neighbours
    factor : of the step
    columns : how many
    """
    for x in range(columns):
        target[at(x)] += factor * (before[at(x)] + after[at(x)])


@kernel
def _lift(work, lows, highs, factors, columns, forward):  # type: ignore[no-untyped-def]
    """The four steps of 9/7, or their inverses in reverse.

    Parameters
    ----------
    work : (lows + highs, columns or more), low samples, then high ones
    lows, highs : their numbers, at least 1
    factors : as for `_along_rows`
    columns : lines beside each other
    forward : analysis, not synthesis
    """
    for number in range(4):
        step = number if forward else 3 - number
        factor = factors[step] if forward else -factors[step]
        if step & 1:
            for i in range(lows):
                _change(work[i], work[lows + max(i - 1, 0)], work[lows + min(i, highs - 1)], factor, columns)
        else:
            for i in range(highs):
                _change(work[lows + i], work[i], work[min(i + 1, lows - 1)], factor, columns)


@kernel
def _along_rows(volume, first, length, apart, width, factors, work, forward):  # type: ignore[no-untyped-def]
    """Transform lines that lie beside each other.

    Parameters
    ----------
    volume : flat, changed
    first : place of the first sample of the first line
    length : samples of a line, at least 2
    apart : distance of the samples of a line
    width : lines, one place apart
    factors : (8,), steps, factors of low and high samples, their inverses
    work : (length or more, ACROSS), room
    forward : analysis, not synthesis
    """
    lows = (length + 1) // 2
    highs = length - lows
    for begin in range(0, width, work.shape[1]):
        columns = min(work.shape[1], width - begin)
        for i in range(length):
            line = work[i]
            if forward:
                source = first + begin + (2 * i if i < lows else 2 * (i - lows) + 1) * apart
                for x in range(columns):
                    line[at(x)] = volume[at(source + x)]
            else:
                source = first + begin + i * apart
                factor = factors[6] if i < lows else factors[7]
                for x in range(columns):
                    line[at(x)] = volume[at(source + x)] * factor
        _lift(work, lows, highs, factors, columns, forward)
        for i in range(length):
            line = work[i]
            if forward:
                target = first + begin + i * apart
                factor = factors[4] if i < lows else factors[5]
                for x in range(columns):
                    volume[at(target + x)] = line[at(x)] * factor
            else:
                target = first + begin + (2 * i if i < lows else 2 * (i - lows) + 1) * apart
                for x in range(columns):
                    volume[at(target + x)] = line[at(x)]


@kernel
def _change_around(target, count, other, others, first, factor):  # type: ignore[no-untyped-def]
    """Add to each of the `count` samples of `target` the sum of its two neighbours in `other`, times a `factor`.

    Parameters
    ----------
    target, other : the halves of a line
    count, others : their samples, at least 1
    first : number of the neighbour after sample 0; the one before it is one less; numbers beyond the ends mean the nearest
    factor : of the step
    """
    begin, end = 1 - first, min(count, others - first)
    for i in range(begin):
        target[i] += factor * (other[0] + other[min(i + first, others - 1)])
    for i in range(begin, end):
        target[at(i)] += factor * (other[at(i + first - 1)] + other[at(i + first)])
    for i in range(max(begin, end), count):
        target[i] += factor * (other[i + first - 1] + other[others - 1])


@kernel
def _along_x(volume, first, length, factors, low, high, forward):  # type: ignore[no-untyped-def]
    """Transform one line along x.

    Parameters
    ----------
    volume, first, length, factors, forward : as for `_along_rows`, the samples of the line being one place apart
    low, high : (half the length or more,), room
    """
    lows = (length + 1) // 2
    highs = length - lows
    if forward:
        for i in range(highs):
            low[at(i)] = volume[at(first + 2 * i)]
            high[at(i)] = volume[at(first + 2 * i + 1)]
        if lows > highs:
            low[highs] = volume[first + length - 1]
    else:
        for i in range(lows):
            low[at(i)] = volume[at(first + i)] * factors[6]
        for i in range(highs):
            high[at(i)] = volume[at(first + lows + i)] * factors[7]
    for number in range(4):
        step = number if forward else 3 - number
        factor = factors[step] if forward else -factors[step]
        if step & 1:
            _change_around(low, lows, high, highs, 0, factor)
        else:
            _change_around(high, highs, low, lows, 1, factor)
    if forward:
        for i in range(lows):
            volume[at(first + i)] = low[at(i)] * factors[4]
        for i in range(highs):
            volume[at(first + lows + i)] = high[at(i)] * factors[5]
    else:
        for i in range(highs):
            volume[at(first + 2 * i)] = low[at(i)]
            volume[at(first + 2 * i + 1)] = high[at(i)]
        if lows > highs:
            volume[first + length - 1] = low[highs]


@kernel
def _along(volume, shape, box, axis, factors, work, forward):  # type: ignore[no-untyped-def]
    """Transform all lines of a box along an axis.

    Parameters
    ----------
    volume, factors, work, forward : as for `_along_rows`
    shape : of the volume
    box : the box has its corner at the volume's
    axis : 0 to 2, along which the box has at least 2 samples
    """
    height, width = shape[1], shape[2]
    if axis == 0:
        for y in range(box[1]):
            _along_rows(volume, y * width, box[0], height * width, box[2], factors, work, forward)
        return
    for z in range(box[0]):
        if axis == 1:
            _along_rows(volume, z * height * width, box[1], width, box[2], factors, work, forward)
        else:
            for y in range(box[1]):
                _along_x(volume, (z * height + y) * width, box[2], factors, work[0], work[1], forward)


def lift_97(volume: NDArray[np.floating], box: tuple[int, ...], axis: int, *, forward: bool) -> None:
    """Analyse or synthesise the first `box` samples of a contiguous `volume` ``(z, y, x)`` along an axis, in place."""
    if box[axis] < 2:
        return
    room = (2, box[2]) if axis == 2 else (box[axis], min(ACROSS, box[2]))
    _along(volume.reshape(-1), volume.shape, box, axis, _FACTORS.astype(volume.dtype), np.empty(room, volume.dtype), forward)
