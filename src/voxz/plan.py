"""How a volume is to be coded: the wish of a `Target`, settled for one volume."""

from dataclasses import dataclass

from voxz.container.header import LOSSLESS, UNITS
from voxz.fidelity import EXACT, Fidelity


@dataclass(frozen=True)
class Plan:
    """How a volume is to be coded.

    Attributes
    ----------
    codec : name of the codec, or None for what suits each brick
    fidelity : what every brick has to keep
    target, asked : number of the target in the header, and its value
    unit : number of the unit of a largest error that was asked for
    noise : estimated standard deviation of the noise, 0 if it was not needed
    count_background : whether constant background counts in the mean square that is recorded
    """

    level: int
    codec: str | None = None
    fidelity: Fidelity = EXACT
    target: int = LOSSLESS
    asked: float = 0.0
    noise: float = 0.0
    count_background: bool = False
    unit: int = UNITS["stored"]

    @property
    def lossy(self) -> bool:
        """Whether the file will say that it is."""
        return self.target != LOSSLESS

    @property
    def exact(self) -> bool:
        """Whether the original comes back nevertheless, byte for byte: a bound of 0 leaves no room for loss."""
        return self.fidelity == EXACT
