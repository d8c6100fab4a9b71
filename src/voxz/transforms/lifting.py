"""One-dimensional wavelets in lifting form, along one axis of an array, in place.

CDF 9/7 (Cohen, Daubechies, Feauveau 1992; factored by Daubechies and Sweldens, J. Fourier Anal. Appl. 4(3), 1998) in IEEE
doubles, and the reversible 5/3 (Le Gall and Tabatabai 1988; Calderbank et al. 1998) in integers. Samples beyond the ends are
mirrored (whole-sample symmetry), so any length works. Low-pass coefficients end up in the first half, high-pass ones in the
second.

Steps are sums and products of whole arrays, element by element, without any reduction: the same doubles on every machine.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

STEPS_97 = (-1.586134342059924, -0.052980118572961, 0.882911075530934, 0.443506852043971)
LOW_97, HIGH_97 = 1.1397639386376850, 0.88727710760788740
"""Factors that give the synthesis functions of one scale the norm 1."""

LOW_GAIN_97 = 1.402108083026866
"""What one scale multiplies a constant with."""

BLOCK = 1 << 16
"""Elements that are worked on at once, so that they stay in the cache."""

Samples = NDArray[Any]


def analyse(volume: Samples, axis: int) -> None:
    """Split `volume` ``(z, y, x)`` along `axis`, in place: doubles by 9/7, integers by 5/3."""
    _in_blocks(volume, axis, forward=True)


def synthesise(volume: Samples, axis: int) -> None:
    """Inverse of `analyse`: of 5/3 exact, of 9/7 up to rounding."""
    _in_blocks(volume, axis, forward=False)


def _in_blocks(volume: Samples, axis: int, *, forward: bool) -> None:
    if volume.shape[axis] < 2:
        return
    real = volume.dtype.kind == "f"
    work = {(True, True): _analyse_97, (True, False): _synthesise_97, (False, True): _analyse_53, (False, False): _synthesise_53}
    across = 1 if axis == 0 else 0
    thickness = max(1, BLOCK * volume.shape[across] // max(1, volume.size))
    for first in range(0, volume.shape[across], thickness):
        block = volume[(slice(None),) * across + (slice(first, first + thickness),)]
        work[real, forward](np.moveaxis(block, axis, 0))


def _after(low: Samples, pairs: int) -> Samples:
    """Low-pass neighbour after each of `pairs` high-pass samples."""
    return low[1 : pairs + 1] if len(low) > pairs else np.concatenate([low[1:], low[-1:]])


def _around(high: Samples, count: int) -> tuple[Samples, Samples]:
    """High-pass neighbours before and after each of `count` low-pass samples."""
    before = np.concatenate([high[:1], high])[:count]
    return before, high if len(high) == count else np.concatenate([high, high[-1:]])


def _halves(line: Samples) -> tuple[Samples, Samples]:
    return line[0::2].copy(order="K"), line[1::2].copy(order="K")


def _analyse_97(line: Samples) -> None:
    low, high = _halves(line)
    first, second, third, fourth = STEPS_97
    for predict, update in ((first, second), (third, fourth)):
        high += predict * (low[: len(high)] + _after(low, len(high)))
        before, after = _around(high, len(low))
        low += update * (before + after)
    line[: len(low)] = low * LOW_97
    line[len(low) :] = high * HIGH_97


def _synthesise_97(line: Samples) -> None:
    count = (len(line) + 1) // 2
    low, high = line[:count] * (1 / LOW_97), line[count:] * (1 / HIGH_97)
    first, second, third, fourth = STEPS_97
    for predict, update in ((third, fourth), (first, second)):
        before, after = _around(high, count)
        low -= update * (before + after)
        high -= predict * (low[: len(high)] + _after(low, len(high)))
    line[0::2], line[1::2] = low, high


def _analyse_53(line: Samples) -> None:
    low, high = _halves(line)
    high -= (low[: len(high)] + _after(low, len(high))) >> 1
    before, after = _around(high, len(low))
    low += (before + after + 2) >> 2
    line[: len(low)], line[len(low) :] = low, high


def _synthesise_53(line: Samples) -> None:
    count = (len(line) + 1) // 2
    low, high = line[:count].copy(order="K"), line[count:].copy(order="K")
    before, after = _around(high, count)
    low -= (before + after + 2) >> 2
    high += (low[: len(high)] + _after(low, len(high))) >> 1
    line[0::2], line[1::2] = low, high
