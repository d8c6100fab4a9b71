"""Values that are no measurements: NaN, infinities, negative zero, and the constant around what was measured."""

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.payload import PartReader, PartWriter
from voxz.entropy.plane import decode_plane, encode_plane

MOST_SPECIALS = 8
"""Patterns that are told apart, each with a bit plane of its own."""

SAMPLED = 4096
"""Samples of a brick among which its most frequent value is looked for."""

COMMON = 0.02
"""Share of a brick from which on a constant is background."""

Specials = list[tuple[int, NDArray[np.bool_]]]
"""Bits of a float as an unsigned integer, and where it is."""


def find_specials(floats: NDArray[np.generic], background: bool) -> Specials | None:
    """Patterns (as unsigned integers) of `floats` that cannot, or with `background` should not, be predicted, and where they are.

    None if there are too many.
    """
    bits = floats.view(f"u{floats.dtype.itemsize}")
    minus = 1 << (8 * floats.dtype.itemsize - 1)
    odd = ~np.isfinite(floats)
    if not background:
        odd |= bits == bits.dtype.type(minus)
    patterns = []
    if odd.any():
        found, counts = np.unique(bits[odd], return_counts=True)
        if found.size > MOST_SPECIALS:
            return None
        patterns = [int(pattern) for pattern in found[np.argsort(-counts, kind="stable")]]
    if background and len(patterns) < MOST_SPECIALS:
        flat = bits.ravel()
        some, counts = np.unique(flat[:: max(1, flat.size // SAMPLED)], return_counts=True)
        common = int(some[int(np.argmax(counts))])
        everywhere = int(np.count_nonzero(flat == flat.dtype.type(common)))
        if common not in patterns and everywhere >= max(2, COMMON * flat.size):
            patterns.append(common)
    return [(pattern, bits == bits.dtype.type(pattern)) for pattern in patterns]


def present_of(specials: Specials) -> NDArray[np.bool_] | None:
    """Which samples are not special; None where all are not."""
    return ~np.logical_or.reduce([plane for _, plane in specials]) if specials else None


def put_specials(specials: Specials, itemsize: int, writer: PartWriter) -> None:
    """Append the patterns of floats of `itemsize` bytes, each with its plane."""
    for pattern, plane in specials:
        writer.raw(pattern.to_bytes(itemsize, "little"))
        writer.part(encode_plane(plane))


def take_specials(reader: PartReader, count: int, itemsize: int, shape: tuple[int, ...]) -> Specials:
    """Inverse of `put_specials` for `count` patterns in a brick of this `shape`; damage raises `CorruptError`."""
    return [(int.from_bytes(reader.exactly(itemsize), "little"), decode_plane(reader.part(), shape)) for _ in range(count)]
