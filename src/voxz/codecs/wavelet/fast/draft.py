"""A brick that is transformed for the fast profile, and kept: coded with any step, or asked what a step would cost.

::

    samples -> smooth values where nothing is coded -> KLT along the series, where it pays -> 9/7 pyramid, in singles

Scales and basis are chosen for the step that is expected. Other levels code a brick in about the same way, so its draft also says
how their steps compare with each other.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.masked import Prepared
from voxz.codecs.payload import PartWriter
from voxz.codecs.wavelet.fast.bands import encode_bands
from voxz.codecs.wavelet.fast.forecast import Forecast, forecast
from voxz.codecs.wavelet.fast.magnitudes import Magnitudes
from voxz.codecs.wavelet.head import BACKGROUND, BASIS, FAST, LOSSY, Head
from voxz.codecs.wavelet.transform_choice import SMALL_PARTS, choose_basis, choose_scales
from voxz.entropy.integers import IntegerWriter
from voxz.transforms import klt
from voxz.transforms.fill_masked import fill
from voxz.transforms.pyramid import Pyramid, Scales

MOST_SAMPLE, MOST_STEPS = 1 << 24, 1 << 16
"""What singles are exact enough for: magnitude of samples; range of a brick, in steps, times the root of its volumes."""

LEAST_STEP = 2.0**-30
"""Least step."""

ROUNDS, COARSE_ROUNDS = 1, 4
"""Rounds of smoothing where voxels are masked, and over cubes of voxels that are: these cost little, and reach far."""


@dataclass(frozen=True)
class Draft:
    """Coefficients of a brick.

    Attributes
    ----------
    prepared : the brick
    front : parts of a payload that say where special samples and background are
    coded : samples that are neither
    offset : what is taken from them
    scales : of the pyramid, along z, y, x
    basis : of the KLT, if there is one
    components : float32 (components, z, y, x), coefficients
    """

    prepared: Prepared
    front: bytes
    coded: int
    offset: float
    scales: Scales
    basis: klt.Basis | None
    components: NDArray[np.float32]

    @classmethod
    def of(cls, samples: NDArray[Any], step: float) -> "Draft | None":
        """Transform a brick ``(series, z, y, x, channels)`` for about this `step`; None where the profile does not suit it."""
        prepared = Prepared.of(samples)
        if prepared is None or not prepared.count or not singles_suit(prepared, step):
            return None
        return cls.of_prepared(prepared, step)

    @classmethod
    def of_prepared(cls, prepared: Prepared, step: float) -> "Draft":
        """Transform a brick of which there is something to code."""
        coded, offset = prepared.count, prepared.offset
        volumes = np.subtract(prepared.series, offset, dtype=np.float32)
        for volume, unknown in zip(volumes, prepared.missing, strict=True):
            fill(volume, unknown, ROUNDS, COARSE_ROUNDS)
        scales = choose_scales(volumes, step, SMALL_PARTS)
        basis = choose_basis(volumes, scales, step)
        if basis is not None:
            components = klt.analyse(volumes.reshape(len(volumes), -1).astype(np.float64), basis)
            volumes = components.reshape(volumes.shape).astype(np.float32)
        pyramid = Pyramid(volumes.shape[1:], scales)
        for volume in volumes:
            pyramid.analyse(volume)
        return cls(prepared, prepared.front(), coded, offset, scales, basis, volumes)

    @property
    def pyramid(self) -> Pyramid:
        """Its bands."""
        return Pyramid(self.components.shape[1:], self.scales)

    def encode(self, step: float, states: int) -> bytes:
        """Payload for a step, with a trellis of so many states."""
        prepared, writer = self.prepared, PartWriter(b"")
        if self.basis is not None:
            side = IntegerWriter()
            self.basis.write(side)
            writer.part(side.to_bytes())
        writer.part(encode_bands(self.components, self.pyramid, step, states))
        flags = FAST | (BACKGROUND if prepared.background else 0) | (BASIS if self.basis is not None else 0)
        numbers = step, self.offset, prepared.low, prepared.high
        head = Head(LOSSY, states, self.scales, len(prepared.specials), flags, 0, *numbers)
        return head.pack() + self.front + writer.to_bytes()

    @cached_property
    def magnitudes(self) -> Magnitudes:
        """How large its coefficients are."""
        return Magnitudes.of(self.components, self.pyramid)

    def guess(self, step: float, states: int) -> tuple[float, float]:
        """Bits and squared errors with a step, guessed at once from the magnitudes of its coefficients alone."""
        bits, squares = self.magnitudes.guess(step, 1 if states == 1 else 2)
        return float(bits.sum()), float(squares.sum())

    def forecast(self, step: float, states: int, every: bool = False) -> Forecast:
        """What a step would cost, from some rows or from `every` one."""
        return forecast(self.components, self.pyramid, step, states, self.magnitudes, every)


def singles_suit(prepared: Prepared, step: float) -> bool:
    """Whether singles are exact enough for a brick."""
    reach = (prepared.high - prepared.low) * math.sqrt(len(prepared.series))
    return singles_do(step, max(abs(prepared.low), abs(prepared.high))) and reach <= MOST_STEPS * step


def singles_do(step: float, size: float) -> bool:
    """Whether a step and samples of this size are in the range of the profile."""
    return step >= LEAST_STEP and size <= MOST_SAMPLE
