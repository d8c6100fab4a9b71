"""Where the taps of a voxel lie in the padded array: tables for the walk and the fit, derived from the sizes of a brick."""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.predictive.interlaced.rows import ORDER, RANKS, Rows
from voxz.codecs.predictive.interlaced.taps import AROUND, ERRORS, PREDICTORS, TAPS
from voxz.codecs.predictive.neighbourhood import MODES, Tap
from voxz.jit import kernel


class Places(NamedTuple):
    """Distances from a place of the first phase to the taps of the same place of each phase; phases are in coding order.

    A distance is within a volume; `volumes` say which: 0 the voxel's own, 1 and 2 its first and second reference.

    Attributes
    ----------
    order : int64 (phases,), phases in coding order
    ranks : int64 (phases,)
    taps, tap_volumes : int64 (MODES, phases, TAPS); unused ones repeat the first
    errors, error_volumes : int64 (MODES, phases, AROUND)
    weights : int16 (MODES, phases, AROUND), of errors
    """

    order: NDArray[np.int64]
    ranks: NDArray[np.int64]
    taps: NDArray[np.int64]
    tap_volumes: NDArray[np.int64]
    errors: NDArray[np.int64]
    error_volumes: NDArray[np.int64]
    weights: NDArray[np.int16]


def places_of(rows: Rows) -> Places:
    """Places in the padded array of a brick."""
    strides = np.array([rows.slice, rows.row, rows.stride, 1], np.int64)
    order, ranks, taps, errors, weights = _steps(rows.phases)
    return Places(
        order,
        ranks,
        (taps[..., 1:] * strides).sum(-1),
        taps[..., 0],
        (errors[..., 1:] * strides).sum(-1),
        errors[..., 0],
        weights,
    )


@cache
def _steps(
    phases: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int16]]:
    """Order and ranks of the phases; volume, slices, rows, phases and places to each tap and error; weights of errors."""
    order, ranks = np.array(ORDER[phases], np.int64), np.array(RANKS[phases], np.int64)
    taps = np.zeros((MODES, phases, TAPS, 5), np.int64)
    errors = np.zeros((MODES, phases, AROUND, 5), np.int64)
    weights = np.zeros((MODES, phases, AROUND), np.int16)
    for mode in range(MODES):
        for k, (phase, rank) in enumerate(zip(ORDER[phases], RANKS[phases], strict=True)):
            found = [_step(phase, phases, tap) for tap in PREDICTORS[rank][mode]]
            taps[mode, k] = found + found[:1] * (TAPS - len(found))
            errors[mode, k] = [_step(phase, phases, tap) for tap, _ in ERRORS[rank][mode]]
            weights[mode, k] = [weight for _, weight in ERRORS[rank][mode]]
    return order, ranks, taps, errors, weights


def _step(phase: int, phases: int, tap: Tap) -> tuple[int, ...]:
    """Volume, slices, rows, phases and places from place i of the first phase to what `tap` means for place i of `phase`."""
    place, other = divmod(phase + tap.dx, phases)
    return tap.volume, tap.dz, tap.dy, other, place


@kernel
def aim(distances, volumes, moves, found):  # type: ignore[no-untyped-def]
    """Fill `found` with the index offsets to taps.

    Parameters
    ----------
    distances : int64 (phases, taps), within a volume
    volumes : int64 (phases, taps), 0 to 2, see `Places`
    moves : int64 (3,), indices to the voxel's own volume, which is 0, and to its two references
    found : int64 (phases, taps), filled
    """
    for k in range(distances.shape[0]):
        for tap in range(distances.shape[1]):
            found[k, tap] = distances[k, tap] + moves[volumes[k, tap]]
