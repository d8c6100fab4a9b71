"""Floats with loss: whole numbers of a fine unit, which are predicted and quantised like integers.

Part of the codec for floats. With D = FINENESS, a bound b is kept by whole numbers that are D off at most in a unit of
b / (D + 1/2): rounding to the unit takes the half. So the steps of residuals are 2 b, as wide as any bound allows, and the fine
unit only leaves room for what predictions and contexts know in between. Samples come back as ``low + number * unit`` in IEEE
doubles, rounded to their type; the unit is a little smaller to leave room for that.
"""

import math
import struct

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.fidelity import Fidelity
from voxz.codecs.payload import PartReader, PartWriter
from voxz.codecs.predictive.part import Present, put_integers, take_integers
from voxz.codecs.predictive.value_map import LARGEST_DENSE
from voxz.errors import CorruptError

FINENESS = 8

_ROOM = 1 - 2.0**-20
"""Share of a bound that is used, so that doubles may round."""

_SCALE = struct.Struct("<dd")

Floats = NDArray[np.generic]


def put_steps(
    writer: PartWriter, values: Floats, shape: tuple[int, ...], present: Present, level: int, fidelity: Fidelity
) -> bool:
    """Append the parts of flat finite `values`, the samples of a brick that are present; False where they do not fit."""
    exact = values.astype(np.float64)
    low, high = float(exact.min()), float(exact.max())
    form = np.finfo(f"f{values.itemsize}")
    rounding = max(abs(low), abs(high)) * float(form.eps) / 2 + float(form.smallest_subnormal)
    bound = fidelity.bound * _ROOM - rounding
    widest = min(2 * bound, fidelity.step or math.inf)
    if not 0 < widest < math.inf or not math.isfinite(high - low):
        return False
    fineness = math.floor(min(FINENESS, LARGEST_DENSE * (widest / 2) / max(high - low, widest / 2) - 1))
    unit = widest / (2 * fineness + 1)
    if fineness < 0 or not unit > 0:
        return False
    numbers = np.rint((exact - low) / unit).astype(np.int32)
    most = math.floor(min(bound / unit - 0.5, 2.0**30) * (1 + 2.0**-40)) if math.isfinite(bound) else math.inf
    wanted = Fidelity(most, 0.0 if not fidelity.step else widest / unit)
    writer.raw(_SCALE.pack(low, unit))
    return put_integers(writer, numbers, shape, present, level, fidelity=wanted)


def take_steps(reader: PartReader, shape: tuple[int, ...], itemsize: int, present: Present) -> Floats:
    """Inverse of `put_steps`; damage raises `CorruptError`."""
    low, unit = reader.head(_SCALE)
    if not (math.isfinite(low) and 0 < unit < math.inf):
        raise CorruptError(f"got floats from {low} on in units of {unit}, expected finite ones")
    numbers = take_integers(reader, shape, present)
    largest = float(np.finfo(f"f{itemsize}").max)
    samples: Floats = np.clip(low + numbers * unit, -largest, largest).astype(f"f{itemsize}")
    return samples
