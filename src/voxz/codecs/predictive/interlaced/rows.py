"""The padded array of the fast walk: rows are cut into *phases*, column c being at place ``c // phases`` of phase ``c % phases``.

::

    row of 4 phases:   | border | 0 4 8 ... | border | border | 1 5 9 ... | border | border | 2 6 ... | border | border | 3 7 ...

Phases are coded one after the other, each as a whole: first 0, then those halfway between what is coded (`ORDER`). Slices have
two rows above and one below. Borders are filled with samples that the decoder already has: `open_slice`, `close_phase` and
`close_slice` are called by every walk in this order.

Samples are dense values (`value_map`) of 16 bits, less a centre that makes them signed: 0 or 2**15.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.predictive.padding import copy
from voxz.jit import apart_kernel, at, inlined_kernel, kernel

ORDER = {2: (0, 1), 4: (0, 2, 1, 3)}
"""Phases in coding order, by their number."""

RANKS = {2: (0, 2), 4: (0, 1, 2, 2)}
"""What a phase knows of its own row, in coding order: nothing; columns two to either side; those next to it."""

BORDER = 4
"""Samples to the left and to the right of each phase."""

VECTOR = 16
"""Phases are padded to a multiple of this many samples, which compiled code works on at once."""

TOP, BELOW = 2, 1
"""Rows above and below a slice."""


@dataclass(frozen=True)
class Rows:
    """Sizes of a brick, the number of phases of its rows (2 or 4), and the strides of its padded array."""

    series: int
    depth: int
    height: int
    width: int
    phases: int

    @property
    def columns(self) -> int:
        """Columns of the first phase; others may have one fewer."""
        return -(-self.width // self.phases)

    @property
    def padded(self) -> int:
        """Samples of a phase with those that fill its last vector."""
        return -(-self.columns // VECTOR) * VECTOR

    @property
    def stride(self) -> int:
        """Samples from a phase to the next."""
        return self.padded + 2 * BORDER

    @property
    def row(self) -> int:
        """Samples from a row to the next."""
        return self.phases * self.stride

    @property
    def slice(self) -> int:
        """Samples from a slice to the next."""
        return (self.height + TOP + BELOW) * self.row

    @property
    def volume(self) -> int:
        """Samples from a volume to the next."""
        return self.depth * self.slice

    @property
    def size(self) -> int:
        """Samples of the padded array, with a row behind the last for vectors that reach beyond it."""
        return self.series * self.volume + self.row

    @property
    def counts(self) -> tuple[int, ...]:
        """Columns of each phase, in coding order."""
        return tuple((self.width - phase + self.phases - 1) // self.phases for phase in ORDER[self.phases])

    def sizes(self) -> NDArray[np.int64]:
        """``[series, depth, height, width, phases, stride]`` for the kernels."""
        return np.array([self.series, self.depth, self.height, self.width, self.phases, self.stride], np.int64)

    def origin(self, volume: int, z: int, y: int) -> int:
        """Index of the first column of a row."""
        return volume * self.volume + z * self.slice + (y + TOP) * self.row + BORDER


@kernel
def row_at(sizes, s, z, y):  # type: ignore[no-untyped-def]
    """Index of the first column of a row.

    Parameters
    ----------
    sizes : int64 (6,), `Rows.sizes`
    s, z, y : numbers of volume, slice and row
    """
    row = sizes[4] * sizes[5]
    slice_ = (sizes[2] + TOP + BELOW) * row
    return (s * sizes[1] + z) * slice_ + (y + TOP) * row + BORDER


@apart_kernel
def split_columns(dense, sizes, centre, padded):  # type: ignore[no-untyped-def]
    """Put dense values ``(series, z, y, x)``, less `centre`, in place in the padded array.

    Parameters
    ----------
    dense : int32 (series, z, y, x), 0 to 2**16 - 1
    sizes : int64 (6,), `Rows.sizes`
    centre : 0 or 2**15, taken off so that 16 bits with a sign hold it
    padded : int16 (Rows.size,), filled
    """
    width, phases, stride = sizes[3], sizes[4], sizes[5]
    for s in range(sizes[0]):
        for z in range(sizes[1]):
            for y in range(sizes[2]):
                origin = row_at(sizes, s, z, y)
                line = dense[s, z, y]
                for phase in range(phases):
                    first = origin + phase * stride
                    for k in range((width - phase + phases - 1) // phases):
                        padded[at(first + k)] = np.int16(np.int64(line[at(phases * k + phase)]) - centre)


@inlined_kernel
def _sample(value, stored, straight):  # type: ignore[no-untyped-def]
    """What a dense value is stored as.

    Parameters
    ----------
    value : 0 or more
    stored, straight : as for `join_columns`; what is straight needs no table, and vectors do it at once
    """
    return np.int64(stored[0]) + value * (np.int64(stored[1]) - np.int64(stored[0])) if straight else stored[at(value)]


@apart_kernel
def join_columns(padded, sizes, centre, stored, straight, samples):  # type: ignore[no-untyped-def]
    """Fill `samples` ``(series, z, y, x)`` with what the dense values in the padded array are `stored` as (highest + 1,).

    Parameters
    ----------
    padded, sizes, centre : as for `split_columns`
    stored : (highest + 1,), stored sample of each dense value, 2 or more
    straight : whether these lie at equal distances
    samples : the same type, (series, z, y, x), filled
    """
    width, phases, stride = sizes[3], sizes[4], sizes[5]
    whole = width // phases
    for s in range(sizes[0]):
        for z in range(sizes[1]):
            for y in range(sizes[2]):
                origin = row_at(sizes, s, z, y)
                line = samples[s, z, y]
                if phases == 2:
                    for k in range(whole):
                        line[at(2 * k)] = _sample(np.int64(padded[at(origin + k)]) + centre, stored, straight)
                        line[at(2 * k + 1)] = _sample(np.int64(padded[at(origin + stride + k)]) + centre, stored, straight)
                else:
                    for k in range(whole):
                        line[at(4 * k)] = _sample(np.int64(padded[at(origin + k)]) + centre, stored, straight)
                        line[at(4 * k + 1)] = _sample(np.int64(padded[at(origin + stride + k)]) + centre, stored, straight)
                        line[at(4 * k + 2)] = _sample(np.int64(padded[at(origin + 2 * stride + k)]) + centre, stored, straight)
                        line[at(4 * k + 3)] = _sample(np.int64(padded[at(origin + 3 * stride + k)]) + centre, stored, straight)
                for x in range(whole * phases, width):
                    line[x] = stored[at(np.int64(padded[origin + x % phases * stride + whole]) + centre)]


@kernel
def open_slice(padded, start, row, source):  # type: ignore[no-untyped-def]
    """Fill the rows above the slice at `start` with the first row of the slice at `source`.

    Parameters
    ----------
    padded : int16 (Rows.size,)
    start, source : indices of padded slices
    row : indices from one row to the next
    """
    for y in range(TOP):
        copy(padded, start + y * row, source + TOP * row, row)


@kernel
def close_phase(padded, origin, stride, phase, count):  # type: ignore[no-untyped-def]
    """Repeat the outer samples of a phase on both sides of its `count` samples; one without any is like the first phase.

    Parameters
    ----------
    padded : int16 (Rows.size,)
    origin : index of the row's first column
    stride : indices from a phase to the next
    phase : its number
    count : its columns, 0 or more
    """
    first = origin + phase * stride
    if count == 0:
        padded[at(first)] = padded[at(origin)]
    last = first + max(count, 1) - 1
    west, east = padded[at(first)], padded[at(last)]
    for i in range(1, BORDER + 1):
        padded[at(first - i)] = west
        padded[at(last + i)] = east


@kernel
def close_slice(padded, start, row, height):  # type: ignore[no-untyped-def]
    """Repeat the last row below a finished slice.

    Parameters
    ----------
    padded, start, row : as for `open_slice`
    height : rows of the slice
    """
    last = start + (TOP + height - 1) * row
    copy(padded, last + row, last, row)
