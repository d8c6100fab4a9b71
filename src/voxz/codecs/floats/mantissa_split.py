"""Floats <-> a coarse grid that is predicted, and the bits below it that are as good as random.

Most mantissa bits of a computed map are noise: only the highest few of an error of prediction can be coded with profit.
The grid is a floating-point format of its own, with a lowest exponent `floor` and `kept` mantissa bits: values are linear in the
sample below ``2**floor`` and keep a fixed number of bits per octave above. With a high floor this is a fixed-point grid,
with a low one the order of the floats themselves; the encoder tries some and takes the one that codes a part of the brick best.

A grid value says how many bits lie below it, so those are sent as they are. Samples below the first grid step send
their exponent, entropy-coded: 0 for zero, else ``1 + 2 * exponent + sign``.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from voxz.entropy.bits import from_bytes, get_bits, put_bits, to_bytes
from voxz.errors import CorruptError
from voxz.jit import kernel

CHUNK = 26
"""Raw bits are moved in two parts of at most this many."""

LEAST, COARSE, MIDDLE, FINE = 5, 11, 14, 17
"""Mantissa bits that grids keep."""

HIGH = 0.999
"""Share of the samples below the floor of a linear grid."""

SAMPLED_EXPONENTS = 50_000
"""Samples, evenly spaced, whose exponents choose the grid."""

WIDEST = 1 << 25
"""Grid values stay below this in magnitude."""


@dataclass(frozen=True)
class FloatFormat:
    """Mantissa and exponent bits of an IEEE type."""

    mantissa: int
    exponent: int

    @property
    def highest(self) -> int:
        """Exponent field of infinity and NaN."""
        return (1 << self.exponent) - 1


FORMATS = {2: FloatFormat(10, 5), 4: FloatFormat(23, 8), 8: FloatFormat(52, 11)}
"""By bytes of a sample."""


@dataclass(frozen=True)
class Grid:
    """`floor`: exponent field from which on `kept` mantissa bits count; `zeros`: low mantissa bits that are never set."""

    floor: int
    kept: int
    zeros: int


def magnitudes(samples: NDArray[np.generic]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Bits without the sign, and the signs, of flat float `samples`."""
    bits = samples.view(f"u{samples.itemsize}")
    sign = bits.dtype.type(1 << (8 * samples.itemsize - 1))
    return (bits & ~sign).astype(np.int64), bits >= sign


def from_magnitudes(found: NDArray[np.int64], negative: NDArray[np.bool_], itemsize: int) -> NDArray[np.generic]:
    """Inverse of `magnitudes`."""
    unsigned = found.astype(f"u{itemsize}")
    unsigned[negative] |= unsigned.dtype.type(1 << (8 * itemsize - 1))
    return unsigned.view(f"f{itemsize}")


@kernel
def _split(found, negative, mantissa, floor, kept, zeros, whole, symbols, words):  # type: ignore[no-untyped-def]
    """Fill grid values, symbols of those that are 0, and raw bits; return how many symbols and raw bits there are.

    Parameters
    ----------
    found : int64 (samples,), bits of the magnitudes of finite floats
    negative : bool (samples,)
    mantissa : bits of the fraction of the format
    floor : exponent below which the grid is linear
    kept : bits of the fraction that the grid keeps
    zeros : low bits of the fraction that are never set
    whole : int32 (samples,), grid values, filled
    symbols : int32 (samples,), filled from the first on: one for each grid value of 0
    words : int64, raw bits from the lowest on, filled
    """
    tiny, position = np.int64(0), np.int64(0)
    for i in range(found.size):
        exponent = found[i] >> mantissa
        digits = found[i] & ((np.int64(1) << mantissa) - 1)
        if exponent > 0:
            digits |= np.int64(1) << mantissa
        scale = max(exponent, 1)
        shift = mantissa - kept
        value = np.int64(0)
        if scale >= floor:
            value = ((scale - floor) << kept) + (digits >> shift)
        else:
            shift = min(shift + floor - scale, 62)
            value = digits >> shift
        if value == 0:
            symbol = np.int64(0)
            shift = zeros
            if found[i] > 0 or negative[i]:
                symbol = 1 + 2 * exponent + np.int64(negative[i])
                shift = mantissa
            symbols[tiny] = symbol
            tiny += 1
        whole[i] = -value if negative[i] else value
        length = max(shift - zeros, 0)
        below = (digits & ((np.int64(1) << shift) - 1)) >> zeros
        low = min(length, CHUNK)
        position = put_bits(words, position, below & ((np.int64(1) << low) - 1), low)
        position = put_bits(words, position, below >> low, length - low)
    return tiny, position


@kernel
def _join(whole, symbols, words, limit, mantissa, highest, floor, kept, zeros, found, negative):  # type: ignore[no-untyped-def]
    """Inverse of `_split`; return the raw bits read, or -1 where the parts contradict each other.

    Parameters
    ----------
    whole, symbols, words, mantissa, floor, kept, zeros, found, negative : as for `_split`; the last two are filled
    limit : bits that `words` hold
    highest : exponent field of infinity and NaN, which no sample has
    """
    tiny, position = np.int64(0), np.int64(0)
    for i in range(whole.size):
        value = abs(np.int64(whole[i]))
        negative[i] = whole[i] < 0
        shift = mantissa - kept
        scale = np.int64(1)
        if value == 0:
            symbol = symbols[tiny]
            tiny += 1
            scale = (symbol - 1) >> 1
            if symbol < 0 or scale >= highest:
                return np.int64(-1)
            shift = zeros
            if symbol > 0:
                negative[i] = ((symbol - 1) & 1) > 0
                shift = mantissa
        elif value >= (np.int64(1) << kept):
            octaves = (value >> kept) - 1
            scale = floor + octaves
            value -= octaves << kept
            if scale >= highest:
                return np.int64(-1)
        else:
            digits = 0
            while (value >> digits) > 0:
                digits += 1
            shift = mantissa + 1 - digits
            scale = floor - (shift - (mantissa - kept))
            if scale < 1:
                scale = np.int64(1)
                shift = mantissa - kept + floor - 1
        length = max(shift - zeros, 0)
        if position + length > limit:
            return np.int64(-1)
        low = min(length, CHUNK)
        below = get_bits(words, position, low) | (get_bits(words, position + low, length - low) << low)
        position += length
        below = (value << shift) | (below << zeros)
        if value == 0:
            found[i] = (max(scale, 0) << mantissa) | below
        elif below >> mantissa:
            found[i] = (scale << mantissa) | (below & ((np.int64(1) << mantissa) - 1))
        else:
            found[i] = below
    return position


def split(
    found: NDArray[np.int64], negative: NDArray[np.bool_], form: FloatFormat, grid: Grid
) -> tuple[NDArray[np.int32], NDArray[np.int32], bytes]:
    """Grid values, symbols of the zeros among them, and the bits below, of finite floats."""
    whole, symbols = np.zeros(found.size, np.int32), np.zeros(found.size, np.int32)
    words = np.zeros((found.size * (form.mantissa + 1) >> 5) + 3, np.int64)
    tiny, bits = _split(found, negative, form.mantissa, grid.floor, grid.kept, grid.zeros, whole, symbols, words)
    return whole, symbols[: int(tiny)], to_bytes(words, int(bits))


def join(
    whole: NDArray[np.int32], symbols: NDArray[np.int64], raw: bytes, form: FloatFormat, grid: Grid
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Inverse of `split`; damage raises `CorruptError`."""
    found, negative = np.zeros(whole.size, np.int64), np.zeros(whole.size, np.bool_)
    words = np.concatenate([from_bytes(raw), np.zeros(2, np.uint32)])
    used = int(
        _join(
            whole, symbols, words, 8 * len(raw), form.mantissa, form.highest, grid.floor, grid.kept, grid.zeros, found, negative
        )
    )
    if used < 0 or 8 * len(raw) - used >= 8:
        raise CorruptError("the low bits of floating-point samples do not fit the values above them")
    return found, negative


def candidates(found: NDArray[np.int64], form: FloatFormat) -> tuple[list[Grid], Grid]:
    """Grids worth trying for finite floats (not empty), and one more to try if the first of them is the best.

    The first two are linear, like that one, which has the smallest steps; the others keep octaves apart.
    """
    exponents = np.maximum(np.sort(found[found > 0][:: max(1, found.size // SAMPLED_EXPONENTS)] >> form.mantissa), 1)
    if not exponents.size:
        return [Grid(1, MIDDLE, 0)], Grid(1, FINE, 0)
    zeros = _common_zeros(found, form)
    wanted = (HIGH, MIDDLE), (HIGH, COARSE), (0.3, COARSE), (0.01, LEAST), (HIGH, FINE)
    floors = [Grid(int(exponents[int(share * (exponents.size - 1))]), kept, zeros) for share, kept in wanted]
    *grids, finest = (_widest(grid, found, form) for grid in floors)
    return list(dict.fromkeys(grids)), finest


def _widest(grid: Grid, found: NDArray[np.int64], form: FloatFormat) -> Grid:
    """`grid`, with fewer bits if a grid value would be too large."""
    octaves = max(1, int(found.max() >> form.mantissa) - grid.floor + 2)
    kept = min(grid.kept, form.mantissa, (WIDEST // octaves).bit_length() - 1)
    return replace(grid, kept=kept)


def _common_zeros(found: NDArray[np.int64], form: FloatFormat) -> int:
    """Low mantissa bits that no float uses."""
    used = int(np.bitwise_or.reduce(found)) & ((1 << form.mantissa) - 1)
    return (used & -used).bit_length() - 1 if used else form.mantissa
