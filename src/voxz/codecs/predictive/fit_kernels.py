"""Least-squares fitting of the predictors, in the encoder only.

A *unit* (the voxels of one tile in one volume) has one predictor per activity class. Each is fitted to a regular subsample
by weighted least squares with weights 1 / (|residual| + mean), where the residual is that of the unit's *parent*, so that
the fit approximates least absolute error (iteratively reweighted least squares; Daubechies et al. 2010). Where the mean is
let go with the activity, errors count as shares of what is expected, which is what they cost in bits. A ridge
pulls towards the parent, whose coefficients are what the file's differences refer to: a class whose gain would not pay
for its coefficients keeps the parent's.

The regression is on differences to the west neighbour, whose coefficient is one minus the sum of all others: predictions
follow any shift of the intensities. Sums run in a fixed order in IEEE doubles, so the same bytes come out everywhere.
"""

import numpy as np

from voxz.codecs.predictive.row_sums import activity, class_of
from voxz.jit import allocating_kernel, at
from voxz.numerics.least_squares import BLOCK, add_block, add_rest


@allocating_kernel
def gather(  # type: ignore[no-untyped-def]
    samples,
    targets,
    origin,
    extent,
    strides,
    step,
    mode,
    beside,
    thresholds,
    classes,
    size,
    taps,
    parent,
    moments,
    counts,
    errors,
    absent,
    local,
):
    """Accumulate the weighted second moments of a unit's voxels, each class apart.

    In a moment matrix, row and column number `size` belong to the residual of the parent; those beyond it stay zero and only make
    the size a multiple of eight.

    Parameters
    ----------
    samples : int32 (padded,), dense values that predict
    targets : int32 (padded,), what is predicted; may be `samples`
    origin : index of the unit's first voxel
    extent : int64 (3,), depth, height, width of the unit
    strides : int64 (2,), indices from a slice and from a row to the next
    step : one voxel in so many of a row is taken, 1 or more
    mode, beside : as in `frame.Slice`
    thresholds : int64 (modes, classes - 1), see `row_sums.Predictors`
    classes : activity classes
    size : neighbours but the west one
    taps : int64 (size, filled up with -1 to a multiple of four,), indices from a voxel to those neighbours
    parent : float64 (classes, as many as `taps`), coefficients of the predictor that the weights come from
    moments : float64 (classes, n, n), upper triangles, added to; n is above `size` and a multiple of eight
    counts : int64 (classes,), voxels, added to
    errors : float64 (classes,), sum of the magnitudes of residuals, in dense values, added to
    absent : bool (padded,), voxels to leave out; (0,) if there are none
    local : how far the error that is expected of a voxel goes with its activity, 0 to 1
    """
    block = np.zeros((classes, BLOCK, moments.shape[1]), np.float64)
    filled = np.zeros(classes, np.int64)
    roughness = np.zeros(classes, np.float64)
    some_absent = absent.size > 0
    for z in range(extent[0]):
        for y in range(extent[1]):
            start = origin + z * strides[0] + y * strides[1]
            for x in range((5 * y + 3 * z) % step, extent[2], step):
                i = start + x
                if some_absent and absent[at(i)]:
                    continue
                rough = activity(samples, i, strides[1], beside, np.int64)
                group = class_of(rough, thresholds, mode)
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
                roughness[group] += rough
                mean = errors[group] / counts[group]
                usual = max(roughness[group] / counts[group], 1.0)
                likely = mean + local * mean * (rough / usual - 1.0)
                weight = np.sqrt((mean + 0.25) / (likely + 0.25) / (magnitude + likely + 0.25))
                for k in range(size + 1):
                    block[group, line, at(k)] *= weight
                filled[group] += 1
                if filled[group] == BLOCK:
                    add_block(moments[group], block[group])
                    filled[group] = 0
    for group in range(classes):
        add_rest(moments[group], block[group], filled[group])
