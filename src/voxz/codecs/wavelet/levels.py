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
    restores : whether filters are fitted and sent, for rebuilt coefficients and for decoded samples
    blocks : rate, in bits a sample, up to which blocks are tried; where following motion pays they are at any; None: never
    """

    states: int
    rounds: int
    slope: float
    restores: bool = True
    blocks: float | None = None


_FAST = Effort(4, 1, 0.28, restores=False)
EFFORTS = {
    1: _FAST,
    2: _FAST,
    3: _FAST,
    4: Effort(8, 1, 0.28),
    5: Effort(8, 1, 0.28, blocks=0.6),
    6: Effort(8, 2, 0.16, blocks=1.2),
    7: Effort(8, 3, 0.16, blocks=1.2),
    8: Effort(32, 2, 0.16, blocks=1.2),
    9: Effort(32, 3, 0.16, blocks=1.2),
}
"""By level. Where bits are measured rather than guessed, a bit is worth less squared error."""

FAST_STATES = {1: 1, 2: 4, 3: 4}
"""States of the trellis at levels whose profile is the fast one, where the brick suits it."""

REVERSIBLE = Effort(1, 1, slope=0.0, restores=False)
"""For integers that have to come back: a plain quantiser that rounds to the nearest."""

STATES = (1, 4, 8, 32)
