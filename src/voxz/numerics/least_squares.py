"""Least squares: moments summed in blocks of rows, and the ridge regression that they give.

Sums run in a fixed order in IEEE doubles, so the same bytes come out everywhere.
"""

import numpy as np

from voxz.jit import allocating_kernel, apart_kernel, at, kernel

BLOCK = 8


@apart_kernel
def add_block(moments, block):  # type: ignore[no-untyped-def]
    """Add the outer products of the BLOCK rows of `block` to the upper triangle of `moments`, of the same size.

    A little below the diagonal is filled as well. One row of moments is filled at a time: with two, compiled code would have to
    take them for rows that overlap, and had no vectors.
    """
    size = block.shape[1]
    for i in range(size):
        b0, b1, b2, b3 = block[0, i], block[1, i], block[2, i], block[3, i]
        b4, b5, b6, b7 = block[4, i], block[5, i], block[6, i], block[7, i]
        for n in range(i & ~7, size):
            j = at(n)
            x0, x1, x2, x3 = block[0, j], block[1, j], block[2, j], block[3, j]
            x4, x5, x6, x7 = block[4, j], block[5, j], block[6, j], block[7, j]
            moments[i, j] += (b0 * x0 + b1 * x1) + (b2 * x2 + b3 * x3) + ((b4 * x4 + b5 * x5) + (b6 * x6 + b7 * x7))


@apart_kernel
def add_rest(moments, block, filled):  # type: ignore[no-untyped-def]
    """Add the first `filled` rows of a `block` that did not become full.

    Parameters
    ----------
    moments, block : as for `add_block`
    filled : 0 to BLOCK - 1; the other rows are set to zeros
    """
    if filled > 0:
        for line in range(filled, BLOCK):
            for k in range(block.shape[1]):
                block[line, k] = 0.0
        add_block(moments, block)


@allocating_kernel
def solve(moments, count, ridge_weight, change):  # type: ignore[no-untyped-def]
    """Solve the ridge regression of `moments` for `change` (Cholesky); zeros where there is nothing to learn.

    Parameters
    ----------
    moments : float64 (n, n), upper triangle; row and column number `change.size` belong to the target
    count : samples that were summed
    ridge_weight : pull towards zeros, in samples of average power
    change : float64 (features,), filled
    """
    size = change.size
    trace = 0.0
    for k in range(size):
        trace += moments[k, k]
        change[k] = 0.0
    if trace <= 0.0 or count == 0:
        return
    ridge = ridge_weight * trace / size / count
    factor = np.zeros((size, size), np.float64)
    for i in range(size):
        for j in range(i + 1):
            value = moments[j, i]
            if i == j:
                value += ridge
            for k in range(j):
                value -= factor[i, k] * factor[j, k]
            if i == j:
                factor[i, i] = np.sqrt(max(value, ridge * 1e-6))
            else:
                factor[i, j] = value / factor[j, j]
    for i in range(size):
        value = moments[i, size]
        for k in range(i):
            value -= factor[i, k] * change[k]
        change[i] = value / factor[i, i]
    for i in range(size - 1, -1, -1):
        value = change[i]
        for k in range(i + 1, size):
            value -= factor[k, i] * change[k]
        change[i] = value / factor[i, i]


@kernel
def gain(moments, change):  # type: ignore[no-untyped-def]
    """By how much `change` lowers the weighted squared residual of `moments`.

    Parameters
    ----------
    moments : as for `solve`
    change : float64 (features,)
    """
    size = change.size
    total = 0.0
    for i in range(size):
        cross = 0.0
        for j in range(size):
            cross += (moments[i, j] if i <= j else moments[j, i]) * change[j]
        total += change[i] * (2.0 * moments[i, size] - cross)
    return total
