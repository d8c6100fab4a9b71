"""What the caller asks of the codec. What a file holds is said by its codec and parameters instead."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Literal

from voxz.errors import UsageError

Unit = Literal["stored", "scaled", "noise"]


def _check(name: str, value: float, *, zero: bool = False) -> None:
    if not (isinstance(value, Real) and math.isfinite(value) and (value > 0 or (zero and value == 0))):
        raise UsageError(f"got {name} {value}, expected a number {'of at least' if zero else 'above'} 0")


@dataclass(frozen=True)
class Lossless:
    """Every stored sample comes back exactly."""


@dataclass(frozen=True)
class MaxError:
    """No sample differs from the original by more than `error`.

    Parameters
    ----------
    error : the bound, in `unit`; 0 is lossless
    unit : ``"stored"``, as in the file; ``"scaled"``, after the header's slope; ``"noise"``, in standard deviations of the noise
        that is estimated from the image
    """

    error: float
    unit: Unit = "stored"

    def __post_init__(self) -> None:
        _check("max error", self.error, zero=True)
        if self.unit not in ("stored", "scaled", "noise"):
            raise UsageError(f"got unit {self.unit!r}, expected 'stored', 'scaled' or 'noise'")


@dataclass(frozen=True)
class Psnr:
    """A peak signal-to-noise ratio of at least `db` dB, for the peak max - min of the stored samples.

    Constant background is kept exactly and not counted, unless `background` is true. With `max_error` (stored units), no
    sample is farther off than that either.
    """

    db: float
    max_error: float | None = None
    background: bool = False

    def __post_init__(self) -> None:
        _check("PSNR", self.db)
        _check("max error", self.max_error or 0, zero=True)


@dataclass(frozen=True)
class BitsPerVoxel:
    """A file of `bits` per sample. With `max_error` (stored units), no sample is farther off either."""

    bits: float
    max_error: float | None = None

    def __post_init__(self) -> None:
        _check("bits per voxel", self.bits)
        _check("max error", self.max_error or 0, zero=True)


@dataclass(frozen=True)
class Ratio:
    """A file `ratio` times smaller than the samples. With `max_error` (stored units), no sample is farther off either."""

    ratio: float
    max_error: float | None = None

    def __post_init__(self) -> None:
        _check("ratio", self.ratio)
        _check("max error", self.max_error or 0, zero=True)


Target = Lossless | MaxError | Psnr | BitsPerVoxel | Ratio


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
        raise UsageError(f"got {' and '.join(names)}, expected one largest error and one of psnr, bits and ratio at most")
    if not wishes:
        return MaxError(bounds[0][1], bounds[0][0]) if bounds else Lossless()
    if bounds and bounds[0][0] != "stored":
        raise UsageError(f"got a max error ({bounds[0][0]}) with {wishes[0][0]}, expected one in stored units")
    name, value = wishes[0]
    kinds: dict[str, Callable[[float, float | None], Target]] = {"psnr": Psnr, "bits": BitsPerVoxel, "ratio": Ratio}
    return kinds[name](value, bounds[0][1] if bounds else None)
