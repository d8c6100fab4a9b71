"""How exactly a brick is coded: what a `Target` becomes once the volume is known."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Fidelity:
    """The two things a codec can be told about loss, both in stored units.

    Attributes
    ----------
    bound : no sample may be farther off than this; 0 is lossless, infinity leaves it to `step`
    step : quantiser step, for codecs whose error is not set by the bound alone; 0 leaves it to `bound`
    """

    bound: float = 0.0
    step: float = 0.0

    @classmethod
    def within(cls, bound: float) -> "Fidelity":
        """Only a bound."""
        return cls(bound, 0.0)

    @classmethod
    def stepped(cls, step: float, bound: float = math.inf) -> "Fidelity":
        """A quantiser step, and a bound if there is one."""
        return cls(bound, step)


EXACT = Fidelity()
