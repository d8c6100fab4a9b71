"""What finished rows tell of the next one: its voxels' classes, and the parts of their predictions and expected errors.

Each step is a kernel of its own: compiled code keeps what it needs in registers only while a loop is small.
"""

import numpy as np

from voxz.codecs.predictive.neighbourhood import WEST
from voxz.codecs.predictive.padding import LEFT
from voxz.jit import at, kernel

VECTOR = 16


@kernel
def activity(padded, i, row, beside):  # type: ignore[no-untyped-def]
    """Roughness around voxel `i`, from rows above it and the co-located rows at offset `beside`."""
    j = i + beside
    n = np.int64(padded[at(i - row)])
    nw = np.int64(padded[at(i - row - 1)])
    ne = np.int64(padded[at(i - row + 1)])
    nn = np.int64(padded[at(i - 2 * row)])
    c = np.int64(padded[at(j)])
    cn = np.int64(padded[at(j - row)])
    cnw = np.int64(padded[at(j - row - 1)])
    cne = np.int64(padded[at(j - row + 1)])
    texture = abs(n - nw) + abs(n - ne) + abs(n - nn)
    change = abs((n - cn) - (nw - cnw)) + abs((n - cn) - (ne - cne))
    beyond = abs(c - np.int64(padded[at(j - 1)])) + abs(c - np.int64(padded[at(j + 1)]))
    return 2 * (texture + change) + beyond + abs(c - np.int64(padded[at(j + row)])) + abs(c - cn)


@kernel
def class_of(value, thresholds, mode):  # type: ignore[no-untyped-def]
    """Class of an activity: how many of the mode's thresholds it reaches."""
    found = 0
    for t in range(thresholds.shape[1]):
        if value >= thresholds[mode, t]:
            found += 1
    return found


@kernel
def add_products(values, start, offsets, groups, coefficients, first, x0, x1, sums):  # type: ignore[no-untyped-def]
    """Add the products of `groups` groups of eight neighbours and coefficients to ``sums[x0:x1]``."""
    for group in range(groups):
        k = 8 * group
        f = first + k
        o0, o1, o2, o3 = start + offsets[k], start + offsets[k + 1], start + offsets[k + 2], start + offsets[k + 3]
        o4, o5, o6, o7 = start + offsets[k + 4], start + offsets[k + 5], start + offsets[k + 6], start + offsets[k + 7]
        c0, c1 = np.int64(coefficients[f]), np.int64(coefficients[f + 1])
        c2, c3 = np.int64(coefficients[f + 2]), np.int64(coefficients[f + 3])
        c4, c5 = np.int64(coefficients[f + 4]), np.int64(coefficients[f + 5])
        c6, c7 = np.int64(coefficients[f + 6]), np.int64(coefficients[f + 7])
        for x in range(x0, x1):
            sums[at(x)] += (
                c0 * np.int64(values[at(o0 + x)])
                + c1 * np.int64(values[at(o1 + x)])
                + c2 * np.int64(values[at(o2 + x)])
                + c3 * np.int64(values[at(o3 + x)])
                + c4 * np.int64(values[at(o4 + x)])
                + c5 * np.int64(values[at(o5 + x)])
                + c6 * np.int64(values[at(o6 + x)])
                + c7 * np.int64(values[at(o7 + x)])
            )


@kernel
def prepare_row(  # type: ignore[no-untyped-def]
    samples,
    errors,
    start,
    x0,
    x1,
    row,
    mode,
    beside,
    thresholds,
    coefficients,
    first,
    stride,
    offsets,
    groups,
    weights,
    error_offsets,
    error_groups,
    half,
    partial,
    chosen,
    first_of,
    expected,
):
    """What finished rows tell of voxels x0..x1 of the row at `start`.

    `first_of` gets the index of each voxel's predictor, by its class, `chosen` that predictor's partial sum, `expected`
    the partial expected error. Sums are computed for every class (`partial`) and a little beyond x1: whole vectors are
    faster than choices.
    """
    end = x0 + ((x1 - x0 + VECTOR - 1) // VECTOR) * VECTOR
    for x in range(x0, end):
        expected[at(x)] = activity(samples, start + x, row, beside)
        first_of[at(x)] = 0
    for t in range(thresholds.shape[1]):
        threshold = thresholds[mode, t]
        for x in range(x0, end):
            first_of[at(x)] += np.int64(expected[at(x)] >= threshold)
    rough_weight = weights[0]
    for x in range(x0, end):
        expected[at(x)] *= rough_weight
    add_products(errors, start, error_offsets, error_groups, weights, WEST, x0, end, expected)
    for group in range(partial.shape[0]):
        sums = partial[group]
        for x in range(x0, end):
            sums[at(x)] = half
        add_products(samples, start, offsets, groups, coefficients, first + group * stride + WEST, x0, end, sums)
    for x in range(x0, x1):
        group = first_of[at(x)]
        chosen[at(x)] = partial[at(group), at(x)]
        first_of[at(x)] = first + group * stride


@kernel
def prepare_parts(  # type: ignore[no-untyped-def]
    samples,
    errors,
    begin,
    y,
    z,
    s,
    sizes,
    tiles,
    row,
    mode,
    beside,
    thresholds,
    coefficients,
    stride,
    offsets,
    groups,
    weights,
    error_offsets,
    error_groups,
    half,
    partial,
    chosen,
    first_of,
    expected,
):
    """`prepare_row` for each tile that the row at `begin` passes; the first slice of a volume is one unit."""
    unit = s * (tiles[0] * tiles[1] + 1)
    parts = 1
    if z > 0:
        unit += 1 + y * tiles[0] // sizes[2] * tiles[1]
        parts = tiles[1]
    for part in range(parts):
        x0 = (part * sizes[3] + parts - 1) // parts
        x1 = ((part + 1) * sizes[3] + parts - 1) // parts
        first = (unit + part) * partial.shape[0] * stride
        prepare_row(
            samples,
            errors,
            begin + LEFT,
            x0,
            x1,
            row,
            mode,
            beside,
            thresholds,
            coefficients,
            first,
            stride,
            offsets,
            groups,
            weights,
            error_offsets,
            error_groups,
            half,
            partial,
            chosen,
            first_of,
            expected,
        )
