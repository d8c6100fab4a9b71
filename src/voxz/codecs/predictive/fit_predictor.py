"""The encoder's side of prediction: fit a `Predictor` to the samples of a brick."""

import functools
import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.predictive.fit_kernels import gather
from voxz.codecs.predictive.levels import Fit, Settings
from voxz.codecs.predictive.neighbourhood import MODES, SELF, WEST, Tap
from voxz.codecs.predictive.padding import Geometry, fill_borders, update_mean
from voxz.codecs.predictive.predictor import (
    MOST_TILES,
    Arrays,
    Predictor,
    Unit,
    apply_change,
    parent_coefficients,
    tap_positions,
    units_of,
)
from voxz.codecs.predictive.references import choose_references
from voxz.codecs.predictive.row_sums import activity
from voxz.jit import kernel
from voxz.numerics.least_squares import gain, solve

MANY_VOXELS = 90_000
"""Voxels of a volume from which on it has all classes of the settings; smaller ones have two at most."""

SMALL_VOLUME = 40_000
"""Voxels of a volume from which on it has two classes: smaller ones have one, as coefficients fitted to fewer voxels do not fit
the rest."""

FEW_VOXELS = 4_000
"""Units are fitted on this many voxels at least, or on all they have."""

NONE_ABSENT = np.zeros(0, np.bool_)

BITS_PER_NAT = 1.4427

Moments = tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]
"""Weighted moments, sample counts and error sums of a unit's classes."""


def learn(
    samples: NDArray[np.int32],
    geometry: Geometry,
    settings: Settings,
    fit: Fit,
    absent: NDArray[np.bool_] = NONE_ABSENT,
    targets: NDArray[np.int32] | None = None,
) -> Predictor:
    """Fit the predictor of a brick whose dense samples are in place in the padded array `samples`.

    Samples that are `absent` (same shape, or empty) get stand-ins and are left out of the fit. `targets` (same shape) are what is
    to be predicted from `samples`, by default they themselves.
    """
    sizes = geometry.sizes()
    if absent.size:
        for s in range(geometry.series):
            fill_borders(samples, sizes, s, s - 1, absent)
    references = choose_references(geometry.interior(samples))
    for s in range(geometry.series):
        fill_borders(samples, sizes, s, int(references[s, 0]), absent)
    present = geometry.interior(~absent) if absent.size else None
    tiles = _choose_tiles(geometry, fit, present)
    units = units_of(geometry, tiles)
    arrays = Arrays.derive(settings, geometry, references)
    thresholds = _choose_thresholds(samples, geometry, settings, fit, references, present)
    learner = _Learner(
        samples,
        samples if targets is None else targets,
        geometry,
        settings,
        fit,
        references,
        thresholds,
        arrays,
        absent,
        present,
    )
    precision = learner.choose_precision(units[1] if geometry.depth > 1 else units[0])
    coefficients = np.zeros((len(units), settings.classes, arrays.stride), np.int32)
    total = np.zeros(geometry.volume if geometry.series > 1 else 0, np.int64)
    per_volume = len(units) // geometry.series
    for s in range(geometry.series):
        for unit in units[s * per_volume : (s + 1) * per_volume]:
            learner.fit_unit(unit, coefficients, precision)
        if geometry.series > 1:
            update_mean(samples, total, s, geometry.volume, geometry.series * geometry.volume)
    return Predictor(tiles, precision, references, thresholds, coefficients)


def _choose_tiles(geometry: Geometry, fit: Fit, present: NDArray[np.bool_] | None) -> tuple[int, int]:
    """As many tiles down and across as the fit asks for and the voxels can feed."""
    down, across = (max(1, round(n / tile)) for n, tile in zip((geometry.height, geometry.width), fit.tile, strict=True))
    voxels = _voxels_of_volume(geometry, present)
    while down * across > 1 and (voxels < fit.fewest * down * across or down * across > MOST_TILES):
        down, across = (max(1, down // 2), across) if down >= across else (down, max(1, across // 2))
    return down, across


def _voxels_of_volume(geometry: Geometry, present: NDArray[np.bool_] | None) -> int:
    """Voxels of a volume that are coded."""
    if present is not None:
        return int(np.count_nonzero(present)) // geometry.series
    return geometry.depth * geometry.height * geometry.width


def _choose_classes(geometry: Geometry, settings: Settings, present: NDArray[np.bool_] | None) -> int:
    """As many classes as the settings have and the voxels can feed."""
    voxels = _voxels_of_volume(geometry, present)
    return settings.classes if voxels >= MANY_VOXELS else min(settings.classes, 2 if voxels >= SMALL_VOLUME else 1)


def _beside(geometry: Geometry, references: NDArray[np.int64], volumes: NDArray[np.int64], mode: int) -> NDArray[np.int64]:
    """Offsets of the rows that the activity compares with: of the reference volume, the previous slice, or two rows up."""
    if mode & 2:
        between: NDArray[np.int64] = references[volumes, 0] - volumes
        return between * geometry.volume
    return np.full_like(volumes, -geometry.slice if mode & 1 else -2 * geometry.row)


@kernel
def _activities(samples, starts, row, besides, found):  # type: ignore[no-untyped-def]
    """Activities of all voxels of some rows.

    Parameters
    ----------
    samples : int32 (padded,)
    starts : int64 (rows,), indices of their first voxels
    row : indices from one row to the next
    besides : int64 (rows,), as in `frame.Slice`
    found : int64 (rows, width), filled
    """
    for k in range(starts.size):
        for x in range(found.shape[1]):
            found[k, x] = activity(samples, starts[k] + x, row, besides[k], np.int64)


def _choose_thresholds(
    samples: NDArray[np.int32],
    geometry: Geometry,
    settings: Settings,
    fit: Fit,
    references: NDArray[np.int64],
    present: NDArray[np.bool_] | None,
) -> NDArray[np.int64]:
    """Quantiles of the activity in each mode, from some rows; classes that are not used end at zero, which all reach."""
    classes = _choose_classes(geometry, settings, present)
    thresholds = np.zeros((MODES, settings.classes - 1), np.int64)
    for mode in range(MODES):
        first = mode >> 1, mode & 1, 0  # volume, slice and row
        last = geometry.series if mode & 2 else 1, geometry.depth if mode & 1 else 1, geometry.height
        rows = [max(0, behind - start) for behind, start in zip(last, first, strict=True)]
        chosen = np.arange(0, math.prod(rows), max(1, math.prod(rows) * geometry.width // 20_000))
        if not chosen.size:
            continue
        s, z, y = (part + start for part, start in zip(np.unravel_index(chosen, rows), first, strict=True))
        starts = geometry.index(0, 0, 0, 0) + s * geometry.volume + z * geometry.slice + y * geometry.row
        rough = np.zeros((chosen.size, geometry.width), np.int64)
        _activities(samples, starts, geometry.row, _beside(geometry, references, s, mode), rough)
        activities = rough.ravel() if present is None else rough[present[s, z, y]]
        places = [activities.size * k // classes for k in range(1, classes)]
        if activities.size and places:
            found = np.partition(activities, places)[places]
            if found[-1] < fit.alike * found[0]:
                found = found[[len(found) // 2]]
            thresholds[mode, settings.classes - 1 - len(found) :] = found
    return np.minimum(thresholds, (1 << 30) - 1)


@dataclass(frozen=True)
class _Learner:
    """What all fits of a brick share."""

    samples: NDArray[np.int32]
    targets: NDArray[np.int32]
    geometry: Geometry
    settings: Settings
    fit: Fit
    references: NDArray[np.int64]
    thresholds: NDArray[np.int64]
    arrays: Arrays
    absent: NDArray[np.bool_]
    present: NDArray[np.bool_] | None
    begun: dict[int, Moments] = field(default_factory=dict)
    """What is known of units without a parent before they are fitted."""

    @functools.cached_property
    def _west(self) -> NDArray[np.int64]:
        """Offsets of the west neighbours."""
        offsets: NDArray[np.int64] = self.geometry.offsets([Tap(SELF, 0, 0, -1 - k) for k in range(WEST)], self.references)[0]
        return offsets

    def _moments(self, unit: Unit, parent: NDArray[np.float64]) -> Moments:
        """Weighted moments, sample counts and error sums of a unit's classes under the predictor `parent`."""
        geometry, classes = self.geometry, self.settings.classes
        positions = tap_positions(self.settings.support, unit.mode)
        dense = np.concatenate([self._west, self.arrays.offsets[unit.volume, unit.mode]])
        taps = np.full((len(positions) + 3) & ~3, -1)
        taps[: len(positions)] = dense[positions]
        predictor = np.zeros((classes, len(taps)))
        predictor[:, : len(positions)] = parent
        size = (len(positions) + 8) & ~7
        moments = np.zeros((classes, size, size))
        counts, errors = np.zeros(classes, np.int64), np.zeros(classes)
        z0, z1, y0, y1, x0, x1 = unit.box
        origin = geometry.index(unit.volume, z0, y0, x0)
        gather(
            self.samples,
            self.targets,
            origin,
            np.array([z1 - z0, y1 - y0, x1 - x0], np.int64),
            np.array([geometry.slice, geometry.row], np.int64),
            self._step(unit),
            unit.mode,
            int(_beside(geometry, self.references, np.array(unit.volume), unit.mode)),
            self.thresholds,
            classes,
            len(positions),
            taps,
            predictor,
            moments,
            counts,
            errors,
            self.absent,
            self.fit.local,
        )
        return moments, counts, errors

    def _step(self, unit: Unit) -> int:
        """Distance of the voxels that a unit is fitted on: larger where the volume before was fitted."""
        z0, z1, y0, y1, x0, x1 = unit.box
        voxels = max(0, z1 - z0) * (y1 - y0) * (x1 - x0)
        if self.present is not None:
            voxels = int(np.count_nonzero(self.present[unit.volume, z0:z1, y0:y1, x0:x1]))
        samples = self.fit.samples // (self.fit.following if unit.volume > 1 else 1)
        return max(1, voxels // samples, min(self.fit.distance, voxels // FEW_VOXELS))

    def _solve(self, moments: NDArray[np.float64], counts: NDArray[np.int64], taps: int) -> NDArray[np.float64]:
        """Least-squares change (classes, taps) of the predictor that the moments were taken with."""
        changes = np.zeros((len(moments), taps))
        for moment, count, change in zip(moments, counts, changes, strict=True):
            solve(moment, int(count), self.fit.ridge, change)
        return changes

    def choose_precision(self, unit: Unit) -> int:
        """Fraction bits at which rounding the coefficients of a `unit` without a parent adds about 0.2 % to its squared error."""
        taps = tap_positions(self.settings.support, unit.mode)
        begun = self.begun[unit.index] = self._moments(unit, np.zeros((self.settings.classes, len(taps))))
        moments, counts, _ = begun
        changes = self._solve(moments, counts, len(taps))
        precision = 7
        for moment, change in zip(moments, changes, strict=True):
            left = moment[len(taps), len(taps)] - gain(moment, change)
            spread = float(np.trace(moment)) - moment[len(taps), len(taps)]
            while precision < 12 and spread > 0.002 * 12 * max(left, 1e-9) * 4.0**precision:
                precision += 1
        return precision

    def fit_unit(self, unit: Unit, coefficients: NDArray[np.int32], precision: int) -> None:
        """Write the coefficients of `unit`: fitted ones where that pays, the parent's elsewhere."""
        taps = tap_positions(self.settings.support, unit.mode)
        base = parent_coefficients(coefficients, unit, precision)
        scale = float(1 << precision)
        start = base[:, taps] / scale
        moments, counts, errors = self.begun[unit.index] if unit.index in self.begun else self._moments(unit, start)
        if unit.parent is None or self.fit.twice:
            rough = start + self._solve(moments, counts, len(taps))
            moments, counts, errors = self._moments(unit, rough)
            for moment, count, first in zip(moments, counts, start - rough, strict=True):
                if count:
                    _restate(moment, first)
        changes = np.rint(self._solve(moments, counts, len(taps)) * scale).astype(np.int64)
        step = self._step(unit)
        bits = np.log2(1.5 * np.abs(changes) + 1.0).sum(axis=1) * 1.5 + 1.2 * len(taps)
        for group, (change, count) in enumerate(zip(changes, counts.tolist(), strict=True)):
            saved = gain(moments[group], change / scale) * step / 2 * BITS_PER_NAT
            if saved * count <= bits[group] * (errors[group] / max(1, count) + 0.25) * count:
                change = np.zeros_like(change)  # noqa: PLW2901
            apply_change(coefficients[unit.index, group], base[group], change, precision)


def _restate(moment: NDArray[np.float64], shift: NDArray[np.float64]) -> None:
    """Make `moment`, whose residual is that of predictor p, refer to the predictor p + `shift`."""
    size = len(shift)
    gradient, upper = moment[:size, size] + 0.0, moment[:size, :size]
    full = np.where(np.tri(size, dtype=np.bool_), upper.T, upper)
    moved = (full * shift).sum(axis=1)
    moment[:size, size] = gradient - moved
    moment[size, size] += float((shift * (moved - 2.0 * gradient)).sum())
