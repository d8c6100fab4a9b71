"""From what the caller asks to how the volume is coded."""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from fractions import Fraction

from voxz.container.header import TARGETS
from voxz.errors import UsageError
from voxz.fidelity import Fidelity
from voxz.io import gzip_stream, nifti
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
            bound = _bound_in_stored_units(target, samples.layout, samples.foreign)
        return Plan(level, codec, Fidelity.within(bound), TARGETS["max-error"], target.error)
    raise UsageError(f"got target {target!r}, expected voxz.Lossless() or voxz.MaxError(...)")


def _bound_in_stored_units(target: MaxError, layout: Layout, foreign: Foreign) -> float:
    """Return the largest bound in stored units that keeps what was asked, a whole number for integers."""
    bound = Fraction(target.error)
    if target.unit == "scaled":
        bound /= abs(Fraction(_slope(foreign)))
    if layout.dtype.kind in "iub":
        return float(math.floor(bound))
    nearest = float(bound)
    return nearest if Fraction(nearest) <= bound else math.nextafter(nearest, 0.0)


def _slope(foreign: Foreign) -> float:
    """Slope of a NIfTI header, 1 where it says nothing."""
    header = gzip_stream.unpacked(foreign.companion) if foreign.companion else foreign.head
    slope = nifti.slope(header) if foreign.format.startswith("nifti") else 1.0
    return slope if math.isfinite(slope) and slope else 1.0
