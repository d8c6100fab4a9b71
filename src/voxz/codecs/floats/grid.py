"""Floats that no integers explain: a coarse grid that is predicted, and the raw bits below it (`predict.grid`).

Part of the codec for floats. Which grid is best depends on the noise of a map, on how its size varies, and on how smooth the map
is: up to five are tried on the middle of a brick.
"""

import struct

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.floats import mantissa_split as grids
from voxz.codecs.payload import PartReader, PartWriter
from voxz.codecs.predictive.part import Present, put_integers, take_integers
from voxz.codecs.predictive.residuals import decode_sequence, encode_sequence
from voxz.errors import CorruptError

RIDGE = 0.0005
"""Computed maps are smoother than scans: their predictors may go further from those of their neighbours."""

FEWEST_TRIED, MOST_TRIED, TRIED_PART = 30_000, 60_000, 8
"""Voxels on which grids are tried: an eighth of a brick's, within limits."""

TRIED_OF_IMAGE = 12_000
"""Voxels on which grids are tried where the brick is a single image."""

TRIAL_LEVEL = 3

IN_DOUBT_LINEAR = 1.01
"""By how much a grid that keeps octaves apart must win: on a whole brick, predictors gain more from a linear one."""

_GRID = struct.Struct("<HBB")

Floats = NDArray[np.generic]


def put_grid(writer: PartWriter, values: Floats, shape: tuple[int, ...], present: Present, level: int) -> None:
    """Append the parts of flat finite `values`, the samples of a brick ``(series, z, y, x)`` that are present."""
    form = grids.FORMATS[values.itemsize]
    found, negative = grids.magnitudes(values)
    grid = _choose_grid(found, negative, form, shape, present, level)
    _put_on(writer, grid, found, negative, form, shape, present, level)


def take_grid(reader: PartReader, shape: tuple[int, ...], itemsize: int, present: Present) -> Floats:
    """Inverse of `put_grid`; damage raises `CorruptError`."""
    form = grids.FORMATS[itemsize]
    grid = grids.Grid(*reader.head(_GRID))
    if not (1 <= grid.floor < form.highest and 1 <= grid.kept <= form.mantissa and grid.zeros <= form.mantissa):
        raise CorruptError(f"the grid of a brick is out of bounds: {grid}")
    whole = take_integers(reader, shape, present)
    symbols = decode_sequence(reader.part(), np.zeros(int(np.count_nonzero(whole == 0)), np.int32))
    found, negative = grids.join(whole, symbols, reader.part(), form, grid)
    return grids.from_magnitudes(found, negative, itemsize)


def _put_on(
    writer: PartWriter,
    grid: grids.Grid,
    found: NDArray[np.int64],
    negative: NDArray[np.bool_],
    form: grids.FloatFormat,
    shape: tuple[int, ...],
    present: Present,
    level: int,
    rough: bool = False,
) -> None:
    """Append grid, grid values, symbols and raw bits."""
    whole, symbols, raw = grids.split(found, negative, form, grid)
    writer.raw(_GRID.pack(grid.floor, grid.kept, grid.zeros))
    fits = put_integers(writer, whole, shape, present, level, RIDGE, rough)
    assert fits
    writer.part(encode_sequence(symbols, np.zeros_like(symbols)))
    writer.part(raw)


def _choose_grid(
    found: NDArray[np.int64],
    negative: NDArray[np.bool_],
    form: grids.FloatFormat,
    shape: tuple[int, ...],
    present: Present,
    level: int,
) -> grids.Grid:
    """The grid that codes the middle slices of a brick in the fewest bytes.

    Smooth maps need a fine, linear grid, but only good predictors show it: the fastest ones choose wrongly.
    """
    choices, finest = grids.candidates(found, form)
    if len(choices) == 1:
        return choices[0]
    where = np.ones(shape, np.bool_) if present is None else present
    box = _middle(where)
    inner, inside = where[box].shape, None if present is None else present[box]
    chosen = np.zeros(shape, np.bool_)
    chosen[box] = True
    part = chosen[where]

    def size(grid: grids.Grid) -> float:
        writer = PartWriter(b"")
        _put_on(writer, grid, found[part], negative[part], form, inner, inside, min(level, TRIAL_LEVEL), True)
        return len(writer.to_bytes()) * (1.0 if grid.floor == finest.floor else IN_DOUBT_LINEAR)

    sizes = {grid: size(grid) for grid in choices}
    best = min(choices, key=lambda grid: sizes[grid])
    return finest if best is choices[0] and size(finest) < sizes[best] else best


def _middle(where: NDArray[np.bool_]) -> tuple[slice, ...]:
    """Three volumes, and slices from the middle of those that `where` marks, enough of them for a fair trial.

    Of a single image they are rows or columns, whichever are more.
    """
    if where.shape[:2] == (1, 1):
        along = int(np.argmax(where.shape[2:]))
        part = _middle_part(np.count_nonzero(where[0, 0], axis=1 - along), TRIED_OF_IMAGE)
        return (slice(None),) * (2 + along) + (part,)
    first = max(0, where.shape[0] // 2 - 1)
    volumes = slice(first, first + 3)
    counts = np.count_nonzero(where[volumes], axis=(0, 2, 3))
    return volumes, _middle_part(counts, max(FEWEST_TRIED, min(MOST_TRIED, int(counts.sum()) // TRIED_PART)))


def _middle_part(counts: NDArray[np.int64], wanted: int) -> slice:
    """Slices in the middle that together have `wanted` voxels; `counts` are those of each slice."""
    ends = np.cumsum(counts)
    start = int(np.searchsorted(ends, (int(ends[-1]) - wanted) // 2, side="right"))
    start = min(start, ends.size - 1)
    before = int(ends[start - 1]) if start else 0
    return slice(start, max(start + 1, int(np.searchsorted(ends, before + wanted)) + 1))
