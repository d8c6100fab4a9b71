"""Kernels of trained lifting: one axis of a box of a volume is split or merged, in IEEE doubles in a fixed order.

A step adds to each sample of one half a filter of the other, ``(reach, 2, 2)`` numbers of which each stands for taps that mirror
each other. Along the axis lines are mirrored at their ends; across it, beyond the ends lies the end. Sums of rows are made
first, so that every tap costs an addition and every number one product, on whole rows at a time.
"""

import numpy as np

from voxz.jit import at, kernel


@kernel
def _filter_rows(source, axis, z, y, table, odd, filter_, rows, total):  # type: ignore[no-untyped-def]
    """`filter_row` for a step along z or y.

    Parameters
    ----------
    source, axis, z, y, table, odd, filter_, rows, total : as for `filter_row`
    """
    reach, width = filter_.shape[0], total.size
    across = source.shape[1 - axis]
    place, beside = (z, y) if axis == 0 else (y, z)
    before, after = max(beside - 1, 0), min(beside + 1, across - 1)
    pair, sides = rows[0], rows[1]
    for away in range(reach):
        near, far = table[reach + place - away - odd], table[reach + place + away + 1 - odd]
        if axis == 0:
            a, b = source[near, beside], source[far, beside]
            c, d, e, f = source[near, before], source[near, after], source[far, before], source[far, after]
        else:
            a, b = source[beside, near], source[beside, far]
            c, d, e, f = source[before, near], source[after, near], source[before, far], source[after, far]
        for x in range(width):
            pair[at(x + 1)] = a[at(x)] + b[at(x)]
            sides[at(x + 1)] = (c[at(x)] + d[at(x)]) + (e[at(x)] + f[at(x)])
        for line in (pair, sides):
            line[0] = line[1]
            line[width + 1] = line[width]
        w00, w10, w01, w11 = filter_[away, 0, 0], filter_[away, 1, 0], filter_[away, 0, 1], filter_[away, 1, 1]
        for x in range(width):
            i = x + 1
            part = w00 * pair[at(i)] + w10 * sides[at(i)]
            part += w01 * (pair[at(i - 1)] + pair[at(i + 1)]) + w11 * (sides[at(i - 1)] + sides[at(i + 1)])
            total[at(x)] = part if away == 0 else total[at(x)] + part


@kernel
def _filter_along(source, z, y, table, odd, filter_, rows, total):  # type: ignore[no-untyped-def]
    """`filter_row` for a step along x.

    Parameters
    ----------
    source, z, y, table, odd, filter_, rows, total : as for `filter_row`
    """
    reach, width, count = filter_.shape[0], total.size, source.shape[2]
    depth, height = source.shape[0], source.shape[1]
    z_0, z_2, y_0, y_2 = max(z - 1, 0), min(z + 1, depth - 1), max(y - 1, 0), min(y + 1, height - 1)
    here, up, down = source[z, y], source[z, y_0], source[z, y_2]
    a, b = source[z_0, y], source[z_2, y]
    c, d, e, f = source[z_0, y_0], source[z_0, y_2], source[z_2, y_0], source[z_2, y_2]
    own, along_z, along_y, corners = rows[0], rows[1], rows[2], rows[3]
    for x in range(count):
        i = x + reach
        own[at(i)] = here[at(x)]
        along_z[at(i)] = a[at(x)] + b[at(x)]
        along_y[at(i)] = up[at(x)] + down[at(x)]
        corners[at(i)] = (c[at(x)] + d[at(x)]) + (e[at(x)] + f[at(x)])
    for line in (own, along_z, along_y, corners):
        for k in range(reach):
            line[k] = line[table[k] + reach]
            line[count + reach + k] = line[table[count + reach + k] + reach]
    for away in range(reach):
        w00, w10, w01, w11 = filter_[away, 0, 0], filter_[away, 1, 0], filter_[away, 0, 1], filter_[away, 1, 1]
        near, far = reach - away - odd, reach + away + 1 - odd
        for x in range(width):
            i, k = x + near, x + far
            part = w00 * (own[at(i)] + own[at(k)]) + w10 * (along_z[at(i)] + along_z[at(k)])
            part += w01 * (along_y[at(i)] + along_y[at(k)]) + w11 * (corners[at(i)] + corners[at(k)])
            total[at(x)] = part if away == 0 else total[at(x)] + part


@kernel
def filter_row(source, axis, z, y, table, odd, filter_, rows, total):  # type: ignore[no-untyped-def]
    """Fill `total` with what a step adds to row z, y of the other half.

    Parameters
    ----------
    source : float64 (z, y, x), the half that is filtered
    axis : 0 to 2, z, y or x: along which the box is split
    z, y : row of the other half
    table : int64 (samples along `axis` + 2 * reach,), see `lifting_family.reach_table`
    odd : 1 if `source` is the half of the odd samples, else 0
    filter_ : float64 (reach, 2, 2), by distance along `axis` and by whether the two other axes are one sample off
    rows : float64 (4, longest row + 2 * reach + 2), room
    total : float64 (columns of the other half,), filled
    """
    if axis == 2:
        _filter_along(source, z, y, table, odd, filter_, rows, total)
    else:
        _filter_rows(source, axis, z, y, table, odd, filter_, rows, total)


@kernel
def lift(source, target, axis, table, odd, filter_, rounding, sign, rows, line):  # type: ignore[no-untyped-def]
    """Add a step to the half `target`, or take it away (`sign` -1).

    Parameters
    ----------
    source, axis, table, odd, filter_, rows : as for `filter_row`
    target : float64 (z, y, x), the other half, changed in place
    rounding : whether what is added is rounded: the transform is reversible
    sign : 1 or -1
    line : float64 (longest row,), room
    """
    total = line[: target.shape[2]]
    for z in range(target.shape[0]):
        for y in range(target.shape[1]):
            filter_row(source, axis, z, y, table, odd, filter_, rows, total)
            row = target[z, y]
            if rounding:
                for x in range(total.size):
                    row[at(x)] += sign * np.floor(total[at(x)] + 0.5)
            else:
                for x in range(total.size):
                    row[at(x)] += sign * total[at(x)]


@kernel
def move_halves(volume, box, axis, interleaved, taking, factors, low, high):  # type: ignore[no-untyped-def]
    """Copy a box of `volume` into its halves, or back: they lie interleaved, or behind each other and then times the factors.

    Parameters
    ----------
    volume, box, axis, factors : as for `split`
    interleaved : whether the halves are even and odd samples
    taking : whether the halves are filled, and not the volume
    low, high : float64 (z, y, x), the halves
    """
    z_0, y_0, x_0 = box[0], box[1], box[2]
    stride = 2 if interleaved else 1
    for half in range(2):
        part = low if half == 0 else high
        shape = part.shape
        first = half if interleaved else half * low.shape[axis]
        factor = 1.0
        if not interleaved:
            factor = 1.0 / factors[half] if taking else factors[half]
        for z in range(shape[0]):
            for y in range(shape[1]):
                zz = z_0 + (first + stride * z if axis == 0 else z)
                yy = y_0 + (first + stride * y if axis == 1 else y)
                row, line = volume[zz, yy], part[z, y]
                start, step = (x_0 + first, stride) if axis == 2 else (x_0, 1)
                if taking and step == 1:
                    for x in range(shape[2]):
                        line[at(x)] = row[at(start + x)] * factor
                elif taking:
                    for x in range(shape[2]):
                        line[at(x)] = row[at(start + 2 * x)]
                elif step == 1:
                    for x in range(shape[2]):
                        row[at(start + x)] = line[at(x)] * factor
                else:
                    for x in range(shape[2]):
                        row[at(start + 2 * x)] = line[at(x)]


@kernel
def split(volume, box, axis, tables, filters, rounding, factors, low, high, rows, line):  # type: ignore[no-untyped-def]
    """Split a box of `volume` along `axis`, in place: low half first.

    Parameters
    ----------
    volume : float64 or int64 (z, y, x), changed in place
    box : int64 (6,), first z, y, x and last of them, exclusive
    axis : 0 to 2
    tables : two of int64, for steps that filter the low half and the high half; see `filter_row`
    filters : float64 (steps, reach, 2, 2)
    rounding : whether the transform is reversible
    factors : float64 (2,), factors of the low and the high half
    low, high : float64 (z, y, x), room for the halves
    rows, line : float64, room; see `lift`
    """
    move_halves(volume, box, axis, True, True, factors, low, high)
    for step in range(filters.shape[0]):
        odd = step & 1
        source, target = (high, low) if odd else (low, high)
        lift(source, target, axis, tables[odd], odd, filters[step], rounding, 1.0, rows, line)
    move_halves(volume, box, axis, False, False, factors, low, high)


@kernel
def merge(volume, box, axis, tables, filters, rounding, factors, low, high, rows, line):  # type: ignore[no-untyped-def]
    """Inverse of `split`.

    Parameters
    ----------
    volume, box, axis, tables, filters, rounding, factors, low, high, rows, line : as for `split`
    """
    move_halves(volume, box, axis, False, True, factors, low, high)
    for step in range(filters.shape[0] - 1, -1, -1):
        odd = step & 1
        source, target = (high, low) if odd else (low, high)
        lift(source, target, axis, tables[odd], odd, filters[step], rounding, -1.0, rows, line)
    move_halves(volume, box, axis, True, False, factors, low, high)
