"""Floats that are integers in disguise: ``x = number * slope + intercept``, rounded to the type of x.

Scanners, converters and averages make such maps: the integers behind them are what should be coded. `Scale.rebuild` states the
arithmetic exactly, so the encoder knows what the decoder will get; where a float is a few units in the last place (ulps)
off, because it was computed in another order, the difference is sent too.

The slope of unknown floats is found from differences of their distinct values: a Euclidean algorithm that stops at the rounding
errors gives the common divisor of most pairs, least squares over growing ranges makes it precise, and the interval of
slopes that explain all values to half an ulp lets a simple number (a float32, the reciprocal of an integer, a short
decimal fraction) be told from its neighbours.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.floats.mantissa_split import FORMATS

MULTIPLY, DIVIDE, NARROW = 0, 1, 2
LAST_METHOD = NARROW
"""How a sample is rebuilt: in double, by a division in double, or step by step in its own type."""

SAMPLED_VALUES = 20_000
"""Samples, evenly spaced, that a scale is looked for on."""

LARGEST_NUMBER = (1 << 31) - 1
LARGEST_DIFFERENCE = (1 << 25) - 1

_NOISE = 32.0
_SAME = 0.05

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Scale:
    """Slope and intercept, and the `method` of arithmetic."""

    slope: float
    intercept: float
    method: int

    def rebuild(self, numbers: NDArray[np.int32], itemsize: int) -> NDArray[np.generic]:
        """Floats of `itemsize` bytes for `numbers`: IEEE operations in this order, rounded to nearest."""
        narrow = np.dtype(f"f{itemsize}")
        with np.errstate(all="ignore"):
            if self.method == NARROW:
                slope, intercept = np.float64(self.slope).astype(narrow), np.float64(self.intercept).astype(narrow)
                stepwise: NDArray[np.generic] = numbers.astype(narrow) * slope + intercept
                return stepwise
            exact = numbers.astype(np.float64)
            product = exact / self.slope if self.method == DIVIDE else exact * self.slope
            return (product + self.intercept).astype(narrow)

    def numbers(self, samples: NDArray[np.generic]) -> NDArray[np.int32] | None:
        """The integers nearest to flat finite `samples`, or None where they are out of range."""
        with np.errstate(all="ignore"):
            shifted = samples.astype(np.float64) - self.intercept
            found = np.rint(shifted * self.slope if self.method == DIVIDE else shifted / self.slope)
        if not (np.abs(found) <= LARGEST_NUMBER).all():
            return None
        return found.astype(np.int32)


def ordered(samples: NDArray[np.generic]) -> NDArray[np.int64]:
    """Integers in the order of flat float `samples`, one apart where the floats are neighbours."""
    bits = samples.view(f"i{samples.itemsize}").astype(np.int64)
    return np.where(bits < 0, -(bits & ((1 << (8 * samples.itemsize - 1)) - 1)), bits)


def from_ordered(values: NDArray[np.int64], itemsize: int) -> NDArray[np.generic]:
    """Inverse of `ordered`; zero is positive."""
    sign = -(1 << (8 * itemsize - 1))
    return np.where(values < 0, -values | sign, values).astype(f"i{itemsize}").view(f"f{itemsize}")


def find_dyadic(samples: NDArray[np.generic]) -> Scale | None:
    """Scale of finite samples that are all multiples of a power of two, few enough for their type to hold them all."""
    wide = samples.astype(np.float64)
    found, exponent = np.frexp(wide)
    digits = (np.abs(found) * 2.0**53).astype(np.int64)
    lowest = np.where(digits > 0, exponent - 53 + np.log2(np.maximum(digits & -digits, 1)).astype(np.int64), 1 << 20)
    power = int(lowest.min(initial=1 << 20))
    if power == 1 << 20 or not -1000 < power < 1000:
        return None
    slope = 2.0**power
    if float(np.abs(wide).max()) / slope > 2.0 ** min(FORMATS[samples.itemsize].mantissa + 1, 25):
        return None
    return Scale(slope, 0.0, MULTIPLY)


@np.errstate(over="ignore", invalid="ignore")  # numbers near the end of the range; what is infinite is no scale
def find_scale(samples: NDArray[np.generic]) -> Scale | None:
    """Scale that explains finite `samples` (flat, a sample of a brick) but for a few ulps, or None."""
    distinct = np.unique(samples)
    values = distinct.astype(np.float64)
    if values.size < 8:
        return None
    ulp = float(np.spacing(np.abs(distinct).max()))
    slope = _common_divisor(np.diff(values), ulp)
    if slope is None:
        return None
    slope, phase = _refine(values, slope)
    if slope <= _NOISE / 4 * ulp:
        return None
    choices = []
    if abs(phase) < max(4 * ulp, 0.002 * slope):
        numbers = np.rint(values / slope)
        slope = float((numbers * values).sum() / max((numbers * numbers).sum(), 1.0))
        choices = _through_zero(distinct, values, slope)
    else:
        slopes = slope, float(np.float32(slope)), _short(slope, ulp * slope / float(np.abs(values).max()))
        lowest = float(values[0])
        for intercept in (phase, float(np.float32(phase)), _short(phase, ulp), lowest, _short(lowest, ulp)):
            found = [s for s in slopes if np.isfinite(s) and np.isfinite(intercept)]
            choices += [Scale(s, intercept, method) for s in found for method in (MULTIPLY, NARROW)]
    if not choices:
        return None
    scored = [(_misfit(distinct, scale), number) for number, scale in enumerate(choices)]
    cost, best = min(scored)
    return choices[best] if cost < np.log2(slope / ulp) - 1.5 else None


def _common_divisor(differences: Doubles, ulp: float) -> float | None:
    """Period that many of the `differences` are multiples of, give or take rounding errors."""
    large = differences[differences > _NOISE * ulp]
    if large.size < 4:
        return None
    rng = np.random.default_rng(large.size)
    first, second = large[rng.integers(0, large.size, (2, 400))]
    first, second = np.maximum(first, second), np.minimum(first, second)
    for _ in range(40):
        rest = np.abs(first - np.rint(first / second) * second)
        going = rest > _NOISE / 2 * ulp
        if not going.any():
            break
        first, second = np.where(going, second, first), np.where(going, rest, second)
    divisors = np.sort(second)
    alike = np.searchsorted(divisors, divisors * (1 + _SAME)) - np.arange(divisors.size)
    start = int(np.argmax(alike))
    if alike[start] < 0.3 * divisors.size:
        return None
    return float(np.median(divisors[start : start + int(alike[start])]))


def _refine(values: Doubles, slope: float) -> tuple[float, float]:
    """Slope and phase by least squares over growing ranges of sorted `values`; slope 0 where they do not fit."""
    base = values[values.size // 2]
    reach = 8 * slope
    while True:
        near = values[np.abs(values - base) <= reach] - base
        numbers = np.rint(near / slope)
        power = float((numbers * numbers).sum())
        if power > 0:
            slope = float((numbers * near).sum()) / power
        if float(np.abs(near - numbers * slope).mean()) > 0.12 * slope:
            return 0.0, 0.0
        if reach >= values[-1] - values[0]:
            break
        reach *= 4
    offset = base + float(np.median(near - numbers * slope))
    return slope, offset - float(np.rint(offset / slope)) * slope


def _through_zero(distinct: NDArray[np.generic], values: Doubles, slope: float) -> list[Scale]:
    """Slopes near `slope` without an intercept, simple ones first."""
    numbers = np.rint(values / slope)
    used = numbers != 0
    size, magnitude = np.abs(numbers[used]), np.abs(values[used])
    half = np.spacing(np.abs(distinct[used])).astype(np.float64) / 2
    low, high = float(((magnitude - half) / size).max()), float(((magnitude + half) / size).min())
    if low > high:
        middle, wide = slope, abs(slope) * 2.0**-20
        low, high = slope - wide, slope + wide
    else:
        middle = (low + high) / 2
    choices = [Scale(round(1 / middle), 0.0, DIVIDE)] if 1 / middle < 1e9 and round(1 / middle) > 0 else []
    simple = _short(middle, (high - low) / 2)
    near = [float(np.float32(middle)), simple, middle, slope, float(np.nextafter(middle, 0)), float(np.nextafter(middle, 1e9))]
    return choices + [Scale(s, 0.0, MULTIPLY) for s in near if np.isfinite(s) and s > 0]


def _short(value: float, tolerance: float) -> float:
    """The shortest decimal fraction within `tolerance` of `value`."""
    rounded = (float(f"{value:.{digits}e}") for digits in range(16))
    return next((candidate for candidate in rounded if abs(candidate - value) <= tolerance), value)


def _misfit(distinct: NDArray[np.generic], scale: Scale) -> float:
    """Bits a value needs for the ulps by which `scale` misses it."""
    numbers = scale.numbers(distinct)
    if numbers is None:
        return 99.0
    difference = ordered(distinct) - ordered(scale.rebuild(numbers, distinct.itemsize))
    return float(np.log2(1.0 + 2.0 * np.abs(difference)).mean())


def find_scales(values: NDArray[np.generic], counts: NDArray[np.int64]) -> list[Scale] | None:
    """One scale for flat finite `values`, or one for each slice (`counts` values each), or None."""
    some = values[:: max(1, values.size // SAMPLED_VALUES)]
    dyadic = find_dyadic(some)
    if dyadic is not None and (some.size == values.size or (dyadic := find_dyadic(values)) is not None):
        return [dyadic]
    whole = find_scale(some)
    if whole is not None:
        return [whole]
    slices = np.split(values, np.cumsum(counts)[:-1])
    probes = sorted(range(len(slices)), key=lambda number: -counts[number])[:3]
    if len(slices) == 1 or any(_scale_of_slice(slices[number]) is None for number in probes):
        return None
    scales = []
    for part in slices:
        scale = _scale_of_slice(part)
        if scale is None:
            return None
        scales.append(scale)
    return scales


def _scale_of_slice(values: NDArray[np.generic]) -> Scale | None:
    some = values[:: max(1, values.size // SAMPLED_VALUES)]
    if not some.any():
        return Scale(1.0, 0.0, MULTIPLY)
    return find_dyadic(some) or find_scale(some)
