"""What the levels of compression mean for coefficients. Decoding depends on the number of states only, which files name."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """How hard the encoder tries.

    Attributes
    ----------
    states : of the trellis
    rounds : quantisations, each with bits and weights measured on the one before
    slope : squared error, in half steps, that a bit is worth
    """

    states: int
    rounds: int
    slope: float = 0.28


EFFORTS = {
    1: Effort(4, 1), 2: Effort(4, 1), 3: Effort(4, 1), 4: Effort(4, 1), 5: Effort(8, 1), 6: Effort(8, 2), 7: Effort(8, 3),
    8: Effort(32, 2), 9: Effort(32, 3),
}  # fmt: skip

REVERSIBLE = Effort(1, 1, slope=0.0)
"""For integers that have to come back: a plain quantiser that rounds to the nearest."""

STATES = (1, 4, 8, 32)
