"""Kernels of the networks of `networks`: IEEE doubles, every sum in a fixed order, no library functions."""

import numpy as np

from voxz.jit import allocating_kernel, at, kernel
from voxz.transforms.lifting_kernels import filter_row

SATURATED = 4.97
"""Where the fraction for tanh reaches 1."""


@kernel
def squashed(value):  # type: ignore[no-untyped-def]
    """The hyperbolic tangent, nearly: a convergent of its continued fraction (Lambert 1768), within 4e-5."""
    x = max(-SATURATED, min(value, SATURATED))
    s = x * x
    return x * (135135.0 + s * (17325.0 + s * (378.0 + s))) / (135135.0 + s * (62370.0 + s * (3150.0 + s * 28.0)))


@allocating_kernel
def filtered(source, axis, table, odd, filter_, factor, out):  # type: ignore[no-untyped-def]
    """``out = factor * what a step with this filter adds``.

    Parameters
    ----------
    source, axis, table, odd, filter_ : as for `lifting_kernels.filter_row`
    factor : number
    out : float64 (z, y, x), of the other half's shape, filled
    """
    width = max(out.shape[2], source.shape[2])
    rows, line = np.zeros((4, width + 2 * filter_.shape[0] + 2)), np.zeros(width)
    total = line[: out.shape[2]]
    for z in range(out.shape[0]):
        for y in range(out.shape[1]):
            filter_row(source, axis, z, y, table, odd, filter_, rows, total)
            row = out[z, y]
            for x in range(total.size):
                row[at(x)] = factor * total[at(x)]


@kernel
def _unit_rows(inputs, weights, bias, out):  # type: ignore[no-untyped-def]
    """A layer with ReLU, a row at a time.

    Parameters
    ----------
    inputs : float64 (inputs, x)
    weights : float64 (outputs, inputs)
    bias : float64 (outputs,)
    out : float64 (outputs, x), filled
    """
    for k in range(out.shape[0]):
        row = out[k]
        for x in range(row.size):
            row[at(x)] = bias[k]
        for c in range(inputs.shape[0]):
            weight, values = weights[k, c], inputs[c]
            for x in range(row.size):
                row[at(x)] += weight * values[at(x)]
        for x in range(row.size):
            row[at(x)] = max(row[at(x)], 0.0)


@allocating_kernel
def add_units(source, axis, table, odd, first, bias, second, bias_2, last, unit, out):  # type: ignore[no-untyped-def]
    """Add what the network ``relu`` gives, less what it gives for nothing.

    Parameters
    ----------
    source, axis, table, odd : as for `lifting_kernels.filter_row`
    first : float64 (units, reach, 2, 2), filters whose taps sum up to 0
    bias : float64 (units,)
    second, bias_2 : float64 (units, units) and (units,)
    last : float64 (units,)
    unit : quantiser step, in the unit of the samples
    out : float64 (z, y, x), of the other half's shape, added to
    """
    width, units = max(out.shape[2], source.shape[2]), bias.size
    rows, line = np.zeros((4, width + 2 * first.shape[1] + 2)), np.zeros(width)
    one, two = np.zeros((units, out.shape[2])), np.zeros((units, out.shape[2]))
    idle, idle_2, nothing = np.zeros((units, 1)), np.zeros((units, 1)), 0.0
    for k in range(units):
        idle[k, 0] = max(bias[k], 0.0)
    _unit_rows(idle, second, bias_2, idle_2)
    for k in range(units):
        nothing += last[k] * idle_2[k, 0]
    total = line[: out.shape[2]]
    for z in range(out.shape[0]):
        for y in range(out.shape[1]):
            for k in range(units):
                filter_row(source, axis, z, y, table, odd, first[k], rows, total)
                hidden = one[k]
                for x in range(total.size):
                    hidden[at(x)] = max(total[at(x)] / unit + bias[k], 0.0)
            _unit_rows(one, second, bias_2, two)
            for x in range(total.size):
                total[at(x)] = -nothing
            for k in range(units):
                weight, hidden = last[k], two[k]
                for x in range(total.size):
                    total[at(x)] += weight * hidden[at(x)]
            row = out[z, y]
            for x in range(total.size):
                row[at(x)] += unit * total[at(x)]


@allocating_kernel
def tile_of(values, first, last):  # type: ignore[no-untyped-def]
    """Copy of a box, which may stick out of `values`: there lies the end.

    Parameters
    ----------
    values : float64 (z, y, x)
    first, last : int64 (3,), corners of the box; the last is exclusive
    """
    tile = np.zeros((last[0] - first[0], last[1] - first[1], last[2] - first[2]))
    for z in range(tile.shape[0]):
        zz = min(max(z + first[0], 0), values.shape[0] - 1)
        for y in range(tile.shape[1]):
            yy = min(max(y + first[1], 0), values.shape[1] - 1)
            for x in range(tile.shape[2]):
                tile[z, y, x] = values[zz, yy, min(max(x + first[2], 0), values.shape[2] - 1)]
    return tile


@allocating_kernel
def convolved(values, weights, squashing):  # type: ignore[no-untyped-def]
    """Convolution 3 x 3 x 3 ``(channels out, z - 2, y - 2, x - 2)``.

    Parameters
    ----------
    values : float64 (channels, z, y, x)
    weights : float64 (channels out, channels, 3, 3, 3)
    squashing : 1 if the hyperbolic tangent follows, else 0
    """
    depth, height, width = values.shape[1] - 2, values.shape[2] - 2, values.shape[3] - 2
    out = np.zeros((weights.shape[0], depth, height, width))
    for k in range(out.shape[0]):
        for z in range(depth):
            for y in range(height):
                row = out[k, z, y]
                for c in range(values.shape[0]):
                    for dz in range(3):
                        for dy in range(3):
                            line = values[c, z + dz, y + dy]
                            w_0, w_1, w_2 = weights[k, c, dz, dy, 0], weights[k, c, dz, dy, 1], weights[k, c, dz, dy, 2]
                            for x in range(width):
                                part = w_0 * line[at(x)] + w_1 * line[at(x + 1)]
                                row[at(x)] += part + w_2 * line[at(x + 2)]
                if squashing:
                    for x in range(width):
                        row[at(x)] = squashed(row[at(x)])
    return out


@kernel
def add_inner(values, larger):  # type: ignore[no-untyped-def]
    """Add the middle of channels that are two voxels larger on every side.

    Parameters
    ----------
    values : float64 (channels, z, y, x), added to
    larger : float64 (channels, z + 4, y + 4, x + 4)
    """
    for c in range(values.shape[0]):
        for z in range(values.shape[1]):
            for y in range(values.shape[2]):
                row, line = values[c, z, y], larger[c, z + 2, y + 2]
                for x in range(row.size):
                    row[at(x)] += line[at(x + 2)]


@kernel
def square(values):  # type: ignore[no-untyped-def]
    """Square everything."""
    for c in range(values.shape[0]):
        for z in range(values.shape[1]):
            for y in range(values.shape[2]):
                row = values[c, z, y]
                for x in range(row.size):
                    row[at(x)] *= row[at(x)]


@kernel
def add_tile(out, first, tile, factor):  # type: ignore[no-untyped-def]
    """Add `factor` times a tile at its place.

    Parameters
    ----------
    out : float64 (z, y, x), added to
    first : int64 (3,), corner of the tile in it
    tile : float64 (z, y, x)
    factor : number
    """
    for z in range(tile.shape[0]):
        for y in range(tile.shape[1]):
            row, line = out[first[0] + z, first[1] + y], tile[z, y]
            for x in range(line.size):
                row[at(first[2] + x)] += factor * line[at(x)]


@kernel
def apply_moved(target, total, gate, gated, rounding, forward):  # type: ignore[no-untyped-def]
    """``(target + total) * gate``, or its inverse, in place.

    Parameters
    ----------
    target : float64 (z, y, x), the half that a step changes
    total : float64 (z, y, x), what the step adds
    gate : float64 (z, y, x), what it then scales by; not read unless `gated`
    gated : whether it scales
    rounding : whether `total` is rounded: the transform is reversible
    forward : whether the step is done rather than undone
    """
    for z in range(target.shape[0]):
        for y in range(target.shape[1]):
            row, moved, scale = target[z, y], total[z, y], gate[z, y]
            for x in range(row.size):
                change = np.floor(moved[at(x)] + 0.5) if rounding else moved[at(x)]
                if forward:
                    row[at(x)] += change
                    if gated:
                        row[at(x)] *= scale[at(x)]
                else:
                    if gated:
                        row[at(x)] /= scale[at(x)]
                    row[at(x)] -= change
