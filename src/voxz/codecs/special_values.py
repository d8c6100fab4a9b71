"""Values that are no measurements: NaN, infinities, negative zero, and the constant around what was measured."""

import numpy as np
from numpy.typing import NDArray

MOST_SPECIALS = 8
"""Patterns that are told apart, each with a bit plane of its own."""

SAMPLES = 4096
COMMON = 0.02
"""Share of a brick from which on a constant is background."""

Specials = list[tuple[int, NDArray[np.bool_]]]


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
        some, counts = np.unique(flat[:: max(1, flat.size // SAMPLES)], return_counts=True)
        common = int(some[int(np.argmax(counts))])
        everywhere = int(np.count_nonzero(flat == flat.dtype.type(common)))
        if common not in patterns and everywhere >= max(2, COMMON * flat.size):
            patterns.append(common)
    return [(pattern, bits == bits.dtype.type(pattern)) for pattern in patterns]
