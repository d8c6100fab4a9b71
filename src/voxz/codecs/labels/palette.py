"""Values of a map <-> ids, numbered in the order in which the walk meets them.

Samples of any type of 1, 2, 4 or 8 bytes are taken as unsigned integers of that size, so that int64 labels, booleans or a
mask in float32 cost as much as the same map in uint8. A new id is always the next number: which of them it is costs
nothing, only its value is sent, as the difference to the one before.
"""

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.labels.neighbourhood import BOTTOM, LEFT, TOP
from voxz.entropy.integers import IntegerReader, IntegerWriter
from voxz.errors import CorruptError
from voxz.jit import at, kernel

MOST_IDS = 1 << 21
_SMALL_TABLE, _LARGE_TABLE = 1 << 14, 1 << 22
_LIMB = 22
_MULTIPLIER, _SPREAD = 0x2545F491, 0x3C6EF35F


@kernel
def _number(values, sizes, most, padded, keys, numbers, palette):  # type: ignore[no-untyped-def]
    """Write the ids of `values` into `padded`; return how many there are, or -1 if they are more than `most`.

    `keys` and `numbers` are a hash table with open addressing.

    Parameters
    ----------
    values : int64 (samples,), in the order of the walk
    sizes : int64 (3,), slices of all volumes, rows, columns
    most : ids that are allowed, at most half the size of the table
    padded : int32, flat, padded as in `neighbourhood`, filled
    keys : int64 (a power of two,), values by their hash
    numbers : int32 (as many,), id of each key; -1 at first
    palette : int64 (most,), value of each id, filled
    """
    slices, height, width = sizes[0], sizes[1], sizes[2]
    row = width + 2 * LEFT
    area = row * (height + TOP + BOTTOM)
    mask = keys.size - 1
    count = np.int64(0)
    last, number = np.int64(0), np.int64(-1)
    k = np.int64(0)
    for z in range(slices):
        for y in range(height):
            base = z * area + (TOP + y) * row + LEFT
            for x in range(width):
                value = np.int64(values[at(k)])
                k += 1
                if value != last or number < 0:
                    low, high = value & 0xFFFFFFFF, (value >> 32) & 0xFFFFFFFF
                    slot = (((low * _MULTIPLIER) >> 16) ^ ((high * _SPREAD) >> 12) ^ low) & mask
                    while numbers[at(slot)] >= 0 and keys[at(slot)] != value:
                        slot = (slot + 1) & mask
                    if numbers[at(slot)] < 0:
                        if count == most:
                            return np.int64(-1)
                        keys[at(slot)] = value
                        numbers[at(slot)] = count
                        palette[at(count)] = value
                        count += 1
                    last, number = value, np.int64(numbers[at(slot)])
                padded[at(base + x)] = number
    return count


@kernel
def _paint(padded, sizes, palette, samples):  # type: ignore[no-untyped-def]
    """Write the value of every id in `padded` into `samples`.

    Parameters
    ----------
    padded, sizes : as for `_number`
    palette : unsigned integers (ids,), of the type of the samples
    samples : the same type, flat, in the order of the walk; filled
    """
    slices, height, width = sizes[0], sizes[1], sizes[2]
    row = width + 2 * LEFT
    area = row * (height + TOP + BOTTOM)
    k = np.int64(0)
    for z in range(slices):
        for y in range(height):
            base = z * area + (TOP + y) * row + LEFT
            for x in range(width):
                samples[at(k)] = palette[at(padded[at(base + x)])]
                k += 1


def padded_size(sizes: NDArray[np.int64]) -> int:
    """Ids of the padded array of a brick of `sizes` ``(volumes, slices, rows, columns)``."""
    series, depth, height, width = (int(n) for n in sizes)
    return series * depth * (height + TOP + BOTTOM) * (width + 2 * LEFT)


def _stack(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """All slices of all volumes, rows, columns."""
    return np.array([sizes[0] * sizes[1], sizes[2], sizes[3]], np.int64)


def to_ids(samples: NDArray[np.generic], sizes: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.uint64]] | None:
    """Padded ids and the palette of `samples` in the order of the walk; None if there are too many ids to be a map."""
    unsigned = np.ascontiguousarray(samples).reshape(-1).view(f"u{samples.dtype.itemsize}")
    values = unsigned.astype(np.uint64).view(np.int64)
    most = min(MOST_IDS, max(256, values.size // 8))
    padded = np.zeros(padded_size(sizes), np.int32)
    for table in (_SMALL_TABLE, _LARGE_TABLE):
        known = min(most, table // 2)
        palette = np.zeros(known, np.int64)
        numbers = np.full(table, -1, np.int32)
        count = int(_number(values, _stack(sizes), known, padded, np.zeros(table, np.int64), numbers, palette))
        if count >= 0:
            return padded, palette[:count].view(np.uint64)
        if known == most:
            break
    return None


def to_samples(
    padded: NDArray[np.int32], palette: NDArray[np.uint64], sizes: NDArray[np.int64], dtype: np.dtype[np.generic]
) -> NDArray[np.generic]:
    """Inverse of `to_ids`: samples in the order of the walk, one axis."""
    stored = palette.astype(f"u{dtype.itemsize}")
    samples = np.empty(int(np.prod(sizes)), stored.dtype)
    _paint(padded, _stack(sizes), stored, samples)
    return samples.view(dtype)


def write_palette(palette: NDArray[np.uint64]) -> bytes:
    """Side information: how many values, and each as differences of its parts of 20, 22 and 22 bits."""
    side = IntegerWriter()
    side.put([len(palette)])
    parts = np.stack([palette >> np.uint64(2 * _LIMB), palette >> np.uint64(_LIMB), palette], axis=1).astype(np.int64)
    parts &= (1 << _LIMB) - 1
    side.put(np.diff(parts, axis=0, prepend=0), _columns(len(palette)))
    return side.to_bytes()


def read_palette(payload: bytes, itemsize: int, voxels: int) -> NDArray[np.uint64]:
    """Inverse of `write_palette`; damage raises `CorruptError`."""
    side = IntegerReader(payload)
    (count,) = (int(n) for n in side.take(1))
    if not 1 <= count <= min(voxels, MOST_IDS):
        raise CorruptError(f"a palette for {voxels} voxels cannot have {count} values")
    if 3 * count > 8 * len(payload):
        raise CorruptError(f"a palette of {count} values is announced in {len(payload)} bytes")
    parts = np.cumsum(side.take(3 * count, _columns(count)).reshape(-1, 3), axis=0)
    side.finish()
    top = 64 - 2 * _LIMB
    if (parts < 0).any() or (parts >> np.array([top, _LIMB, _LIMB]) > 0).any():
        raise CorruptError("a value of a palette is out of bounds")
    limbs = parts.astype(np.uint64)
    palette = np.asarray((limbs[:, 0] << np.uint64(2 * _LIMB)) | (limbs[:, 1] << np.uint64(_LIMB)) | limbs[:, 2])
    if int(palette.max()) >> (8 * itemsize):
        raise CorruptError(f"a value of a palette does not fit samples of {itemsize} bytes")
    return palette


def _columns(count: int) -> NDArray[np.int64]:
    return np.tile(np.arange(3), count)
