"""Wavelets across slices for codecs that have none: 5/3 in integers and 9/7 in floats, by lifting along the first axis.

Le Gall 5/3 and Cohen-Daubechies-Feauveau 9/7 as in JPEG 2000 (ISO/IEC 15444-1, annex F), with whole-sample symmetric
extension. The 9/7 is scaled to be nearly orthonormal, so that the same error in every slice of coefficients has the same slope.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_NINE_SEVEN = (-1.586134342059924, -0.052980118572961, 0.882911075530934, 0.443506852043971)
_LOW_FACTOR = 2**0.5 / 1.230174104914001


def scales_for(length: int, wanted: int) -> int:
    """Times that `length` slices can be halved, up to `wanted`."""
    return max(0, min(wanted, length.bit_length() - 1))


def forward(samples: NDArray[Any], scales: int, lossless: bool) -> NDArray[Any]:
    """Coefficients of samples ``(n, ...)``: the coarsest slices first."""
    work: NDArray[Any] = samples.astype(np.int64 if lossless else np.float64)
    length = len(work)
    for _ in range(scales):
        even: NDArray[Any] = work[:length:2].copy()
        odd: NDArray[Any] = work[1:length:2].copy()
        for number, step in enumerate(_steps(lossless)):
            _lift(odd, even, step, 1, number % 2 == 0)
        if not lossless:
            even, odd = even * _LOW_FACTOR, odd / _LOW_FACTOR
        work[:length] = np.concatenate([even, odd])
        length = (length + 1) // 2
    return work


def inverse(coefficients: NDArray[Any], scales: int, lossless: bool) -> NDArray[Any]:
    """Undo `forward`."""
    work: NDArray[Any] = coefficients.astype(np.int64 if lossless else np.float64)
    lengths = [len(work)]
    for _ in range(scales - 1):
        lengths.append((lengths[-1] + 1) // 2)
    for length in reversed(lengths[:scales]):
        half = (length + 1) // 2
        even: NDArray[Any] = work[:half].copy()
        odd: NDArray[Any] = work[half:length].copy()
        if not lossless:
            even, odd = even / _LOW_FACTOR, odd * _LOW_FACTOR
        steps = list(enumerate(_steps(lossless)))
        for number, step in reversed(steps):
            _lift(odd, even, step, -1, number % 2 == 0)
        work[:length:2], work[1:length:2] = even, odd
    return work


def _steps(lossless: bool) -> tuple[float, ...]:
    return (-0.5, 0.25) if lossless else _NINE_SEVEN


def _lift(odd: NDArray[Any], even: NDArray[Any], step: float, sign: int, predict: bool) -> None:
    """Add (`sign` 1) or take back one step: of the odd slices from the even ones (`predict`), or the other way round."""
    if predict:
        following = np.concatenate([even[1:], even[-1:]])[: len(odd)]
        total = even[: len(odd)] + following
        odd += sign * _weighted(total, step)
    else:
        padded = np.concatenate([odd[:1], odd, odd[-1:]]) if len(odd) else np.zeros((2, *even.shape[1:]), even.dtype)
        total = padded[: len(even)] + padded[1 : len(even) + 1]
        even += sign * _weighted(total, step)


def _weighted(total: NDArray[Any], step: float) -> NDArray[Any]:
    """``total * step``, in integers for 5/3."""
    if total.dtype.kind == "f":
        return np.asarray(total * step)
    return -(total >> 1) if step < 0 else (total + 2) >> 2
