"""What a search is to come near to: a total over bricks, of squared errors for a PSNR or of bytes for a size."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from voxz.metrics import psnr
from voxz.pipeline.distortion import Tally
from voxz.pipeline.plan import Coded
from voxz.target import Target


class Measured(Protocol):
    """What was coded with one step."""

    @property
    def length(self) -> float:
        """Bytes."""

    @property
    def samples(self) -> int:
        """How many they are for."""

    @property
    def tally(self) -> Tally:
        """Errors."""

    @property
    def peak(self) -> float:
        """Max - min of the whole volume."""


@dataclass(frozen=True)
class Result:
    """A volume that was coded with one step, or nearly so: bytes of the whole file, errors, and the bricks."""

    length: float
    samples: int
    tally: Tally
    peak: float
    coded: Sequence[Coded]

    @property
    def bits(self) -> float:
        """Bits per sample of the file."""
        return 8 * self.length / max(1, self.samples)

    @property
    def psnr_db(self) -> float:
        """PSNR for the range of the whole volume; infinite without any error."""
        value = psnr(self.tally.mean_square, self.peak)
        return math.inf if value is None else value


@dataclass(frozen=True)
class Forecast:
    """What coding a volume with one step will cost: bytes of the file, errors, and the bytes of each brick."""

    length: float
    samples: int
    tally: Tally
    peak: float
    lengths: Sequence[float]

    @property
    def bits(self) -> float:
        """Bits per sample of the file."""
        return 8 * self.length / max(1, self.samples)


class Goal(Protocol):
    """A total over bricks that is to come near to something."""

    @property
    def slope(self) -> float:
        """Doublings of the total for a doubling of the step."""

    @property
    def strict(self) -> bool:
        """Whether more than is wanted is worse than any less."""

    @property
    def blind(self) -> bool:
        """Whether nothing has to be decoded for it."""

    def total(self, result: Measured) -> float:
        """The total of a result."""

    def part(self, brick: Coded) -> float:
        """What a brick adds to it."""

    def wanted(self, result: Measured) -> tuple[float, float, float]:
        """Least total that is near enough, the total to head for, and the most, if the samples are those of `result`."""


@dataclass(frozen=True)
class PsnrGoal:
    """A PSNR of at least `db`, and less than `above` more: a total of squared errors, at most four times for twice the step.

    A search heads for what lies `aimed` dB above `db`, or below it where errors can be made up for; for the middle if it is None.
    """

    db: float
    above: float
    strict: bool = True
    blind: bool = False
    slope: float = 2.0
    aimed: float | None = None

    def total(self, result: Measured) -> float:
        """Squared errors."""
        return result.tally.squares

    def part(self, brick: Coded) -> float:
        """Squared errors of a brick."""
        return brick.tally.squares

    def wanted(self, result: Measured) -> tuple[float, float, float]:
        """Squared errors at the highest PSNR that is near enough, at what is aimed for, and at the least."""
        most = result.tally.counted * result.peak**2 * 10 ** (-self.db / 10)
        return most * 10 ** (-self.above / 10), result.tally.counted * self.mean_square(result.peak), most

    def mean_square(self, peak: float) -> float:
        """Mean squared error that is aimed for, in a volume of this range."""
        aimed = self.above / 2 if self.aimed is None else self.aimed
        return peak**2 * 10 ** (-(self.db + aimed) / 10)


@dataclass(frozen=True)
class BitsGoal:
    """Bits per sample within the share `near` of what is asked: a total of bytes."""

    bits: float
    near: float
    strict: bool = False
    blind: bool = True
    slope: float = -1.0

    def total(self, result: Measured) -> float:
        """Bytes."""
        return result.length

    def part(self, brick: Coded) -> float:
        """Bytes of a brick."""
        return float(len(brick.payload))

    def wanted(self, result: Measured) -> tuple[float, float, float]:
        """Bytes."""
        middle = self.bits * result.samples / 8
        return middle * (1 - self.near), middle, middle * (1 + self.near)


def goal_of(target: Target, stored: int, above: float, near: float) -> PsnrGoal | BitsGoal | None:
    """Goal of a target for samples of `stored` bits; None if it asks for neither a PSNR nor a size."""
    bits = target.bits_per_sample(stored)
    if bits is not None:
        return BitsGoal(bits, near)
    return None if target.psnr_db is None else PsnrGoal(target.psnr_db, above)
