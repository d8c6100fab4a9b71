"""What the caller asks: how much may be lost. What a file holds is said by its codecs and parameters instead."""

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import ClassVar, Literal

from voxz.container.header import TARGETS
from voxz.errors import UsageError

Unit = Literal["stored", "scaled", "noise"]


def _check(name: str, value: float, *, zero: bool = False) -> None:
    if not (isinstance(value, Real) and math.isfinite(value) and (value > 0 or (zero and value == 0))):
        raise UsageError(f"{name} must be a number {'of at least' if zero else 'above'} 0 (got {value})")


@dataclass(frozen=True)
class Target:
    """Base of all targets: what planning, pipeline and file ask of each."""

    name: ClassVar[str]

    @property
    def number(self) -> int:
        """Its number in a file."""
        return TARGETS[self.name]

    @property
    def loses(self) -> bool:
        """Whether anything may be lost."""
        return True

    @property
    def value(self) -> float:
        """The number that was asked for."""
        return 0.0

    @property
    def unit(self) -> Unit:
        """Unit of `value` if it is a largest error."""
        return "stored"

    @property
    def max_error(self) -> float | None:
        """Largest error in stored units beside a PSNR or a size."""
        return None

    @property
    def psnr_db(self) -> float | None:
        """PSNR that was asked for."""
        return None

    @property
    def counts_background(self) -> bool:
        """Whether constant background counts in the mean squared error."""
        return False

    def bits_per_sample(self, stored: int) -> float | None:
        """Bits per sample of the file that was asked for, of samples with so many `stored` bits."""
        return None

    def bound(self, *, noise: float, slope: float, whole: bool) -> float:
        """Largest error in stored units, infinite if any is allowed.

        Parameters
        ----------
        noise : standard deviation of the noise
        slope : of the header
        whole : whether samples are whole numbers, and so errors are
        """
        return math.inf if self.max_error is None else self.max_error


@dataclass(frozen=True)
class Lossless(Target):
    """Every stored sample comes back exactly."""

    name: ClassVar[str] = "lossless"

    @property
    def loses(self) -> bool:
        """Nothing."""
        return False

    def bound(self, *, noise: float, slope: float, whole: bool) -> float:
        """No error."""
        return 0.0


LOSSLESS = Lossless()


@dataclass(frozen=True)
class Fitted(Target):
    """Whatever a codec that always loses something comes to, where nothing was asked of it."""

    name: ClassVar[str] = "fitted"


@dataclass(frozen=True)
class MaxError(Target):
    """No sample differs from the original by more than `error`.

    Parameters
    ----------
    error : the bound, in `unit`; 0 is lossless
    unit : ``"stored"``, as in the file; ``"scaled"``, after the header's slope; ``"noise"``, in standard deviations of the noise
        that is estimated from the image
    """

    name: ClassVar[str] = "max-error"

    error: float
    unit: Unit = "stored"

    def __post_init__(self) -> None:
        _check("max error", self.error, zero=True)
        if self.unit not in ("stored", "scaled", "noise"):
            raise UsageError(f"unit must be 'stored', 'scaled' or 'noise' (got {self.unit!r})")

    @property
    def loses(self) -> bool:
        """Nothing if the bound is 0."""
        return self.error > 0

    @property
    def value(self) -> float:
        """The bound in its unit."""
        return self.error

    def bound(self, *, noise: float, slope: float, whole: bool) -> float:
        """Largest error in stored units that keeps the bound, in exact arithmetic; a whole number if samples are."""
        from fractions import Fraction  # noqa: PLC0415 - start-up time

        bound = Fraction(float(self.error))
        if self.unit == "scaled":
            bound /= abs(Fraction(slope))
        if self.unit == "noise":
            bound *= Fraction(noise)
        bound = min(bound, Fraction(sys.float_info.max))
        if whole:
            return float(math.floor(bound))
        nearest = float(bound)
        return nearest if Fraction(nearest) <= bound else math.nextafter(nearest, 0.0)


@dataclass(frozen=True)
class Psnr(Target):
    """A peak signal-to-noise ratio of at least `db` dB, for the peak max - min of the stored samples.

    Constant background is kept exactly and not counted, unless `background` is true. With `max_error` (stored units), no
    sample is farther off than that either.
    """

    name: ClassVar[str] = "psnr"

    db: float
    max_error: float | None = None
    background: bool = False

    def __post_init__(self) -> None:
        _check("PSNR", self.db)
        _check("max error", self.max_error or 0, zero=True)

    @property
    def value(self) -> float:
        """The PSNR in dB."""
        return self.db

    @property
    def psnr_db(self) -> float | None:
        """The PSNR in dB."""
        return self.db

    @property
    def counts_background(self) -> bool:
        """As was asked."""
        return self.background


@dataclass(frozen=True)
class BitsPerVoxel(Target):
    """A file of `bits` per sample. With `max_error` (stored units), no sample is farther off either."""

    name: ClassVar[str] = "bits"

    bits: float
    max_error: float | None = None

    def __post_init__(self) -> None:
        _check("bits per voxel", self.bits)
        _check("max error", self.max_error or 0, zero=True)

    @property
    def value(self) -> float:
        """Bits per sample."""
        return self.bits

    def bits_per_sample(self, stored: int) -> float | None:
        """Bits per sample."""
        return self.bits


@dataclass(frozen=True)
class Ratio(Target):
    """A file `ratio` times smaller than the samples. With `max_error` (stored units), no sample is farther off either."""

    name: ClassVar[str] = "ratio"

    ratio: float
    max_error: float | None = None

    def __post_init__(self) -> None:
        _check("ratio", self.ratio)
        _check("max error", self.max_error or 0, zero=True)

    @property
    def value(self) -> float:
        """The ratio."""
        return self.ratio

    def bits_per_sample(self, stored: int) -> float | None:
        """That of the samples over the ratio."""
        return stored / self.ratio


def target_of(errors: Mapping[Unit, float | None], rates: Mapping[str, float | None]) -> Target:
    """Return the one target that options name: largest errors by unit, and ``psnr``, ``bits`` or ``ratio``.

    Raises
    ------
    UsageError
        Options exclude each other.
    """
    bounds = [(unit, error) for unit, error in errors.items() if error is not None]
    wishes = [(name, value) for name, value in rates.items() if value is not None]
    if len(bounds) > 1 or len(wishes) > 1:
        names = [f"max error ({unit})" for unit, _ in bounds] + [name for name, _ in wishes]
        raise UsageError(f"ask for at most one largest error, and for one of psnr, bits and ratio (got {' and '.join(names)})")
    if not wishes:
        return MaxError(bounds[0][1], bounds[0][0]) if bounds else Lossless()
    if bounds and bounds[0][0] != "stored":
        raise UsageError(f"beside {wishes[0][0]}, a max error is in stored units: use --max-error (got {bounds[0][0]})")
    name, value = wishes[0]
    kinds: dict[str, Callable[[float, float | None], Target]] = {"psnr": Psnr, "bits": BitsPerVoxel, "ratio": Ratio}
    return kinds[name](value, bounds[0][1] if bounds else None)
