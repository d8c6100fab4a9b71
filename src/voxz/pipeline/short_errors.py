"""Errors of whole numbers of up to 16 bits, whose squares are summed up exactly in one pass."""

import numpy as np

from voxz.jit import apart_kernel, at


@apart_kernel
def compare(original, decoded, ignored):  # type: ignore[no-untyped-def]
    """Return the largest error of all samples; the sum of squared errors of those that count, and how many they are.

    Parameters
    ----------
    original, decoded : whole numbers of up to 16 bits (samples,)
    ignored : bool (samples,), which do not count
    """
    largest, squares, counted = np.int32(0), np.int64(0), np.int64(0)
    for i in range(original.size):
        error = np.int32(np.int32(original[at(i)]) - np.int32(decoded[at(i)]))
        counts = np.int64(not ignored[at(i)])
        largest = max(largest, abs(error))
        squares += np.int64(error) * np.int64(error) * counts
        counted += counts
    return largest, squares, counted
