"""Filters of classes applied to samples beside each other: each is weighed by the filter that its class has.

Which filter a sample takes is known only when it is reached, and a processor's vectors do not take their weights from different
places. So a block of samples is weighed by every filter that one of them takes, and each keeps its own sum. Neighbours have few
filters between them.
"""

import numpy as np

from voxz.jit import apart_kernel, at

BLOCK = 32
"""Samples beside each other that are worked on at once. Their number is always the same: compiled code then has no loops left."""

TOGETHER = 7
"""Features that are added up at once; filters have a multiple of them."""


@apart_kernel
def _sum_up(features, weights, first, totals):  # type: ignore[no-untyped-def]
    """Sum up the features of a block; see `weigh`.

    Parameters
    ----------
    features : int32 or int64 (taps, BLOCK), a multiple of TOGETHER taps
    weights : of the same type (taps,)
    first : what every sum begins with
    totals : of the same type (BLOCK,), filled
    """
    for x in range(BLOCK):
        totals[at(x)] = first
    for k in range(0, features.shape[0], TOGETHER):
        f0, f1, f2, f3 = features[k], features[k + 1], features[k + 2], features[k + 3]
        f4, f5, f6 = features[k + 4], features[k + 5], features[k + 6]
        w0, w1, w2, w3 = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
        w4, w5, w6 = weights[k + 4], weights[k + 5], weights[k + 6]
        for x in range(BLOCK):
            part = w0 * f0[at(x)] + w1 * f1[at(x)] + w2 * f2[at(x)] + w3 * f3[at(x)]
            totals[at(x)] += part + w4 * f4[at(x)] + w5 * f5[at(x)] + w6 * f6[at(x)]


@apart_kernel
def weigh(features, weights, constants, chosen, room, totals):  # type: ignore[no-untyped-def]
    """Fill the sums of a block of samples by the filters that they take; 0 for those that take none. False if none takes any.

    Parameters
    ----------
    features : int32 or int64 (taps, BLOCK), a multiple of TOGETHER taps
    weights : of the same type (filters, taps), at most 62 filters
    constants : of the same type (filters,), added to the sums
    chosen : int64 (BLOCK,), number of the filter of each sample, -1 for none
    room : of the same type as the features (BLOCK,)
    totals : of the same type (BLOCK,), filled
    """
    taken = np.int64(0)
    for x in range(BLOCK):
        taken |= np.int64(1) << (chosen[at(x)] + 1)
        totals[at(x)] = 0
    for number in range(weights.shape[0]):
        if (taken >> (number + 1)) & 1:
            _sum_up(features, weights[number], constants[number], room)
            for x in range(BLOCK):
                totals[at(x)] = room[at(x)] if chosen[at(x)] == number else totals[at(x)]
    return taken > 1
