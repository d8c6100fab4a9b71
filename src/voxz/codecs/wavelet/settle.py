"""From the values of an inverse transform to samples."""

import numpy as np

from voxz.jit import apart_kernel, at


@apart_kernel
def settle(values, offset, low, high, whole, samples):  # type: ignore[no-untyped-def]
    """Fill samples with values plus the offset, in IEEE doubles, rounded if they are whole, and held within their range.

    Parameters
    ----------
    values : float32 or float64 (n,)
    offset : float64
    low, high : range of the samples
    whole : whether samples are whole numbers
    samples : (n,), of their type, filled
    """
    for i in range(values.size):
        value = np.float64(values[at(i)]) + offset
        if whole:
            value = np.floor(value + 0.5)
        samples[at(i)] = min(max(value, low), high)
