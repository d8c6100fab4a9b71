"""From what the caller asks to how the volume is coded."""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from fractions import Fraction

from voxz.container.header import TARGETS, UNITS
from voxz.errors import UsageError
from voxz.fidelity import Fidelity
from voxz.io import gzip_stream, nifti
from voxz.noise import noise_of
from voxz.pipeline import Samples
from voxz.plan import Plan
from voxz.target import Lossless, MaxError, Target
from voxz.volume import Foreign, Layout

Opener = Callable[[], AbstractContextManager[Samples]]
"""Gives the samples anew, from the first on: some targets have to look at them before they are coded."""


def find_plan(target: Target, opened: Opener, level: int, codec: str | None, threads: int) -> Plan:
    """Settle how the volume is to be coded.

    Raises
    ------
    UsageError
        The target cannot be reached; the message says what can.
    """
    if isinstance(target, Lossless):
        return Plan(level, codec)
    if isinstance(target, MaxError):
        with opened() as samples:
            noise = noise_of(samples) if target.unit == "noise" else 0.0
            bound = _bound_in_stored_units(target, noise, samples.layout, samples.foreign)
        fidelity = Fidelity.within(bound)
        return Plan(level, codec, fidelity, TARGETS["max-error"], target.error, noise, unit=UNITS[target.unit])
    raise UsageError(f"got target {target!r}, expected voxz.Lossless() or voxz.MaxError(...)")


def _bound_in_stored_units(target: MaxError, noise: float, layout: Layout, foreign: Foreign) -> float:
    """Return the largest bound in stored units that keeps what was asked, a whole number for integers."""
    bound = Fraction(float(target.error))
    if target.unit == "scaled":
        bound /= abs(Fraction(_slope(foreign)))
    if target.unit == "noise":
        bound *= Fraction(noise)
    if layout.dtype.kind in "iub":
        return float(math.floor(bound))
    nearest = float(bound)
    return nearest if Fraction(nearest) <= bound else math.nextafter(nearest, 0.0)


def _slope(foreign: Foreign) -> float:
    """Slope of a NIfTI header, 1 where it says nothing."""
    header = gzip_stream.unpacked(foreign.companion) if foreign.companion else foreign.head
    slope = nifti.slope(header) if foreign.format.startswith("nifti") else 1.0
    return slope if math.isfinite(slope) and slope else 1.0
