"""How much smaller one codec is than another at equal quality: Bjontegaard's delta rate and delta PSNR.

G. Bjontegaard, VCEG-M33 (2001), with piecewise cubic Hermite interpolation instead of one cubic (as in JVET common test
conditions), over the logarithm of the rate. Only the range that both curves cover counts.
"""

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]
"""Bits/voxel and PSNR in dB."""

Window = tuple[float, float]
"""Lowest and highest rate, bits/voxel."""

_FEWEST = 3
"""Points from which a curve is drawn."""


def delta_rate(anchor: Iterable[Point], other: Iterable[Point], rates: Window | None = None) -> float | None:
    """Rate of `other` against `anchor` at equal PSNR, in percent: negative is smaller; None without a common range.

    Parameters
    ----------
    rates : bits/voxel of `anchor` between which PSNR is compared; None for all
    """
    curves = [_curve(points) for points in (anchor, other)]
    if any(len(logs) < _FEWEST for logs, _ in curves):
        return None
    window = None if rates is None else tuple(_interpolated(*curves[0], math.log(rate)) for rate in rates)
    means = _means([(quality, logs) for logs, quality in curves], window)
    return None if means is None else 100 * (math.exp(means[1] - means[0]) - 1)


def delta_psnr(anchor: Iterable[Point], other: Iterable[Point], rates: Window | None = None) -> float | None:
    """PSNR of `other` over `anchor` at equal rate, in dB: positive is better; None without a common range."""
    curves = [_curve(points) for points in (anchor, other)]
    if any(len(logs) < _FEWEST for logs, _ in curves):
        return None
    means = _means(curves, None if rates is None else tuple(map(math.log, rates)))
    return None if means is None else means[1] - means[0]


def quality_at(points: Iterable[Point], rate: float) -> float | None:
    """PSNR at a rate, interpolated; None beyond the points."""
    rates, quality = _curve(points)
    if not len(rates) or not rates[0] <= math.log(rate) <= rates[-1]:
        return None
    return float(quality[0]) if len(rates) == 1 else _interpolated(rates, quality, math.log(rate))


def mean_curve(curves: list[list[Point]], points: int = 24) -> list[Point]:
    """Mean PSNR of several curves over the rates that all of them cover."""
    logs = [_curve(curve) for curve in curves]
    if not logs or any(len(rates) < 2 for rates, _ in logs):
        return []
    low, high = max(rates[0] for rates, _ in logs), min(rates[-1] for rates, _ in logs)
    if high <= low:
        return []
    grid = np.linspace(low, high, points)
    mean = np.mean([[_interpolated(rates, quality, at) for at in grid] for rates, quality in logs], axis=0)
    return [(math.exp(at), float(value)) for at, value in zip(grid, mean, strict=True)]


def _interpolated(x: NDArray[np.float64], y: NDArray[np.float64], at: float) -> float:
    """Interpolated ordinate; beyond the ends it is that of the end."""
    from scipy.interpolate import PchipInterpolator  # noqa: PLC0415 - in the extra `benchmarks`

    return float(PchipInterpolator(x, y)(min(max(at, x[0]), x[-1])))


def _curve(points: Iterable[Point]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log rates and PSNR of the points on the efficient front: both rise from one to the next."""
    best: list[Point] = []
    for rate, quality in sorted(points):
        if not best or quality > best[-1][1]:
            best.append((rate, quality))
    pairs = np.array(best).reshape(-1, 2)
    return np.log(pairs[:, 0]), pairs[:, 1]


def _means(
    curves: list[tuple[NDArray[np.float64], NDArray[np.float64]]], window: tuple[float, ...] | None
) -> tuple[float, float] | None:
    """Mean ordinates of both curves ``(x, y)`` over the abscissae that they share, inside `window`."""
    from scipy.interpolate import PchipInterpolator  # noqa: PLC0415 - in the extra `benchmarks`

    low = max(x[0] for x, _ in curves)
    high = min(x[-1] for x, _ in curves)
    if window is not None:
        low, high = max(low, window[0]), min(high, window[1])
    if high <= low:
        return None
    first, second = (float(PchipInterpolator(x, y).integrate(low, high)) / (high - low) for x, y in curves)
    return first, second
