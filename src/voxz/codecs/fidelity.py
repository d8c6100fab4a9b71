"""How exactly a brick is coded: what a `Target` becomes once the volume is known."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Fidelity:
    """What a codec can be told about loss: two things in stored units, and a length and an error that it should come near.

    Attributes
    ----------
    bound : no sample may be farther off than this; 0 is lossless, infinity leaves it to `step`
    step : quantiser step, for codecs whose error is not set by the bound alone; 0 leaves it to `bound`
    length : bytes that a brick should take, if its codec can spend more or less with the same step; 0 leaves it to the step
    mean_square : error that a brick should have, where the step does not foresee what its codec chooses; 0 leaves it to the step
    """

    bound: float = 0.0
    step: float = 0.0
    length: float = 0.0
    mean_square: float = 0.0

    @classmethod
    def within(cls, bound: float) -> "Fidelity":
        """Only a bound."""
        return cls(bound, 0.0)

    @classmethod
    def stepped(cls, step: float, bound: float = math.inf, length: float = 0.0, mean_square: float = 0.0) -> "Fidelity":
        """A quantiser step, and a bound, a length and an error if there are such."""
        return cls(bound, step, length, mean_square)


EXACT = Fidelity()
