"""A volume inside a page, small enough to be mailed: stored values and errors as whole numbers, deflated.

Values are exact if they fit. Otherwise they are rounded to a fraction of the noise, which nobody sees; then volumes and slices
are left out at equal distances, such that the voxel with the largest error stays. Nothing is averaged: errors are as large as
they were. The page predicts each value from the one before it and the one a row before, and adds what is stored.
"""

import base64
import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.report.evidence import Evidence

ROOM = 5_400_000
"""Bytes of a page, before base64, that planes may take: the page stays below 8 MB."""

_OF_NOISE = 0.25
_MOST = 65535
_MOST_ERROR = 127


@dataclass(frozen=True)
class Planes:
    """What a page draws.

    Attributes
    ----------
    shape : ``(t, z, y, x, channels)`` of what is there
    starts, steps : along t, z, y, x: voxel k is voxel ``start + k * step`` of the image
    low, step : of values: code * step + low, in stored units
    error_step : the same for errors
    values, errors : deflated bytes in base64; errors are empty if there is no original
    """

    shape: tuple[int, ...]
    starts: tuple[int, ...]
    steps: tuple[int, ...]
    low: float
    step: float
    error_step: float
    values: str
    errors: str

    def words(self, noise: float) -> str:
        """What is not exact or left out; empty if nothing is."""
        fine = f"Values are rounded to steps of {self.step:.3g}. " if noise and self.step > 1 else ""
        axes = [
            f"every {_ordinal(n)} {name}"
            for n, name in zip(self.steps, ("volume", "slice", "row", "column"), strict=True)
            if n > 1
        ]
        left_out = f"Shown: {', '.join(axes)}; nothing is averaged, and the worst voxel is among them." if axes else ""
        return fine + left_out


def planes_of(evidence: Evidence, room: int = ROOM, *, with_errors: bool) -> Planes:
    """The finest planes that fit into `room` bytes."""
    for steps, coarse in _ways(evidence):
        found = _packed(evidence, steps, coarse, with_errors)
        if 3 * (len(found.values) + len(found.errors)) // 4 <= room:
            break
    return found


def _ways(evidence: Evidence) -> Iterator[tuple[tuple[int, ...], bool]]:
    """Steps along t, z, y, x, and whether values are rounded; finer ones first."""
    shape, spacing = evidence.reference.shape[:4], evidence.spacing_mm
    steps = [1, 1, 1, 1]
    yield tuple(steps), False
    yield tuple(steps), True
    while any(n > step for n, step in zip(shape, steps, strict=True)):
        volumes = -(-shape[0] // steps[0])
        if volumes > 4:
            steps[0] += 1
        else:
            axes = [axis for axis in range(1, 4) if shape[axis] > 16 * steps[axis]]
            if axes:
                steps[min(axes, key=lambda axis: (steps[axis] * spacing[axis - 1] * (1 if axis == 1 else 1.9), axis))] += 1
            elif volumes > 1:
                steps[0] += 1
            else:
                steps = [step + 1 for step in steps]
        yield tuple(steps), True


def _packed(evidence: Evidence, steps: tuple[int, ...], coarse: bool, with_errors: bool) -> Planes:
    starts = tuple(place % step for place, step in zip(evidence.worst, steps, strict=True))
    grid = tuple(slice(start, None, step) for start, step in zip(starts, steps, strict=True))
    values = evidence.reference[grid]
    low, step = _scale(values, evidence.noise if coarse else 0.0)
    codes = np.clip(np.rint((np.nan_to_num(values.astype(np.float64)) - low) / step), 0, _MOST).astype(np.uint16)
    error, error_step = "", 1.0
    if with_errors and evidence.error is not None:
        differences = evidence.error[grid].astype(np.float64)
        largest = float(np.abs(differences).max(initial=0))
        whole = evidence.error.dtype.kind == "i"
        error_step = max(1.0 if whole else 0.0, (math.ceil if whole else float)(largest / _MOST_ERROR)) or 1.0
        error = _deflated(np.rint(differences / error_step).astype(np.int8).ravel())
    return Planes(values.shape, starts, steps, low, step, error_step, _deflated(_predicted(codes)), error)


def _scale(values: NDArray[Any], noise: float) -> tuple[float, float]:
    """Lowest value, and step, that 16 bits hold; coarser by the noise."""
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    if not finite.size:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    step = max((high - low) / _MOST, _OF_NOISE * noise)
    if values.dtype.kind in "iu":
        step = float(max(1, math.floor(step) if noise else math.ceil(step)))
    return low, step or 1.0


def _predicted(codes: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Low bytes, then high bytes, of each code less the mean of the one before it and the one a row before it."""
    flat, row = codes.ravel().astype(np.int32), codes.shape[3] * codes.shape[4]
    left, up = (
        np.concatenate([np.zeros(n, np.int32), flat[:-n] if n < flat.size else flat[:0]])[: flat.size]
        for n in (codes.shape[4], row)
    )
    left_over = (flat - ((left + up) >> 1)).astype(np.uint16)
    return np.concatenate([(left_over & 255).astype(np.uint8), (left_over >> 8).astype(np.uint8)])


def _deflated(data: NDArray[Any]) -> str:
    return base64.b64encode(zlib.compress(data.tobytes(), 6)).decode()


def _ordinal(number: int) -> str:
    return {2: "second", 3: "third"}.get(number, f"{number}th")
