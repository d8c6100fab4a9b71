"""How a volume is to be coded: the wish of a `Target`, settled for one volume."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.codec import Codec
from voxz.codecs.fidelity import EXACT, Fidelity
from voxz.pipeline.distortion import Tally
from voxz.target import LOSSLESS, Target


@dataclass(frozen=True)
class Coded:
    """A brick's codec and payload; what it decodes to, and how far that is from the original."""

    number: int
    payload: bytes
    decoded: NDArray[np.generic]
    tally: Tally


@dataclass(frozen=True)
class Plan:
    """How a volume is to be coded.

    Attributes
    ----------
    level : 1 (fastest) to 9 (smallest)
    codec : the codec with its options, or None: chosen for each brick
    target : what was asked
    fidelity : what every brick has to keep
    noise : estimated standard deviation of the noise, 0 if it was not needed
    brick : voxels of a brick along (z, y, x); None: chosen by the shape
    """

    level: int
    codec: Codec | None = None
    target: Target = LOSSLESS
    fidelity: Fidelity = EXACT
    noise: float = 0.0
    brick: tuple[int, int, int] | None = None

    @property
    def lossy(self) -> bool:
        """Whether the file will say that it is."""
        return self.target != LOSSLESS

    @property
    def exact(self) -> bool:
        """Whether the original comes back nevertheless, byte for byte: a bound of 0 leaves no room for loss."""
        return self.fidelity == EXACT
