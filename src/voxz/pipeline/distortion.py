"""What was lost, brick by brick: the largest error, checked exactly against its bound, and the sums that PSNR is made of."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.metrics import errors, extent_of

_BLOCK = 1 << 15
"""Samples that are compared at a time: what is made of them stays in the cache."""

_DOUBT = 2.0**-50
"""Relative distance from the bound below which the rounding of a difference of floats might decide."""


@dataclass(frozen=True)
class Tally:
    """Figures of one or more bricks, in stored units; tallies of parts add up to that of the whole.

    Attributes
    ----------
    largest_error : the farthest sample
    squares : sum of the squared errors of the `counted` samples
    low, high : the original's range, without NaN and infinities
    """

    largest_error: float = 0.0
    squares: float = 0.0
    counted: int = 0
    low: float = math.inf
    high: float = -math.inf

    @classmethod
    def of(cls, original: NDArray[Any], decoded: NDArray[Any], background: NDArray[np.bool_] | None) -> "Tally":
        """Tally of a brick ``(series, z, y, x, channels)``; complex samples count as two real ones.

        Samples of the `background` ``(series, z, y, x)`` do not count in the squares.
        """
        if not original.size or original.dtype.kind not in "iufbc":
            return cls()
        a, b = (x.reshape(-1).view(x.real.dtype) for x in (original, decoded))
        if _are_short(original, decoded):
            largest, squares, counted = _compared(original, decoded, background)
            return cls(largest, squares, counted, *extent_of(a))
        apart = 1 if background is None else a.size // background.size
        ignored = None if background is None else np.broadcast_to(background.reshape(-1, 1), (background.size, apart))
        largest, squares = 0.0, 0.0
        for first in range(0, a.size, _BLOCK * apart):
            part = slice(first, first + _BLOCK * apart)
            error = errors(a[part], b[part])
            largest = max(largest, abs(float(error.min())), abs(float(error.max())))
            if ignored is not None:
                np.copyto(error.reshape(-1, apart), 0, where=ignored[first // apart : first // apart + _BLOCK])
            squares += float(np.square(error, dtype=np.float64).sum())
        counted = a.size if background is None else a.size - apart * int(np.count_nonzero(background))
        return cls(largest, squares, counted, *extent_of(a))

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            max(self.largest_error, other.largest_error),
            self.squares + other.squares,
            self.counted + other.counted,
            min(self.low, other.low),
            max(self.high, other.high),
        )

    @property
    def mean_square(self) -> float:
        """Mean squared error."""
        return self.squares / self.counted if self.counted else 0.0

    @property
    def peak(self) -> float:
        """Max - min of the original."""
        return max(0.0, self.high - self.low)


def _are_short(original: NDArray[Any], decoded: NDArray[Any]) -> bool:
    """Whether both have whole numbers of up to 16 bits, whose squares are summed up exactly."""
    return (
        original.dtype == decoded.dtype
        and original.dtype.kind in "iu"
        and original.dtype.itemsize <= 2
        and original.size < 1 << 31
    )


def _compared(original: NDArray[Any], decoded: NDArray[Any], background: NDArray[np.bool_] | None) -> tuple[float, float, int]:
    """Largest error of short samples, the sum of squared errors outside the background, and how many lie there."""
    from voxz.pipeline.short_errors import compare  # noqa: PLC0415 - kernels cost start-up time

    left_out = np.zeros(1, np.bool_) if background is None else background[..., None]
    ignored = np.broadcast_to(left_out, original.shape).reshape(-1)
    largest, squares, counted = compare(original.reshape(-1), decoded.reshape(-1), ignored)
    return float(largest), float(squares), int(counted)


def within(original: NDArray[Any], decoded: NDArray[Any], bound: float) -> bool:
    """Whether no decoded sample is farther than `bound` from the original; NaN and infinities have to be equal.

    Decided in exact arithmetic, also where the difference of two floats is rounded.
    """
    if original.dtype.kind == "c":
        part = original.real.dtype
        original, decoded = original.view(part), decoded.view(part)
    if original.dtype.kind not in "iufb":
        return original.tobytes() == decoded.tobytes()
    if original.dtype.kind in "iub" and math.isinf(bound):
        return True
    if _are_short(original, decoded):
        return _compared(original, decoded, None)[0] <= bound
    error = np.abs(errors(original, decoded))
    if error.dtype.kind == "i":
        return bool((error <= bound).all())
    if not (error <= bound * (1 + _DOUBT)).all():
        return False
    exact = Fraction(float(bound)) if math.isfinite(bound) else None
    doubtful = np.nonzero(error >= bound * (1 - _DOUBT)) if exact is not None else ()
    pairs = zip(original[doubtful].tolist(), decoded[doubtful].tolist(), strict=True) if doubtful else ()
    return all(x == y or math.isnan(x) or abs(Fraction(x) - Fraction(y)) <= exact for x, y in pairs)  # type: ignore[operator]
