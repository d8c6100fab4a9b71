"""The encoder's side: predictors fitted by least squares.

As in `predictive.fit_predictor`, samples weigh ``1 / (|residual| + mean)``, where the residual is that of the unit's parent: the
fit approximates least absolute errors; a ridge pulls towards the parent; what does not pay for its coefficients is not sent.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.predictive.fit_predictor import BITS_PER_NAT
from voxz.codecs.predictive.interlaced.places import Places, aim, places_of
from voxz.codecs.predictive.interlaced.predictor import FREE, Predictor, apply_change, parent_of, ranks_of, units
from voxz.codecs.predictive.interlaced.rows import BELOW, BORDER, TOP, Rows, close_phase, close_slice, open_slice
from voxz.codecs.predictive.interlaced.taps import RANKS, TAPS
from voxz.codecs.predictive.interlaced.walk import PRECISION
from voxz.codecs.predictive.predictor import MOST_TILES, Unit
from voxz.codecs.predictive.references import choose_references
from voxz.jit import allocating_kernel, apart_kernel, at, kernel
from voxz.numerics.least_squares import gain, solve

TILE = 128
"""Voxels of a tile along y and x."""

RUN = 16
"""Neighbouring voxels that are taken together."""

SAMPLES = 5_000
"""Voxels that a unit is fitted on, of each rank, unless fewer are asked for."""

VOXELS_PER_TILE = 40_000
"""Voxels a tile needs for its own coefficients to pay."""

RIDGE = 5.0
"""Pull towards the parent's coefficients, in samples of average power."""

FOLLOWS_VOLUME = 2
"""How many times fewer samples are enough if the predictor of the volume before is the starting point."""

SCALE = float(1 << PRECISION)


@kernel
def fill_borders(samples, sizes, references):  # type: ignore[no-untyped-def]
    """Fill all borders as the walk will find them; the columns are in place.

    Parameters
    ----------
    samples : int16 (Rows.size,), `walk.Brick.samples`
    sizes : int64 (6,), `Rows.sizes`
    references : int64 (series, 2), earlier volumes that predict each volume
    """
    series, depth, height, width, phases, stride = sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5]
    row = phases * stride
    slice_ = (height + TOP + BELOW) * row
    volume = depth * slice_
    for s in range(series):
        for z in range(depth):
            start = s * volume + z * slice_
            if z > 0:
                open_slice(samples, start, row, start - slice_)
            elif s > 0:
                open_slice(samples, start, row, start + (references[s, 0] - s) * volume)
            for y in range(height):
                origin = start + (y + TOP) * row + BORDER
                for phase in range(phases):
                    close_phase(samples, origin, stride, phase, (width - phase + phases - 1) // phases)
            close_slice(samples, start, row, height)


@apart_kernel
def _weigh_run(samples, start, count, target, taps, predictor, run, residuals, weights, seen):  # type: ignore[no-untyped-def]
    """Fill a `run` with the weighted differences and residuals of `RUN` neighbouring voxels of a phase.

    Parameters
    ----------
    samples : int16 (Rows.size,)
    start : index of the place in the first phase that belongs to the first voxel
    count : voxels that count, 1 to RUN; the others become zeros
    target : indices from the first phase to the voxel that is predicted
    taps : int64 (TAPS,), indices from the first phase to the neighbours
    predictor : float64 (TAPS,), coefficients of the parent
    run : float64 (TAPS, RUN), filled: differences of the second and following taps from the first, in the last row the residuals
    residuals, weights : float64 (RUN,), room
    seen : float64 (2,), voxels and the sum of the magnitudes of their residuals, added to
    """
    last, size = taps.size - 1, run.shape[1]  # not the constant, whose loops would be unrolled instead of vectorised
    base, predicted = start + taps[0], start + target
    for x in range(size):
        residuals[at(x)] = float(np.int64(samples[at(predicted + x)]) - np.int64(samples[at(base + x)]))
    for k in range(last):
        neighbour, coefficient = start + taps[k + 1], predictor[k + 1]
        for x in range(size):
            difference = float(np.int64(samples[at(neighbour + x)]) - np.int64(samples[at(base + x)]))
            run[at(k), at(x)] = difference
            residuals[at(x)] -= coefficient * difference
    for x in range(count):
        seen[1] += abs(residuals[at(x)])
    seen[0] += count
    usual = seen[1] / seen[0] + 0.25
    for x in range(size):
        weights[at(x)] = np.sqrt(1.0 / (abs(residuals[at(x)]) + usual)) if x < count else 0.0
        run[last, at(x)] = residuals[at(x)] * weights[at(x)]
    for k in range(last):
        for x in range(size):
            run[at(k), at(x)] *= weights[at(x)]


@apart_kernel
def _add_run(run, sums):  # type: ignore[no-untyped-def]
    """Add the products of all pairs of rows of a `run` (TAPS, RUN) to the upper triangle of `sums` (TAPS, TAPS, RUN // 2)."""
    lanes = sums.shape[2]
    for i in range(run.shape[0]):
        for j in range(i, run.shape[0]):
            for x in range(lanes):
                sums[at(i), at(j), at(x)] += (
                    run[at(i), at(x)] * run[at(j), at(x)] + run[at(i), at(x + lanes)] * run[at(j), at(x + lanes)]
                )


@allocating_kernel
def gather(samples, origin, box, strides, step, rank, places, taps, counts, predictor, moments):  # type: ignore[no-untyped-def]
    """Fill `moments` with those of all phases of `rank` in a `box`; return voxels seen and the sum of their errors.

    Voxels are taken in runs along x, so that vectors work on them. Row and column ``TAPS - 1`` belong to the residual of
    `predictor`, the others to the differences of the second and following taps from the first.

    Parameters
    ----------
    samples : int16 (Rows.size,)
    origin : index of the first column of the box's volume
    box : int64 (6,), first and last slice, row and column of the unit; last ones are exclusive
    strides : int64 (3,), indices from a slice, a row and a phase to the next
    step : one run in so many is taken, 1 or more
    rank : 0 to RANKS - 1
    places : `places.Places`
    taps : int64 (phases, TAPS), indices from the first phase to the neighbours
    counts : int64 (phases,), columns of each phase
    predictor : float64 (TAPS,), coefficients of the parent
    moments : float64 (TAPS, TAPS), upper triangle, filled
    """
    run = np.zeros((taps.shape[1], RUN), np.float64)
    residuals, weights = np.zeros(RUN, np.float64), np.zeros(RUN, np.float64)
    sums = np.zeros((taps.shape[1], taps.shape[1], RUN // 2), np.float64)
    seen = np.zeros(2, np.float64)
    for k in range(taps.shape[0]):
        if places.ranks[k] != rank:
            continue
        target, end = places.order[k] * strides[2], min(box[5], counts[k])
        for z in range(box[0], box[1]):
            for y in range(box[2], box[3]):
                for x in range(box[4] + (5 * y + 3 * z) % step * RUN, end, step * RUN):
                    start = origin + z * strides[0] + y * strides[1] + x
                    _weigh_run(samples, start, min(RUN, end - x), target, taps[k], predictor, run, residuals, weights, seen)
                    _add_run(run, sums)
    for i in range(taps.shape[1]):
        for j in range(i, taps.shape[1]):
            total = 0.0
            for x in range(RUN // 2):
                total += sums[i, j, x]
            moments[i, j] = total
    return seen[0], seen[1]


@dataclass(frozen=True)
class _Fit:
    """What the fit of every unit needs: padded samples, sizes, and places of the taps."""

    samples: NDArray[np.int16]
    rows: Rows
    places: Places
    references: NDArray[np.int64]
    seen: int

    def offsets(self, volume: int, mode: int) -> NDArray[np.int64]:
        """Offsets (phases, TAPS) to the taps of a voxel."""
        moves = np.array([0, *(self.references[volume] - volume)], np.int64) * self.rows.volume
        found = np.zeros(self.places.taps.shape[1:], np.int64)
        aim(self.places.taps[mode], self.places.tap_volumes[mode], moves, found)
        return found

    def unit(self, unit: Unit, rank: int, coefficients: NDArray[np.int32]) -> None:
        """Set the coefficients of a unit: fitted ones where that pays, the parent's elsewhere."""
        rows, free = self.rows, int(FREE[rank, unit.mode])
        apply_change(coefficients, unit, np.zeros(free, np.int64))
        z0, z1, y0, y1, x0, x1 = unit.box
        counts = [count if of == rank else 0 for count, of in zip(rows.counts, self.places.ranks, strict=True)]
        voxels = max(0, z1 - z0) * (y1 - y0) * sum(max(0, min(x1, count) - x0) for count in counts)
        if not voxels:
            return
        step = max(1, voxels // (self.seen // (FOLLOWS_VOLUME if unit.volume > 1 else 1)))
        if step > 1 and step % 5 == 0:
            step += 1
        taps, box = self.offsets(unit.volume, unit.mode), np.array(unit.box, np.int64)
        strides = np.array([rows.slice, rows.row, rows.stride], np.int64)
        origin = rows.origin(unit.volume, 0, 0)

        def moments_of(predictor: NDArray[np.float64]) -> tuple[NDArray[np.float64], int, float]:
            moments = np.zeros((TAPS, TAPS))
            count, total = gather(
                self.samples, origin, box, strides, step, rank, self.places, taps, np.array(counts), predictor, moments
            )
            chosen = [*range(free), TAPS - 1]
            return moments[np.ix_(chosen, chosen)], int(count), float(total)

        start = parent_of(coefficients, unit.parent) / SCALE
        moments, count, total = moments_of(start)
        if not count:
            return
        shift = np.zeros(free)
        if unit.parent is None:
            solve(moments, count, RIDGE, shift)
            start[1 : 1 + free] += shift
            moments, count, total = moments_of(start)
        change = np.zeros(free)
        solve(moments, count, RIDGE, change)
        whole = np.rint((shift + change) * SCALE).astype(np.int64)
        bits = float(np.log2(1.5 * np.abs(whole) + 1.0).sum() * 1.5 + 1.2 * free)
        saved = gain(moments, change) * voxels / count / 2 * BITS_PER_NAT
        if unit.parent is None or saved > bits * (total / count + 0.25):
            apply_change(coefficients, unit, whole)


def fit(samples: NDArray[np.int16], dense: NDArray[np.int32], rows: Rows, seen: int = SAMPLES) -> Predictor:
    """Fit the predictors of a brick whose columns are in place in `samples`; `dense` are the same ``(series, z, y, x)``.

    Of a unit, about `seen` voxels of each rank are used.
    """
    references = choose_references(dense)
    fill_borders(samples, rows.sizes(), references)
    fitting = _Fit(samples, rows, places_of(rows), references, seen)
    tiles = _choose_tiles(rows)
    found = units(rows, tiles)
    coefficients = np.zeros((RANKS, len(found), TAPS), np.int32)
    for unit in found:
        for rank in ranks_of(rows.phases):
            fitting.unit(unit, rank, coefficients[rank])
    return Predictor(tiles, references, coefficients)


def _choose_tiles(rows: Rows) -> tuple[int, int]:
    """As many tiles down and across as there are voxels for."""
    down, across = max(1, round(rows.height / TILE)), max(1, round(rows.width / TILE))
    voxels = rows.depth * rows.height * rows.width
    while down * across > 1 and (voxels < VOXELS_PER_TILE * down * across or down * across > MOST_TILES):
        down, across = (max(1, down // 2), across) if down >= across else (down, max(1, across // 2))
    return down, across
