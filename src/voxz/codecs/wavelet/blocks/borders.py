"""Smoothing of the borders of blocks of a decoded slice, in its own place: upright borders first, then those that lie.

Where neither side of a border bends, samples on it move towards each other: three each way between blocks of 8 and more
whose step is small, else one (as the loop filter of H.265 does; Norkin et al. 2012).
"""

from voxz.codecs.wavelet.blocks.layout import UNIT
from voxz.jit import inlined_kernel, kernel

STRENGTH, BEND = 0.25, 1.0
"""Change of a sample, and bend up to which a border is smoothed, as parts of the step."""

STEEPEST_STRONG, STEEPEST = 2.5, 10.0
"""Difference across a border up to which it is smoothed over three samples, and change up to which over one, in strengths."""


@inlined_kernel
def _within(value, from_, most):  # type: ignore[no-untyped-def]
    """`value`, but at most so far from another one.

    Parameters
    ----------
    value, from_ : samples
    most : distance
    """
    return min(max(value, from_ - most), from_ + most)


@kernel
def _smooth(flat, place, apart, wide, strength, bend):  # type: ignore[no-untyped-def]
    """Smooth a border at one place.

    Parameters
    ----------
    flat : float64, samples of a slice in a row
    place : of the first sample behind the border
    apart : from one sample across it to the next
    wide : whether both blocks have a side of 8 or more
    strength, bend : in samples
    """
    p2, p1, p0 = flat[place - 3 * apart], flat[place - 2 * apart], flat[place - apart]
    q0, q1, q2 = flat[place], flat[place + apart], flat[place + 2 * apart]
    bent = abs(p2 - 2.0 * p1 + p0) + abs(q2 - 2.0 * q1 + q0)
    if bent > bend:
        return
    if wide and bent < 0.25 * bend and abs(p0 - q0) < STEEPEST_STRONG * strength:
        p3, q3, most = flat[place - 4 * apart], flat[place + 3 * apart], 2.0 * strength
        flat[place - apart] = _within(0.125 * (p2 + 2.0 * p1 + 2.0 * p0 + 2.0 * q0 + q1), p0, most)
        flat[place - 2 * apart] = _within(0.25 * (p2 + p1 + p0 + q0), p1, most)
        flat[place - 3 * apart] = _within(0.125 * (2.0 * p3 + 3.0 * p2 + p1 + p0 + q0), p2, most)
        flat[place] = _within(0.125 * (p1 + 2.0 * p0 + 2.0 * q0 + 2.0 * q1 + q2), q0, most)
        flat[place + apart] = _within(0.25 * (p0 + q0 + q1 + q2), q1, most)
        flat[place + 2 * apart] = _within(0.125 * (p0 + q0 + q1 + 3.0 * q2 + 2.0 * q3), q2, most)
        return
    change = 0.0625 * (9.0 * (q0 - p0) - 3.0 * (q1 - p1))
    if abs(change) <= STEEPEST * strength:
        change = min(max(change, -strength), strength)
        flat[place - apart] = p0 + change
        flat[place] = q0 - change


@kernel
def smooth_borders(flat, sizes, step):  # type: ignore[no-untyped-def]
    """Smooth the borders of all blocks of a slice.

    Parameters
    ----------
    flat : float64 (y * x,), samples, changed
    sizes : uint8 (y / UNIT, x / UNIT), see `layout.Slice`
    step : of the slice
    """
    height, width = UNIT * sizes.shape[0], UNIT * sizes.shape[1]
    strength, bend = STRENGTH * step, BEND * step
    for y in range(height):
        for j in range(1, sizes.shape[1]):
            size, before = sizes[y // UNIT, j], sizes[y // UNIT, j - 1]
            if j & ((1 << size) - 1) == 0:
                _smooth(flat, y * width + UNIT * j, 1, size > 0 and before > 0, strength, bend)
    for i in range(1, sizes.shape[0]):
        for x in range(width):
            size, above = sizes[i, x // UNIT], sizes[i - 1, x // UNIT]
            if i & ((1 << size) - 1) == 0:
                _smooth(flat, UNIT * i * width + x, width, size > 0 and above > 0, strength, bend)
