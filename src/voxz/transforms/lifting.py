"""The reversible 5/3 wavelet in lifting form, along one axis of an array, in place.

Le Gall and Tabatabai 1988; Calderbank et al. 1998. Samples beyond the ends are mirrored (whole-sample symmetry), so any length
works. Low-pass coefficients end up in the first half, high-pass ones in the second. See `lifting_97` for coding with loss.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 1 << 16
"""Elements that are worked on at once, so that they stay in the cache."""

Samples = NDArray[Any]


def analyse(volume: Samples, axis: int) -> None:
    """Split integers ``(z, y, x)`` along `axis`, in place."""
    _in_blocks(volume, axis, forward=True)


def synthesise(volume: Samples, axis: int) -> None:
    """Inverse of `analyse`, exact."""
    _in_blocks(volume, axis, forward=False)


def _in_blocks(volume: Samples, axis: int, *, forward: bool) -> None:
    if volume.shape[axis] < 2:
        return
    across = 1 if axis == 0 else 0
    thickness = max(1, BLOCK * volume.shape[across] // max(1, volume.size))
    for first in range(0, volume.shape[across], thickness):
        block = volume[(slice(None),) * across + (slice(first, first + thickness),)]
        (_analyse if forward else _synthesise)(np.moveaxis(block, axis, 0))


def _after(low: Samples, pairs: int) -> Samples:
    """Low-pass neighbour after each of `pairs` high-pass samples."""
    return low[1 : pairs + 1] if len(low) > pairs else np.concatenate([low[1:], low[-1:]])


def _around(high: Samples, count: int) -> tuple[Samples, Samples]:
    """High-pass neighbours before and after each of `count` low-pass samples."""
    before = np.concatenate([high[:1], high])[:count]
    return before, high if len(high) == count else np.concatenate([high, high[-1:]])


def _halves(line: Samples) -> tuple[Samples, Samples]:
    return line[0::2].copy(order="K"), line[1::2].copy(order="K")


def _analyse(line: Samples) -> None:
    low, high = _halves(line)
    high -= (low[: len(high)] + _after(low, len(high))) >> 1
    before, after = _around(high, len(low))
    low += (before + after + 2) >> 2
    line[: len(low)], line[len(low) :] = low, high


def _synthesise(line: Samples) -> None:
    count = (len(line) + 1) // 2
    low, high = line[:count].copy(order="K"), line[count:].copy(order="K")
    before, after = _around(high, count)
    low -= (before + after + 2) >> 2
    high += (low[: len(high)] + _after(low, len(high))) >> 1
    line[0::2], line[1::2] = low, high
