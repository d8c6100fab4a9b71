"""The encoder's side: predictors fitted by least squares.

As in `predictive.fit_model`, samples weigh ``1 / (|residual| + mean)``, where the residual is that of the unit's parent, so that
the fit approximates least absolute errors; a ridge pulls towards the parent; what does not pay for its coefficients is not sent.
"""

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.predictive.fit_model import BITS_PER_NAT, FOLLOWS_VOLUME, RIDGE, SMALLEST_TILE
from voxz.codecs.predictive.interlaced.model import FREE, Model, Places, apply_change, parent_of, ranks_of, units
from voxz.codecs.predictive.interlaced.rows import BELOW, BORDER, FRONT, ORDER, TOP, Rows, close_part, close_slice, open_slice
from voxz.codecs.predictive.interlaced.rows import RANKS as RANKS_OF
from voxz.codecs.predictive.interlaced.taps import RANKS, TAPS
from voxz.codecs.predictive.interlaced.walk import PRECISION
from voxz.codecs.predictive.model import MOST_TILES, Unit
from voxz.codecs.predictive.references import choose_references
from voxz.jit import at, kernel
from voxz.numerics.least_squares import BLOCK, add_block, add_rest, gain, solve

TILE = 128
"""Voxels of a tile along y and x."""

SAMPLES = 5_000
"""Voxels that a unit is fitted on, of each rank."""

SCALE = float(1 << PRECISION)


@kernel
def fill_borders(samples, sizes, references):  # type: ignore[no-untyped-def]
    """Fill all borders as the walk will find them; the columns are in place."""
    series, depth, height, width, phases, part = sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5]
    row = phases * part
    slice_ = (height + TOP + BELOW) * row
    volume = (depth + FRONT) * slice_
    for s in range(series):
        for z in range(depth):
            start = s * volume + (z + FRONT) * slice_
            if z > 0:
                open_slice(samples, start, row, start - slice_)
            elif s > 0:
                open_slice(samples, start, row, start + (references[s, 0] - s) * volume)
            for y in range(height):
                origin = start + (y + TOP) * row + BORDER
                for phase in range(phases):
                    close_part(samples, origin, part, phase, (width - phase + phases - 1) // phases)
            close_slice(samples, start, row, height, z == 0)


@kernel
def gather(samples, origin, extent, strides, step, target, taps, size, predictor, moments):  # type: ignore[no-untyped-def]
    """Accumulate the weighted second moments of a unit's voxels into `moments` (size, size); return their count and error sum.

    `origin` is the index of the unit's first column, `extent` its (depth, height, columns), `strides` those of slice and
    row, `target` the distance from the first phase to the voxel that is predicted from the samples at the distances `taps`.
    In a moment matrix, row and column number ``TAPS - 1`` belong to the residual of `predictor`.
    """
    block = np.zeros((BLOCK, size), np.float64)
    filled = 0
    count = 0
    total = 0.0
    for z in range(extent[0]):
        for y in range(extent[1]):
            start = origin + z * strides[0] + y * strides[1]
            for x in range((5 * y + 3 * z) % step, extent[2], step):
                i = start + x
                base = np.int64(samples[at(i + taps[0])])
                residual = float(np.int64(samples[at(i + target)]) - base)
                for k in range(1, TAPS):
                    difference = float(np.int64(samples[at(i + taps[at(k)])]) - base)
                    block[filled, at(k - 1)] = difference
                    residual -= predictor[at(k)] * difference
                block[filled, TAPS - 1] = residual
                magnitude = abs(residual)
                count += 1
                total += magnitude
                weight = np.sqrt(1.0 / (magnitude + total / count + 0.25))
                for k in range(TAPS):
                    block[filled, at(k)] *= weight
                filled += 1
                if filled == BLOCK:
                    add_block(moments, block)
                    filled = 0
    add_rest(moments, block, filled)
    return count, total


def fit(samples: NDArray[np.int16], interior: NDArray[np.int32], rows: Rows) -> Model:
    """Fit the predictors of a brick whose columns are in place in `samples`; `interior` are the same ``(series, z, y, x)``."""
    references = choose_references(interior)
    fill_borders(samples, rows.sizes(), references)
    places = Places.of(rows, references)
    tiles = _choose_tiles(rows)
    found = units(rows, tiles)
    coefficients = np.zeros((RANKS, len(found), TAPS), np.int32)
    for unit in found:
        for rank in ranks_of(rows):
            _fit_unit(samples, rows, places, unit, rank, coefficients[rank])
    return Model(tiles, references, coefficients)


def _choose_tiles(rows: Rows) -> tuple[int, int]:
    """As many tiles down and across as there are voxels for."""
    down, across = max(1, round(rows.height / TILE)), max(1, round(rows.width / TILE))
    voxels = rows.depth * rows.height * rows.width
    while down * across > 1 and (voxels < SMALLEST_TILE * down * across or down * across > MOST_TILES):
        down, across = (max(1, down // 2), across) if down >= across else (down, max(1, across // 2))
    return down, across


def _fit_unit(
    samples: NDArray[np.int16], rows: Rows, places: Places, unit: Unit, rank: int, coefficients: NDArray[np.int32]
) -> None:
    """Set the coefficients of a unit: fitted ones where that pays, the parent's elsewhere."""
    free = FREE[rank][unit.mode]
    z0, z1, y0, y1, x0, x1 = unit.box
    apply_change(coefficients, unit, np.zeros(free, np.int64))
    phases = [(k, phase) for k, phase in enumerate(ORDER[rows.phases]) if RANKS_OF[rows.phases][k] == rank]
    lines = max(0, z1 - z0) * (y1 - y0)
    ends = [min(x1, rows.counts[k]) for k, _ in phases]
    voxels = lines * sum(max(0, end - x0) for end in ends)
    if not voxels:
        return
    wanted = SAMPLES // (FOLLOWS_VOLUME if unit.volume > 1 else 1)
    step = max(1, voxels // wanted)
    if step > 1 and step % 5 == 0:
        step += 1
    base = parent_of(coefficients, unit)

    def moments_of(predictor: NDArray[np.float64]) -> tuple[NDArray[np.float64], int, float]:
        moments = np.zeros((TAPS, TAPS))
        count, total = 0, 0.0
        for (k, phase), end in zip(phases, ends, strict=True):
            seen = gather(
                samples,
                rows.origin(unit.volume, z0, y0) + x0,
                np.array([z1 - z0, y1 - y0, end - x0], np.int64),
                np.array([rows.slice, rows.row], np.int64),
                step,
                phase * rows.part,
                places.taps[unit.volume, unit.mode, k],
                TAPS,
                predictor,
                moments,
            )
            count, total = count + int(seen[0]), total + float(seen[1])
        return _of_free(moments, free), count, total

    start = base / SCALE
    moments, count, total = moments_of(start)
    shift = np.zeros(free)
    if unit.parent is None:
        solve(moments, count, RIDGE, shift)
        rough = start.copy()
        rough[1 : 1 + free] += shift
        moments, count, total = moments_of(rough)
    change = np.zeros(free)
    solve(moments, count, RIDGE, change)
    whole = np.rint((shift + change) * SCALE).astype(np.int64)
    bits = float(np.log2(1.5 * np.abs(whole) + 1.0).sum() * 1.5 + 1.2 * free)
    saved = gain(moments, change) * step / 2 * BITS_PER_NAT
    if unit.parent is None or saved * count > bits * (total / max(1, count) + 0.25) * count:
        apply_change(coefficients, unit, whole)


def _of_free(moments: NDArray[np.float64], free: int) -> NDArray[np.float64]:
    """Moments of the `free` taps and of the residual."""
    chosen = [*range(free), TAPS - 1]
    return np.ascontiguousarray(moments[np.ix_(chosen, chosen)])
