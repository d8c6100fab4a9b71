"""What the caller asks of the codec. What a file holds is said by its codec and parameters instead."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Lossless:
    """Every stored sample comes back exactly."""


Target = Lossless
