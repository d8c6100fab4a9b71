"""What a brick goes through before its coefficients are coded, in the encoder only: scales, basis, transform or fields of motion.

To choose takes up to half of a coding at low rates, and a step that is a little finer has hardly another answer. So a search for
a step keeps what was chosen for the last one, for steps near it.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet.levels import EFFORTS
from voxz.codecs.wavelet.motion_trial import motion_choice
from voxz.codecs.wavelet.options import Transform
from voxz.codecs.wavelet.transform_choice import PARTS, choose_basis, choose_scales, choose_transform
from voxz.transforms import klt
from voxz.transforms.choice import Choice
from voxz.transforms.pyramid import Scales

NEAR = 0.25
"""Doublings of the step over which what was chosen holds."""


@dataclass(frozen=True)
class Chosen:
    """What was chosen for a brick at a `level`, of what was `asked` for, with a `step`; 0 stands for coding without loss."""

    level: int
    asked: Transform
    step: float
    scales: Scales
    basis: klt.Basis | None
    choice: Choice
    blocks: float | None = None
    """Step of blocks, as a multiple of the step, where they cost less; 0 where they do not, and None where that was not tried."""

    @classmethod
    def of(cls, volumes: NDArray[np.float64], level: int, asked: Transform, step: float) -> "Chosen":
        """Choose for `volumes` ``(volumes, z, y, x)`` of which there is something to code."""
        scales = choose_scales(volumes, step, PARTS)
        basis = choose_basis(volumes, scales, step) if step else None
        choice = choose_transform(volumes, scales, step, level, asked)
        if step and EFFORTS[level].restores and asked is None and len(volumes) == 1:
            choice, scales = motion_choice(volumes[0], choice, scales, step, EFFORTS[level]) or (choice, scales)
        return cls(level, asked, step, scales, basis, choice)

    @classmethod
    def kept(cls, kept: "list[Chosen]", volumes: NDArray[np.float64], level: int, asked: Transform, step: float) -> "Chosen":
        """The one that is `kept` if it holds here too, else a new one, which is then kept."""
        if not any(known.holds(level, asked, step) for known in kept):
            kept[:] = [cls.of(volumes, level, asked, step)]
        return kept[0]

    def holds(self, level: int, asked: Transform, step: float) -> bool:
        """Whether it holds for another step."""
        return (
            self.level == level
            and self.asked is asked
            and step > 0
            and self.step > 0
            and abs(math.log2(step / self.step)) <= NEAR
        )
