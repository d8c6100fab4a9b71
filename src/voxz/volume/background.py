"""Constant background: the zeros around a masked brain, the padding outside a CT's field of view, air clipped to 0.

Lossy codecs keep it exactly, and it does not count in the PSNR by default: a volume of mostly zeros would look better than it is.
There may be more than one constant (padding of -2000 around air at -1024), and not all volumes of a series need have it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxz.jit import apart_kernel, at, inlined_kernel, kernel

SAMPLED = 1 << 14
"""Samples of a volume among which its most common values are looked for."""

COMMON = 0.01
"""Share of a brick from which on one of its most common values is background."""

MOST_CONSTANTS = 3
"""Values that may be background in a brick."""

SIDES = (3, 5, 8, 12, 20, 32)
"""Background is made of squares of one of these sides in the slice: single voxels of its value among others are image."""

RAGGED = (0.17, 0.3)
"""Changes between background and image, along all axes, that there may be per voxel of background: the smallest squares that
have no more are taken, of those within the first limit if there are any. Noise that is clipped at 0 makes small squares of zeros
everywhere; to say where they are costs up to a bit a voxel."""

WORD = 64
"""Voxels of a row that squares are looked for among at once."""

Bits = NDArray[np.uint64]
"""Voxels ``(series, z, y, words)``, see `_packed`."""


@dataclass(frozen=True)
class Constant:
    """One `value` (a sample, native byte order) and the voxels ``(series, z, y, x)`` that have it in all channels.

    Where all volumes have it at the same places, there is one volume of them in `mask`.
    """

    value: np.generic
    mask: NDArray[np.bool_]


@dataclass(frozen=True)
class Background:
    """The constants of a brick, most common first, and all their voxels ``(series, z, y, x)``."""

    constants: tuple[Constant, ...]
    mask: NDArray[np.bool_]


def find_background(samples: NDArray[np.generic]) -> Background | None:
    """Background of `samples` ``(series, z, y, x, channels)``, None without any. NaN and infinities never are background."""
    if not samples.size or samples.dtype.kind not in "iufb" or min(samples.shape[2:4]) < SIDES[0]:
        return None
    found = [constant for value in _common(samples) if (constant := _constant(samples, value)) is not None]
    if not found:
        return None
    mask = np.zeros(samples.shape[:4], np.bool_)
    for constant in found:
        mask |= constant.mask
    return Background(tuple(found), mask)


def _common(samples: NDArray[np.generic]) -> list[np.generic]:
    """Values common enough to be background."""
    first = samples[..., 0].ravel()
    some = first[:: (first.size // SAMPLED) | 1]  # an odd stride: no power of two that would see a few columns only
    values, counts = np.unique(some, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:MOST_CONSTANTS]
    return [values[i] for i in order if counts[i] >= COMMON * some.size and np.isfinite(values[i])]


def _constant(samples: NDArray[np.generic], value: np.generic) -> Constant | None:
    """Where `value` is background: in each volume, if that is notably more than what is background in all."""
    each = samples[..., 0] == value
    for channel in range(1, samples.shape[4]):
        each &= samples[..., channel] == value
    if np.count_nonzero(each) < COMMON * each.size:
        return None
    always = _solid(np.logical_and.reduce(each, axis=0, keepdims=True) if len(each) > 1 else each)
    if len(each) > 1:
        in_all = 0 if always is None else len(each) * np.count_nonzero(always)
        varying = _solid(each)
        if varying is not None and np.count_nonzero(varying) - in_all >= COMMON * each.size:
            return Constant(value, varying)
    return None if always is None else Constant(value, always)


def _solid(where: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """The part of `where` ``(series, z, y, x)`` that is made of squares and not ragged; None if that is not common."""
    whole, width, second = _packed(where), where.shape[3], None
    row, flat = whole.shape[3], whole.reshape(len(where), where.shape[1], -1)
    for side in SIDES:
        mask = np.empty_like(flat)
        _open(flat, row, side, np.empty((2, flat.shape[2]), np.uint64), mask)
        count, changes = (int(n) for n in _survey(mask, row, width))
        if count < COMMON * where.size:
            break
        if changes <= RAGGED[0] * count:
            return _unpacked(mask.reshape(whole.shape), width)
        if second is None and changes <= RAGGED[1] * count:
            second = mask
    return None if second is None else _unpacked(second.reshape(whole.shape), width)


def _packed(where: NDArray[np.bool_]) -> Bits:
    """Voxels as bits of words, those of a row from the lowest on, a word of zeros behind each row."""
    octets = np.packbits(where, axis=3, bitorder="little")
    room = np.zeros((*where.shape[:3], WORD // 8 * (where.shape[3] // WORD + 2)), np.uint8)
    room[..., : octets.shape[3]] = octets
    return room.view("<u8")


def _unpacked(bits: Bits, width: int) -> NDArray[np.bool_]:
    return np.unpackbits(bits.view(np.uint8), axis=3, count=width, bitorder="little").view(np.bool_)


@inlined_kernel
def _ones(bits):  # type: ignore[no-untyped-def]
    """How many bits of a word are set."""
    bits = bits - ((bits >> np.uint64(1)) & np.uint64(0x5555555555555555))
    bits = (bits & np.uint64(0x3333333333333333)) + ((bits >> np.uint64(2)) & np.uint64(0x3333333333333333))
    bits = (bits + (bits >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    bits = bits + (bits >> np.uint64(8))
    bits = bits + (bits >> np.uint64(16))
    return np.int64((bits + (bits >> np.uint64(32))) & np.uint64(127))


@apart_kernel
def _differing(first, second, count):  # type: ignore[no-untyped-def]
    """How many bits differ between the first `count` of two rows of words, uint64 (words,)."""
    total = np.int64(0)
    for i in range(count):
        total += _ones(first[at(i)] ^ second[at(i)])
    return total


@apart_kernel
def _count(words, row, last):  # type: ignore[no-untyped-def]
    """How many bits of a slice are set, and how many differ from the bit behind them in their row.

    Parameters
    ----------
    words : uint64 (words,), of a slice
    row : words of a row; the last one is zero
    last : number of the last bit of a row
    """
    some, changes, ends = np.int64(0), np.int64(0), np.int64(0)
    for i in range(words.size - 1):
        bits = words[at(i)]
        some += _ones(bits)
        changes += _ones(bits ^ ((bits >> np.uint64(1)) | (words[at(i + 1)] << np.uint64(WORD - 1))))
    for i in range(last // WORD, words.size, row):
        ends += np.int64((words[at(i)] >> np.uint64(last % WORD)) & np.uint64(1))
    first = np.int64(0)
    for i in range(row, words.size, row):
        first += np.int64(words[at(i)] & np.uint64(1))
    return some, changes - first - ends


@kernel
def _survey(mask, row, width):  # type: ignore[no-untyped-def]
    """Return how many voxels of a mask there are, and how many neighbours along z, y and x differ.

    Parameters
    ----------
    mask : uint64 (series, z, words), see `_packed`
    row : words of a row
    width : voxels of a row
    """
    volumes, depth, words = mask.shape
    count, changes = np.int64(0), np.int64(0)
    for s in range(volumes):
        for z in range(depth):
            found = _count(mask[s, z], row, width - 1)
            count, changes = count + found[0], changes + found[1]
            changes += _differing(mask[s, z, row:], mask[s, z], words - row)
            if z > 0:
                changes += _differing(mask[s, z], mask[s, z - 1], words)
    return count, changes


@apart_kernel
def _shrink(source, distance, bits, target):  # type: ignore[no-untyped-def]
    """Fill `target` with what is set in `source` and some places behind.

    Parameters
    ----------
    source, target : uint64 (words,)
    distance : words behind, if there are no `bits`
    bits : bits behind, below WORD
    """
    size = source.size
    if bits > 0:
        within, across = np.uint64(bits), np.uint64(WORD - bits)
        for i in range(size - 1):
            target[at(i)] = source[at(i)] & ((source[at(i)] >> within) | (source[at(i + 1)] << across))
        target[size - 1] = source[size - 1] & (source[size - 1] >> within)
    else:
        for i in range(size - distance):
            target[at(i)] = source[at(i)] & source[at(i + distance)]
        for i in range(max(size - distance, 0), size):
            target[at(i)] = np.uint64(0)


@apart_kernel
def _grow(source, distance, bits, target):  # type: ignore[no-untyped-def]
    """Fill `target` with what is set in `source` or some places before.

    Parameters
    ----------
    source, distance, bits, target : as for `_shrink`
    """
    size = source.size
    if bits > 0:
        within, across = np.uint64(bits), np.uint64(WORD - bits)
        target[0] = source[0] | (source[0] << within)
        for i in range(1, size):
            target[at(i)] = source[at(i)] | (source[at(i)] << within) | (source[at(i - 1)] >> across)
    else:
        for i in range(min(distance, size)):
            target[at(i)] = source[at(i)]
        for i in range(distance, size):
            target[at(i)] = source[at(i)] | source[at(i - distance)]


@apart_kernel
def _copy(source, target):  # type: ignore[no-untyped-def]
    """Copy words, uint64 (words,)."""
    for i in range(source.size):
        target[at(i)] = source[at(i)]


@kernel
def _open(whole, row, side, room, mask):  # type: ignore[no-untyped-def]
    """Fill a mask with what is left of another when its slices are opened by runs of `side` voxels along y, then along x.

    Where it shrinks, voxels stay that runs begin at; growing gives back the runs. Either takes the logarithm of `side` in steps,
    each twice as long as the one before.

    Parameters
    ----------
    whole, mask : uint64 (series, z, words), see `_packed`; `mask` is filled
    row : words of a row
    side : voxels
    room : uint64 (2, words)
    """
    for s in range(whole.shape[0]):
        for z in range(whole.shape[1]):
            here, other = room[0], room[1]
            _copy(whole[s, z], here)
            for turn in range(4):
                length, bits = 1, turn // 2
                while length < side:
                    step = min(length, side - length)
                    if turn & 1:
                        _grow(here, step * row, step * bits, other)
                    else:
                        _shrink(here, step * row, step * bits, other)
                    here, other = other, here
                    length += step
            _copy(here, mask[s, z])
