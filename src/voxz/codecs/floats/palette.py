"""Floats with few distinct values: their ranks are the integers to predict."""

import numpy as np
from numpy.typing import NDArray

from voxz.errors import CorruptError

LARGEST_PALETTE = 1 << 16
SAMPLED_VALUES = 20_000
"""Samples, evenly spaced, that tell soon whether there are too many values for a palette."""


def _keys(floats: NDArray[np.generic]) -> NDArray[np.uint64]:
    """Unsigned integers in the order of the floats, one for every pattern of bits."""
    width = 8 * floats.dtype.itemsize
    bits = floats.view(f"u{floats.dtype.itemsize}").astype(np.uint64)
    negative = bits >> np.uint64(width - 1) != 0
    return np.where(negative, bits ^ np.uint64((1 << width) - 1), bits | np.uint64(1 << (width - 1)))


def find_palette(floats: NDArray[np.generic]) -> NDArray[np.uint64] | None:
    """Sorted keys of the distinct patterns in `floats`, or None where there are too many to pay."""
    flat = floats.ravel()
    most = min(LARGEST_PALETTE, flat.size // 4 + 1)
    some = np.unique(flat[:: max(1, flat.size // SAMPLED_VALUES)].view(f"u{flat.itemsize}"))
    if some.size > min(most, SAMPLED_VALUES // 2):
        return None
    patterns = np.unique(flat.view(f"u{flat.itemsize}"))
    return np.sort(_keys(patterns.view(flat.dtype))) if patterns.size <= most else None


def pack_palette(floats: NDArray[np.generic], palette: NDArray[np.uint64]) -> tuple[NDArray[np.int32], bytes]:
    """Ranks of the samples, and the palette as differences of its keys."""
    ranks = np.searchsorted(palette, _keys(floats.ravel())).astype(np.int32)
    steps = np.diff(palette, prepend=np.uint64(0))
    return ranks, steps.astype(f"<u{floats.dtype.itemsize}").tobytes()


def unpack_palette(packed: bytes, itemsize: int) -> NDArray[np.generic]:
    """Patterns of a packed palette, as unsigned integers; damage raises `CorruptError`."""
    keys = np.cumsum(np.frombuffer(packed, f"<u{itemsize}").astype(np.uint64), dtype=np.uint64)
    width = 8 * itemsize
    if (keys[1:] <= keys[:-1]).any() or int(keys[-1]) >= 1 << width:
        raise CorruptError("the values of a palette are out of order")
    negative = keys >> np.uint64(width - 1) == 0
    patterns = np.where(negative, keys ^ np.uint64((1 << width) - 1), keys ^ np.uint64(1 << (width - 1)))
    return patterns.astype(f"u{itemsize}")
