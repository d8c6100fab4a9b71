"""Constant background: the zeros around a masked brain, the padding outside a CT's field of view, air clipped to 0.

Lossy codecs keep it exactly, and it does not count in the PSNR by default: a volume of mostly zeros would look better than it is.
There may be more than one constant (padding of -2000 around air at -1024), and not all volumes of a series need have it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxz.jit import inlined_kernel, kernel

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
    for side in SIDES:
        mask, found = _opened(whole, side), np.zeros(2, np.int64)
        _survey(mask, width, found)
        count, changes = found.tolist()
        if count < COMMON * where.size:
            break
        if changes <= RAGGED[0] * count:
            return _unpacked(mask, width)
        if second is None and changes <= RAGGED[1] * count:
            second = mask
    return None if second is None else _unpacked(second, width)


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


@kernel
def _survey(mask, width, found):  # type: ignore[no-untyped-def]
    """Count the voxels of a mask, and how many neighbours along z, y and x differ.

    Parameters
    ----------
    mask : uint64 (series, z, y, words), see `_packed`
    width : voxels of a row
    found : int64 (2,), zeros at first, both numbers
    """
    volumes, depth, height, words = mask.shape
    last, bit = (width - 1) // WORD, np.uint64((width - 1) % WORD)
    for s in range(volumes):
        for z in range(depth):
            for y in range(height):
                line, above, before = mask[s, z, y], mask[s, z, max(y - 1, 0)], mask[s, max(z - 1, 0), y]
                for i in range(words - 1):
                    bits = line[i]
                    beside = (bits >> np.uint64(1)) | (line[i + 1] << np.uint64(WORD - 1))
                    found[0] += _ones(bits)
                    found[1] += _ones(bits ^ beside) + _ones(bits ^ above[i]) + _ones(bits ^ before[i])
                found[1] -= np.int64((line[last] >> bit) & np.uint64(1))


def _opened(mask: Bits, side: int) -> Bits:
    """Union of the squares of `side` x `side` voxels that lie inside `mask`."""
    for axis in (2, 3):
        for back in (False, True):
            mask = _run(mask, axis, side, back=back)
    return mask


def _run(mask: Bits, axis: int, side: int, *, back: bool) -> Bits:
    """Where runs of `side` voxels begin along an axis, or, `back`, all voxels of the runs that begin in `mask`."""
    length = 1
    while length < side:
        shift = min(length, side - length)
        mask = mask | _shifted(mask, axis, -shift) if back else mask & _shifted(mask, axis, shift)
        length += shift
    return mask


def _shifted(mask: Bits, axis: int, shift: int) -> Bits:
    """For each voxel the one that lies `shift` voxels behind it along y or x; zeros beyond the end of a row or slice."""
    found = np.zeros_like(mask)
    if axis == 2:
        if shift > 0:
            found[:, :, :-shift] = mask[:, :, shift:]
        else:
            found[:, :, -shift:] = mask[:, :, :shift]
        return found
    flat, within, across = mask.reshape(-1), np.uint64(abs(shift)), np.uint64(WORD - abs(shift))
    if shift > 0:
        np.right_shift(flat, within, out=found.reshape(-1))
        found.reshape(-1)[:-1] |= flat[1:] << across
    else:
        np.left_shift(flat, within, out=found.reshape(-1))
        found.reshape(-1)[1:] |= flat[:-1] >> across
    return found
