"""Least-squares fitting of the predictors, in the encoder only.

A *unit* (the voxels of one tile in one volume) has one predictor per activity class. Each is fitted to a regular subsample
by weighted least squares with weights 1 / (|residual| + mean), where the residual is that of the unit's *parent*, so that
the fit approximates least absolute error (iteratively reweighted least squares; Daubechies et al. 2010). A ridge
pulls towards the parent, whose coefficients are what the file's differences refer to: a class whose gain would not pay
for its coefficients keeps the parent's.

The regression is on differences to the west neighbour, whose coefficient is one minus the sum of all others: predictions
follow any shift of the intensities. Sums run in a fixed order in IEEE doubles, so the same bytes come out everywhere.
"""

import numpy as np

from voxz.jit import kernel
from voxz.predict.rows import activity, at, class_of

BLOCK = 8


@kernel
def add_block(moments, block):  # type: ignore[no-untyped-def]
    """Add the outer products of the BLOCK rows of `block` to the upper triangle of `moments` (both of even size).

    Two rows at a time, so that what is loaded is used twice; a little below the diagonal is filled as well.
    """
    size = block.shape[1]
    for i in range(0, size, 2):
        b0, b1, b2, b3 = block[0, i], block[1, i], block[2, i], block[3, i]
        b4, b5, b6, b7 = block[4, i], block[5, i], block[6, i], block[7, i]
        c0, c1, c2, c3 = block[0, i + 1], block[1, i + 1], block[2, i + 1], block[3, i + 1]
        c4, c5, c6, c7 = block[4, i + 1], block[5, i + 1], block[6, i + 1], block[7, i + 1]
        for n in range(i & ~7, size):
            j = at(n)
            x0, x1, x2, x3 = block[0, j], block[1, j], block[2, j], block[3, j]
            x4, x5, x6, x7 = block[4, j], block[5, j], block[6, j], block[7, j]
            moments[i, j] += (b0 * x0 + b1 * x1) + (b2 * x2 + b3 * x3) + ((b4 * x4 + b5 * x5) + (b6 * x6 + b7 * x7))
            moments[i + 1, j] += (c0 * x0 + c1 * x1) + (c2 * x2 + c3 * x3) + ((c4 * x4 + c5 * x5) + (c6 * x6 + c7 * x7))


@kernel
def add_rest(moments, block, filled):  # type: ignore[no-untyped-def]
    """Add the first `filled` rows of a `block` that did not become full."""
    if filled > 0:
        for line in range(filled, BLOCK):
            for k in range(block.shape[1]):
                block[line, k] = 0.0
        add_block(moments, block)


@kernel
def gather(  # type: ignore[no-untyped-def]
    samples, targets, origin, extent, strides, step, mode, beside, thresholds, classes, size, taps, parent, moments, counts,
    errors, absent
):
    """Accumulate weighted second moments of a unit's voxels into `moments` (classes, size, size).

    `samples` are the neighbours and `targets` what is predicted from them. `origin` is the index of the unit's first voxel,
    `extent` its (depth, height, width), `strides` those of slice and row, `taps` the offsets of the `size` neighbours but the
    west one, filled up to a multiple of four with -1, `parent` (classes, taps) the predictor the weights come from. In a
    moment matrix, row and column number `size` belong to the residual of the parent; those beyond it stay zero and only make
    the size a multiple of eight. `counts` and `errors` return the number of samples and the sum of the residuals' magnitudes
    of each class.
    """
    block = np.zeros((classes, BLOCK, moments.shape[1]), np.float64)
    filled = np.zeros(classes, np.int64)
    some_absent = absent.size > 0
    for z in range(extent[0]):
        for y in range(extent[1]):
            start = origin + z * strides[0] + y * strides[1]
            for x in range((5 * y + 3 * z) % step, extent[2], step):
                i = start + x
                if some_absent and absent[at(i)]:
                    continue
                group = class_of(activity(samples, i, strides[1], beside), thresholds, mode)
                line = filled[group]
                west = np.int64(samples[at(i - 1)])
                r0 = float(np.int64(targets[at(i)]) - west)
                r1, r2, r3 = 0.0, 0.0, 0.0
                for k in range(0, taps.size, 4):
                    d0 = float(np.int64(samples[at(i + taps[at(k)])]) - west)
                    d1 = float(np.int64(samples[at(i + taps[at(k + 1)])]) - west)
                    d2 = float(np.int64(samples[at(i + taps[at(k + 2)])]) - west)
                    d3 = float(np.int64(samples[at(i + taps[at(k + 3)])]) - west)
                    block[group, line, at(k)] = d0
                    block[group, line, at(k + 1)] = d1
                    block[group, line, at(k + 2)] = d2
                    block[group, line, at(k + 3)] = d3
                    r0 -= parent[group, at(k)] * d0
                    r1 -= parent[group, at(k + 1)] * d1
                    r2 -= parent[group, at(k + 2)] * d2
                    r3 -= parent[group, at(k + 3)] * d3
                residual = (r0 + r1) + (r2 + r3)
                block[group, line, size] = residual
                magnitude = abs(residual)
                counts[group] += 1
                errors[group] += magnitude
                weight = np.sqrt(1.0 / (magnitude + errors[group] / counts[group] + 0.25))
                for k in range(size + 1):
                    block[group, line, at(k)] *= weight
                filled[group] += 1
                if filled[group] == BLOCK:
                    add_block(moments[group], block[group])
                    filled[group] = 0
    for group in range(classes):
        add_rest(moments[group], block[group], filled[group])


@kernel
def solve(moments, count, ridge_weight, change):  # type: ignore[no-untyped-def]
    """Solve the ridge regression of `moments` for `change` (Cholesky); zeros where there is nothing to learn."""
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
    """By how much `change` lowers the weighted squared residual of `moments`."""
    size = change.size
    total = 0.0
    for i in range(size):
        cross = 0.0
        for j in range(size):
            cross += (moments[i, j] if i <= j else moments[j, i]) * change[j]
        total += change[i] * (2.0 * moments[i, size] - cross)
    return total
