"""How a volume is to be coded: the wish of a `Target`, settled for one volume."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.codec import Codec
from voxz.codecs.fidelity import EXACT, Fidelity
from voxz.container.header import LOSSLESS, UNITS
from voxz.pipeline.distortion import Tally


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
    codec : the codec with its options, or None for what suits each brick
    fidelity : what every brick has to keep
    target, asked : number of the target in the header, and its value
    unit : number of the unit of a largest error that was asked for
    noise : estimated standard deviation of the noise, 0 if it was not needed
    ready : all bricks, if settling the plan has coded them already
    count_background : whether constant background counts in the mean square that is recorded
    """

    level: int
    codec: Codec | None = None
    fidelity: Fidelity = EXACT
    target: int = LOSSLESS
    asked: float = 0.0
    noise: float = 0.0
    count_background: bool = False
    unit: int = UNITS["stored"]
    ready: tuple[Coded, ...] = field(default=(), compare=False, repr=False)

    @property
    def lossy(self) -> bool:
        """Whether the file will say that it is."""
        return self.target != LOSSLESS

    @property
    def exact(self) -> bool:
        """Whether the original comes back nevertheless, byte for byte: a bound of 0 leaves no room for loss."""
        return self.fidelity == EXACT
