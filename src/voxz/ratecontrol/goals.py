"""What a trial is to come near to: totals over bricks, of squared errors for a PSNR or of bytes for a rate."""

import math
from dataclasses import dataclass
from typing import Protocol

from voxz.metrics import psnr
from voxz.pipeline.distortion import Tally
from voxz.pipeline.plan import Coded


@dataclass(frozen=True)
class Result:
    """What was coded with one step, or nearly so: bytes of the whole file, errors, and the bricks."""

    length: float
    samples: int
    tally: Tally
    peak: float
    coded: tuple[Coded, ...]

    @property
    def bits(self) -> float:
        """Bits per sample of the file."""
        return 8 * self.length / max(1, self.samples)

    @property
    def psnr_db(self) -> float:
        """PSNR for the range of the whole volume; infinite without any error."""
        value = psnr(self.tally.mean_square, self.peak)
        return math.inf if value is None else value


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

    def total(self, result: Result) -> float:
        """The total of a result."""

    def part(self, brick: Coded) -> float:
        """What a brick adds to it."""

    def wanted(self, result: Result) -> tuple[float, float, float]:
        """Least total that is near enough, what to aim at, and the most, if the samples are those of `result`."""


@dataclass(frozen=True)
class PsnrGoal:
    """A PSNR of at least `db`, and less than `above` more: a total of squared errors."""

    db: float
    above: float
    strict: bool = True
    blind: bool = False

    @property
    def slope(self) -> float:
        """Twice as many for an amplitude twice as large."""
        return 2.0

    def total(self, result: Result) -> float:
        """Squared errors."""
        return result.tally.squares

    def part(self, brick: Coded) -> float:
        """Squared errors of a brick."""
        return brick.tally.squares

    def wanted(self, result: Result) -> tuple[float, float, float]:
        """Squared errors at the highest PSNR that is near enough, in the middle, and at the least."""
        most = result.tally.counted * result.peak**2 * 10 ** (-self.db / 10)
        return most * 10 ** (-self.above / 10), most * 10 ** (-self.above / 20), most


@dataclass(frozen=True)
class BitsGoal:
    """Bits per sample within the share `near` of what is asked: a total of bytes."""

    bits: float
    near: float
    strict: bool = False
    blind: bool = True

    @property
    def slope(self) -> float:
        """A bit per sample for each doubling of the step, less at low rates."""
        return -1 / max(self.bits, 0.8)

    def total(self, result: Result) -> float:
        """Bytes of the file."""
        return result.length

    def part(self, brick: Coded) -> float:
        """Bytes of a brick."""
        return float(len(brick.payload))

    def wanted(self, result: Result) -> tuple[float, float, float]:
        """Bytes of the file."""
        aim = self.bits * result.samples / 8
        return aim * (1 - self.near), aim, aim * (1 + self.near)
