"""How stretches of one array are ordered by their positions, and which axes they make.

The last component of a position is a *place*, the others tell apart what lies in the same one::

    a grid          every combination of the components' values is there once: each component with several values is an axis
    a series        every place comes equally often: one axis of the times, echoes, b-values ... in a place, one of the places
    anything else   one axis: the first of every place, then the second of every place that has one, and so on

Slices of a folder are a series without knowing why they come again: within a place they are ordered by the other components.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SAME_PLACE = 1e-3
"""Places no further apart than this, mm, are one: scanners round them differently from slice to slice."""


def arrange(positions: Sequence[tuple[float, ...]]) -> tuple[list[int], tuple[int, ...]]:
    """Numbers of the positions in order, and the lengths of the axes that they make, slowest first.

    Positions with different numbers of components keep their order, as one axis.
    """
    count = len(positions)
    if count < 2 or len({len(position) for position in positions}) != 1 or not positions[0]:
        return list(range(count)), (count,)
    columns = np.array(positions, np.float64).T
    *others, place = [_numbered(column, SAME_PLACE if k == len(columns) - 1 else 0.0) for k, column in enumerate(columns)]
    lengths = [int(component.max()) + 1 for component in (*others, place)]
    order = np.lexsort((place, *others[::-1]))
    if math.prod(lengths) == count and _all_differ([*others, place]):
        return order.tolist(), tuple(length for length in lengths if length > 1)
    times = _times(others, place)
    order = np.lexsort((place, times))
    repeats = int(times.max()) + 1
    if repeats * lengths[-1] == count:
        return order.tolist(), (repeats, lengths[-1]) if repeats > 1 else (count,)
    return order.tolist(), (count,)


def _numbered(values: NDArray[np.float64], same: float) -> NDArray[np.int64]:
    """Numbers of the values in ascending order; neighbours not further apart than `same` have one."""
    order = np.argsort(values, kind="stable")
    steps = np.diff(values[order], prepend=values[order[0]]) > same
    out = np.empty(values.size, np.int64)
    out[order] = np.cumsum(steps)
    return out


def _all_differ(components: list[NDArray[np.int64]]) -> bool:
    return len(np.unique(np.stack(components), axis=1).T) == components[0].size


def _times(others: list[NDArray[np.int64]], place: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many positions of the same place come before each."""
    order = np.lexsort((*others[::-1], place))
    starts = np.flatnonzero(np.diff(place[order], prepend=-1))
    out = np.empty(place.size, np.int64)
    out[order] = np.arange(place.size) - np.repeat(starts, np.diff(np.append(starts, place.size)))
    return out
