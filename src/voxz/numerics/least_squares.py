"""Least squares: moments summed in blocks of rows, and the ridge regression that they give.

Sums run in a fixed order in IEEE doubles, so the same bytes come out everywhere.
"""

import numpy as np

from voxz.jit import allocating_kernel, apart_kernel, at

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

    What a row of the factor is worth to the rows below it is taken away at once, on whole rows; the target is one more column.

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
    factor = moments[:size, : size + 1].copy()
    for i in range(size):
        factor[i, i] += ridge
    for k in range(size):
        row = factor[k]
        root = np.sqrt(max(row[k], ridge * 1e-6))
        row[k] = root
        for j in range(k + 1, size + 1):
            row[j] /= root
        for i in range(k + 1, size):
            _take_away(row, row[i], i, factor[i])
    for i in range(size - 1, -1, -1):
        value = factor[i, size]
        for k in range(i + 1, size):
            value -= factor[i, k] * change[k]
        change[i] = value / factor[i, i]


@apart_kernel
def _take_away(row, times, first, target):  # type: ignore[no-untyped-def]
    """Take a row away from another, so many times.

    Parameters
    ----------
    row, target : float64 (columns,); `target` is changed
    times : how often
    first : column from which on
    """
    for j in range(first, target.size):
        target[at(j)] -= times * row[at(j)]


@allocating_kernel
def gain(moments, change):  # type: ignore[no-untyped-def]
    """By how much `change` lowers the weighted squared residual of `moments`.

    Parameters
    ----------
    moments : as for `solve`
    change : float64 (features,)
    """
    size = change.size
    crosses = np.zeros(size)
    for j in range(size):
        for i in range(j):
            crosses[at(i)] += moments[at(i), at(j)] * change[j]
        for i in range(j, size):
            crosses[at(i)] += moments[at(j), at(i)] * change[j]
    total = 0.0
    for i in range(size):
        total += change[i] * (2.0 * moments[i, size] - crosses[i])
    return total
