"""The fitted predictor of a brick: what the encoder fits and sends.

`Predictor` is the fact that is sent; `arrays` expands it, the same way on both sides, to what the traversal reads.
Units are numbered in coding order: for each volume first the one of its first slice, then those of the tiles of the
others. A unit's coefficients are sent as differences to its *parent*: the unit of the same tile in the volume before, or
else the tile to the left or above; a unit without a parent starts from "same as the west neighbour".
"""

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.predictive.levels import Settings
from voxz.codecs.predictive.neighbourhood import AHEAD_WEIGHTS, ERROR_WEIGHTS, MODES, WEST, Support, Tap
from voxz.codecs.predictive.padding import Geometry
from voxz.entropy.integers import IntegerReader, IntegerWriter
from voxz.errors import CorruptError
from voxz.jit import kernel
from voxz.limits import affordable, at_least_a_bit

GROUP = 8
"""Taps are multiplied in groups of eight; the last group is filled up with coefficients of zero."""

LARGEST_COEFFICIENT = 1 << 24
MOST_TILES = 256

BYTES_A_UNIT, BYTES_A_COEFFICIENT = 512, 4
"""What a decoder takes for a unit beside its coefficients, and for each of those."""


@dataclass(frozen=True)
class Unit:
    """Voxels that share predictors: a tile of a volume, first slice apart."""

    index: int
    volume: int
    mode: int
    box: tuple[int, int, int, int, int, int]
    """Bounds z0, z1, y0, y1, x0, x1."""
    parent: int | None


def units_of(geometry: Geometry, tiles: tuple[int, int]) -> list[Unit]:
    """All units of a brick in coding order, empty ones included."""
    down, across = tiles
    height, width = geometry.height, geometry.width
    per_volume = 1 + down * across
    units = []
    for s in range(geometry.series):
        first = s * per_volume
        series = 2 if s > 0 else 0
        parent = first - per_volume if s > 1 else None
        units.append(Unit(first, s, series, (0, 1, 0, height, 0, width), parent))
        for tile in range(down * across):
            ty, tx = divmod(tile, across)
            box = (1, geometry.depth, *_bounds(ty, down, height), *_bounds(tx, across, width))
            index = first + 1 + tile
            left_or_above = index - 1 if tx else (index - across if ty else None)
            parent = index - per_volume if s > 1 else left_or_above
            units.append(Unit(index, s, series + 1, box, parent))
    return units


def _bounds(part: int, parts: int, size: int) -> tuple[int, int]:
    """First and last + 1 of the positions p with p * parts // size == part."""
    return -(-part * size // parts), -(-(part + 1) * size // parts)


@dataclass(frozen=True)
class Arrays:
    """Index offsets, weights and sizes for the traversal, derived from support, geometry and references.

    Offsets are (series, modes, taps); `groups` and `error_groups` count the groups of taps of each mode; `weights`
    are (modes, WEST + taps): activity, west, west of west, unused, other taps.
    """

    offsets: NDArray[np.int64]
    groups: NDArray[np.int64]
    error_offsets: NDArray[np.int64]
    error_groups: NDArray[np.int64]
    weights: NDArray[np.int64]

    @property
    def stride(self) -> int:
        """Coefficients of a predictor."""
        return WEST + int(self.offsets.shape[2])

    @classmethod
    def derive(cls, settings: Settings, geometry: Geometry, references: NDArray[np.int64]) -> "Arrays":
        """Expand what a brick's settings, shape and references imply; single volumes have no references."""
        return _derived_of_volume(settings, geometry) if geometry.series == 1 else cls._derive(settings, geometry, references)

    @classmethod
    def _derive(cls, settings: Settings, geometry: Geometry, references: NDArray[np.int64]) -> "Arrays":
        neighbours = _neighbours(settings)
        offsets, error_offsets = (
            geometry.offsets_by_mode(taps, references, GROUP * max(_groups(taps)))
            for taps in (neighbours.taps, neighbours.error_taps)
        )
        groups, error_groups = (np.array(_groups(taps), np.int64) for taps in (neighbours.taps, neighbours.error_taps))
        return cls(offsets, groups, error_offsets, error_groups, neighbours.weights)


@functools.lru_cache(64)
def _derived_of_volume(settings: Settings, geometry: Geometry) -> Arrays:
    """The same for all bricks of a size: small ones would spend a tenth of the time on it."""
    return Arrays._derive(settings, geometry, np.zeros((1, 2), np.int64))


@dataclass(frozen=True)
class _Neighbours:
    """What settings imply whatever the brick: by mode, taps and those with errors, and the weights of `Arrays`."""

    taps: list[tuple[Tap, ...]]
    error_taps: list[tuple[Tap, ...]]
    weights: NDArray[np.int64]


@functools.cache
def _neighbours(settings: Settings) -> _Neighbours:
    by_mode = AHEAD_WEIGHTS if settings.ahead else ERROR_WEIGHTS
    weighted = [mode.taps() for mode in by_mode]
    error_taps = [tuple(tap for tap, _ in mode) for mode in weighted]
    weights = np.zeros((MODES, WEST + GROUP * max(_groups(error_taps))), np.int64)
    for row, mode, pairs in zip(weights, by_mode, weighted, strict=True):
        row[:3] = mode.activity, *mode.west
        row[WEST : WEST + len(pairs)] = [weight for _, weight in pairs]
    return _Neighbours([settings.support.taps(mode) for mode in range(MODES)], error_taps, weights)


def _groups(taps: list[tuple[Tap, ...]]) -> list[int]:
    """Vectors of taps, by mode."""
    return [-(-len(own) // GROUP) for own in taps]


def stride_of(support: Support) -> int:
    """Coefficients of a predictor, with room for whole vectors of taps."""
    return WEST + GROUP * max(_groups([support.taps(mode) for mode in range(MODES)]))


def tap_positions(support: Support, mode: int) -> NDArray[np.int64]:
    """Positions, in a unit's coefficient vector, of the taps that are sent (the nearest west one is implied)."""
    return np.arange(1, WEST + len(support.taps(mode)))


@dataclass(frozen=True)
class Predictor:
    """Parameters of a brick's predictor.

    Attributes
    ----------
    tiles : (down, across)
    precision : fraction bits of the coefficients
    references : int64 (series, 2)
        Volumes that predict each volume; row 0 is unused.
    thresholds : int64 (modes, classes - 1)
        Activities at which the class changes.
    coefficients : int32 (units, classes, stride)
    """

    tiles: tuple[int, int]
    precision: int
    references: NDArray[np.int64]
    thresholds: NDArray[np.int64]
    coefficients: NDArray[np.int32]

    def write(self, writer: IntegerWriter, settings: Settings, geometry: Geometry) -> None:
        """Send the predictor."""
        writer.put([*self.tiles, self.precision])
        writer.put(np.arange(geometry.series)[1:, None] - self.references[1:])
        writer.put(self.thresholds)
        units = units_of(geometry, self.tiles)
        changes = [_difference(self.coefficients, unit, settings.support) for unit in units]
        kept = np.array([[int(row.any()) for row in change] for change in changes], np.int64)
        writer.put(kept)
        sent = [row for change in changes for row in change if row.any()]
        columns = [tap_positions(settings.support, u.mode) for u, k in zip(units, kept, strict=True) for _ in range(k.sum())]
        writer.put(np.concatenate([*sent, []]).astype(np.int64), np.concatenate([*columns, []]).astype(np.int64))

    @classmethod
    def read(cls, reader: IntegerReader, settings: Settings, geometry: Geometry) -> "Predictor":
        """Inverse of `write`; damage raises `CorruptError`."""
        down, across, precision = (int(n) for n in reader.take(3))
        if min(down, across) < 1 or down * across > MOST_TILES or not 6 <= precision <= 16:
            raise CorruptError(f"predictor out of bounds: {down} x {across} tiles, {precision} fraction bits")
        references = np.zeros((geometry.series, 2), np.int64)
        back = reader.take(2 * (geometry.series - 1)).reshape(-1, 2)
        numbers = np.arange(1, geometry.series)[:, None]
        if ((back < 1) | (back > numbers)).any():
            raise CorruptError("a volume refers to one that is not coded before it")
        references[1:] = numbers - back
        thresholds = reader.take(MODES * (settings.classes - 1)).reshape(MODES, -1)
        number = geometry.series * (1 + down * across)
        at_least_a_bit(number * settings.classes, reader.left, "predictors")
        needed = memory_of_units(number, settings)
        affordable(needed, geometry.samples, reader.left, "the predictors of a brick")
        units = units_of(geometry, (down, across))
        kept = reader.take(len(units) * settings.classes).reshape(len(units), -1)
        taps = [tap_positions(settings.support, mode) for mode in range(MODES)]
        columns = [taps[u.mode] for u, flags in zip(units, kept.tolist(), strict=True) for flag in flags if flag]
        flat = reader.take(sum(map(len, columns)), np.concatenate([np.zeros(0, np.int64), *columns]))
        coefficients = np.zeros((len(units), settings.classes, stride_of(settings.support)), np.int32)
        parents = np.array([-1 if u.parent is None else u.parent for u in units], np.int64)
        lengths = np.array([len(taps[u.mode]) for u in units], np.int64)
        _apply_changes(coefficients, parents, _same_as_west(coefficients.shape[2], precision), lengths, kept, flat, precision)
        if np.abs(coefficients).max(initial=0) >= LARGEST_COEFFICIENT:
            raise CorruptError("a prediction coefficient is out of bounds")
        return cls((down, across), precision, references, thresholds, coefficients)


def memory_of_units(units: int, settings: Settings) -> int:
    """Bytes that a decoder takes for this many units."""
    taps = max(len(settings.support.taps(mode)) for mode in range(MODES))
    return units * (BYTES_A_UNIT + BYTES_A_COEFFICIENT * settings.classes * (WEST + GROUP + taps))


def parent_coefficients(coefficients: NDArray[np.int32], unit: Unit, precision: int) -> NDArray[np.int64]:
    """Coefficients (classes, stride) that those of `unit` are sent as differences to."""
    if unit.parent is not None:
        inherited: NDArray[np.int64] = coefficients[unit.parent].astype(np.int64)
        return inherited
    return np.tile(_same_as_west(coefficients.shape[2], precision), (coefficients.shape[1], 1))


def _same_as_west(stride: int, precision: int) -> NDArray[np.int64]:
    """Coefficients of the predictor that takes the west neighbour."""
    west = np.zeros(stride, np.int64)
    west[0] = 1 << precision
    return west


@kernel
def apply_change(target, base, change, precision):  # type: ignore[no-untyped-def]
    """Write `base` + `change` to `target`; the nearest west coefficient makes the sum one.

    Parameters
    ----------
    target : int32 (stride,), filled
    base : integers (stride,)
    change : int64 (taps,), of the coefficients from the second on; those behind keep their value
    precision : fraction bits
    """
    rest = np.int64(1) << precision
    for k in range(1, target.size):
        value = np.int64(base[k]) + (change[k - 1] if k <= change.size else 0)
        rest -= value
        target[k] = max(-LARGEST_COEFFICIENT, min(value, LARGEST_COEFFICIENT))
    target[0] = max(-LARGEST_COEFFICIENT, min(rest, LARGEST_COEFFICIENT))


@kernel
def _apply_changes(coefficients, parents, west, lengths, kept, changes, precision):  # type: ignore[no-untyped-def]
    """Fill the coefficients of all units.

    Parameters
    ----------
    coefficients : int32 (units, classes, stride), filled
    parents : int64 (units,), unit that changes refer to, an earlier one; below 0 for none
    west : int64 (stride,), what they refer to then
    lengths : int64 (units,), changes of a unit's class
    kept : int64 (units, classes), not 0 where there are changes
    changes : int64, flat
    precision : fraction bits
    """
    at = 0
    for unit in range(coefficients.shape[0]):
        for group in range(coefficients.shape[1]):
            length = lengths[unit] if kept[unit, group] else 0
            change = changes[at : at + length]
            at += length
            if parents[unit] < 0:
                apply_change(coefficients[unit, group], west, change, precision)
            else:
                apply_change(coefficients[unit, group], coefficients[parents[unit], group], change, precision)


def _difference(coefficients: NDArray[np.int32], unit: Unit, support: Support) -> NDArray[np.int64]:
    """Differences (classes, taps) to the parent; the base of a unit without one is zero at all sent taps."""
    taps = tap_positions(support, unit.mode)
    own: NDArray[np.int64] = coefficients[unit.index][:, taps].astype(np.int64)
    if unit.parent is not None:
        own -= coefficients[unit.parent][:, taps]
    return own
