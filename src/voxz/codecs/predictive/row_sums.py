"""What finished rows tell of the next one: its voxels' classes, and the parts of their predictions and expected errors.

Each step is a kernel of its own: compiled code keeps what it needs in registers only while a loop is small. Sums have 32 bits in
bricks where none can leave them, whatever the samples, and 64 elsewhere: the same source is compiled for both.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.predictive.neighbourhood import WEST
from voxz.jit import apart_kernel, at, inlined_kernel, kernel

HIGHEST_OF_SHORT = 1 << 20
"""Largest dense value with which expected errors are sure to stay in 32 bits: 2**20 for each error in 1/1024, and activities."""

VECTOR = 16
"""Voxels that compiled code works on at once; rows of sums have as much room behind their end."""


class Predictors(NamedTuple):
    """The linear predictors of a brick: one for each volume, tile and class.

    Attributes
    ----------
    tiles : int64 (2,), down and across
    precision : fraction bits of the coefficients, 6 to 16
    references : int64 (series, 2), numbers of the volumes that predict each volume
    thresholds : int64 (modes, classes - 1), activities at which the class changes
    coefficients : int32 (units * classes * stride,): four neighbours to the west, then the taps of the support
    stride : coefficients of a predictor
    offsets : int64 (series, modes, taps), indices from a voxel to its neighbours
    groups : int64 (modes,), groups of eight taps
    """

    tiles: NDArray[np.int64]
    precision: int
    references: NDArray[np.int64]
    thresholds: NDArray[np.int64]
    coefficients: NDArray[np.int32]
    stride: int
    offsets: NDArray[np.int64]
    groups: NDArray[np.int64]


class Expectation(NamedTuple):
    """How the error of a voxel is expected from its surroundings.

    Attributes
    ----------
    weights : int64 (modes, WEST + taps), in 1/1024: of the activity, the error to the west, the one beyond, nothing, the taps
    offsets : int64 (series, modes, taps), indices from a voxel to its neighbours
    groups : int64 (modes,), groups of eight taps
    """

    weights: NDArray[np.int64]
    offsets: NDArray[np.int64]
    groups: NDArray[np.int64]


class RowSums(NamedTuple):
    """What finished rows tell of a row.

    Attributes
    ----------
    classes : (width + VECTOR,), class of each voxel
    chosen : (width + VECTOR,), prediction by the predictor of that class, without the four neighbours to the west
    first_of : int64 (width + VECTOR,), place of that predictor in the coefficients
    expected : (width + VECTOR,), expected error in 1/16384 of a dense value, without the errors to the west
    """

    classes: NDArray[np.signedinteger]
    chosen: NDArray[np.signedinteger]
    first_of: NDArray[np.int64]
    expected: NDArray[np.signedinteger]


def fresh_sums(predictors: Predictors, highest: int, width: int) -> RowSums:
    """`RowSums` of zeros for rows of `width` voxels with dense values up to `highest`, in integers that hold all sums."""
    room, kind = width + VECTOR, np.int32 if _are_short(predictors, highest) else np.int64
    return RowSums(np.zeros(room, kind), np.zeros(room, kind), np.zeros(room, np.int64), np.zeros(room, kind))


def _are_short(predictors: Predictors, highest: int) -> bool:
    """Whether no sum in a brick can leave 32 bits."""
    weights = np.abs(predictors.coefficients.reshape(-1, predictors.stride)[:, WEST:]).sum(axis=1, dtype=np.int64)
    largest = int(weights.max(initial=0)) * highest + (1 << predictors.precision)
    return largest < 1 << 31 and highest <= HIGHEST_OF_SHORT


@inlined_kernel
def activity(padded, i, row, beside, kind):  # type: ignore[no-untyped-def]
    """Roughness around voxel `i`, from rows above it and the co-located rows at offset `beside`.

    Parameters
    ----------
    padded : int32 (padded,), dense values
    i : index of the voxel
    row, beside : as in `frame.Slice`
    kind : type of integers that holds it
    """
    j = i + beside
    n = np.int64(padded[at(i - row)])
    nw = np.int64(padded[at(i - row - 1)])
    ne = np.int64(padded[at(i - row + 1)])
    nn = np.int64(padded[at(i - 2 * row)])
    c = np.int64(padded[at(j)])
    cn = np.int64(padded[at(j - row)])
    cnw = np.int64(padded[at(j - row - 1)])
    cne = np.int64(padded[at(j - row + 1)])
    texture = abs(kind(n - nw)) + abs(kind(n - ne)) + abs(kind(n - nn))
    rise = kind(n - cn)
    change = abs(kind(rise - kind(nw - cnw))) + abs(kind(rise - kind(ne - cne)))
    beyond = abs(kind(c - np.int64(padded[at(j - 1)]))) + abs(kind(c - np.int64(padded[at(j + 1)])))
    return kind(2 * (texture + change) + beyond + abs(kind(c - np.int64(padded[at(j + row)]))) + abs(kind(c - cn)))


@kernel
def class_of(value, thresholds, mode):  # type: ignore[no-untyped-def]
    """Class of an activity: how many of the mode's thresholds it reaches."""
    found = 0
    for t in range(thresholds.shape[1]):
        if value >= thresholds[mode, t]:
            found += 1
    return found


@apart_kernel
def add_products(values, start, offsets, groups, coefficients, first, x0, x1, sums):  # type: ignore[no-untyped-def]
    """Add the products of `groups` groups of eight neighbours and coefficients to ``sums[x0:x1]``.

    Parameters
    ----------
    values : integers, padded: samples or errors
    start : index of the row's first voxel
    offsets : int64 (8 * groups or more,), indices from a voxel to its neighbours
    groups : of eight neighbours
    coefficients : integers, flat
    first : place of the first of them
    x0, x1 : first voxel in the row, and the one behind the last
    sums : integers (x1 or more,), added to
    """
    for group in range(groups):
        k = 8 * group
        f = first + k
        o0, o1 = start + offsets[at(k)], start + offsets[at(k + 1)]
        o2, o3 = start + offsets[at(k + 2)], start + offsets[at(k + 3)]
        o4, o5 = start + offsets[at(k + 4)], start + offsets[at(k + 5)]
        o6, o7 = start + offsets[at(k + 6)], start + offsets[at(k + 7)]
        c0, c1 = np.int64(coefficients[at(f)]), np.int64(coefficients[at(f + 1)])
        c2, c3 = np.int64(coefficients[at(f + 2)]), np.int64(coefficients[at(f + 3)])
        c4, c5 = np.int64(coefficients[at(f + 4)]), np.int64(coefficients[at(f + 5)])
        c6, c7 = np.int64(coefficients[at(f + 6)]), np.int64(coefficients[at(f + 7)])
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


@apart_kernel
def add_chosen_products(  # type: ignore[no-untyped-def]
    values, start, offsets, groups, coefficients, first, stride, classes, number, x0, x1, sums
):
    """Add the products of neighbours and coefficients to ``sums[x0:x1]``, where each voxel has the coefficients of its class.

    All classes are looked at for each voxel and one is taken: choices without branches fill whole vectors.

    Parameters
    ----------
    values, start, offsets, groups, coefficients, x0, x1, sums : as for `add_products`
    first : place of the first coefficient of class 0
    stride : from there to that of the next class
    classes : integers (x1 or more,), class of each voxel
    number : of classes, 1 to 4
    """
    first_1 = first + min(1, number - 1) * stride
    first_2 = first + min(2, number - 1) * stride
    first_3 = first + min(3, number - 1) * stride
    for four in range(2 * groups):
        k = 4 * four
        o0, o1 = start + offsets[at(k)], start + offsets[at(k + 1)]
        o2, o3 = start + offsets[at(k + 2)], start + offsets[at(k + 3)]
        f0, f1, f2, f3 = first + k, first_1 + k, first_2 + k, first_3 + k
        a0, a1 = coefficients[at(f0)], coefficients[at(f0 + 1)]
        a2, a3 = coefficients[at(f0 + 2)], coefficients[at(f0 + 3)]
        b0, b1 = coefficients[at(f1)], coefficients[at(f1 + 1)]
        b2, b3 = coefficients[at(f1 + 2)], coefficients[at(f1 + 3)]
        c0, c1 = coefficients[at(f2)], coefficients[at(f2 + 1)]
        c2, c3 = coefficients[at(f2 + 2)], coefficients[at(f2 + 3)]
        d0, d1 = coefficients[at(f3)], coefficients[at(f3 + 1)]
        d2, d3 = coefficients[at(f3 + 2)], coefficients[at(f3 + 3)]
        for x in range(x0, x1):
            of = classes[at(x)]
            w0 = a0 if of == 0 else b0 if of == 1 else c0 if of == 2 else d0
            w1 = a1 if of == 0 else b1 if of == 1 else c1 if of == 2 else d1
            w2 = a2 if of == 0 else b2 if of == 1 else c2 if of == 2 else d2
            w3 = a3 if of == 0 else b3 if of == 1 else c3 if of == 2 else d3
            sums[at(x)] += (
                np.int64(w0) * np.int64(values[at(o0 + x)])
                + np.int64(w1) * np.int64(values[at(o1 + x)])
                + np.int64(w2) * np.int64(values[at(o2 + x)])
                + np.int64(w3) * np.int64(values[at(o3 + x)])
            )


@apart_kernel
def add_products_of_two(  # type: ignore[no-untyped-def]
    values, start, offsets, groups, coefficients, first, second, classes, lower, x0, x1, sums
):
    """The same where every voxel has one of two classes, as in small volumes.

    Parameters
    ----------
    values, start, offsets, groups, coefficients, classes, x0, x1, sums : as for `add_chosen_products`
    first, second : places of the first coefficients of the two classes
    lower : the class whose coefficients are at `first`
    """
    for four in range(2 * groups):
        k = 4 * four
        o0, o1 = start + offsets[at(k)], start + offsets[at(k + 1)]
        o2, o3 = start + offsets[at(k + 2)], start + offsets[at(k + 3)]
        f0, f1 = first + k, second + k
        a0, a1 = coefficients[at(f0)], coefficients[at(f0 + 1)]
        a2, a3 = coefficients[at(f0 + 2)], coefficients[at(f0 + 3)]
        b0, b1 = coefficients[at(f1)], coefficients[at(f1 + 1)]
        b2, b3 = coefficients[at(f1 + 2)], coefficients[at(f1 + 3)]
        for x in range(x0, x1):
            is_lower = classes[at(x)] == lower
            w0, w1 = a0 if is_lower else b0, a1 if is_lower else b1
            w2, w3 = a2 if is_lower else b2, a3 if is_lower else b3
            sums[at(x)] += (
                np.int64(w0) * np.int64(values[at(o0 + x)])
                + np.int64(w1) * np.int64(values[at(o1 + x)])
                + np.int64(w2) * np.int64(values[at(o2 + x)])
                + np.int64(w3) * np.int64(values[at(o3 + x)])
            )


@apart_kernel
def classify(samples, start, row, beside, thresholds, mode, x0, x1, classes, rough):  # type: ignore[no-untyped-def]
    """Fill activity and class of some voxels of a row.

    Parameters
    ----------
    samples : int32 (padded,), dense values
    start : index of the row's first voxel
    row, beside, mode : as in `frame.Slice`
    thresholds : as in `Predictors`
    x0, x1 : first voxel in the row, and the one behind the last
    classes, rough : integers (x1 or more,), filled
    """
    kind = rough.dtype.type
    for x in range(x0, x1):
        rough[at(x)] = activity(samples, start + x, row, beside, kind)
        classes[at(x)] = 0
    for t in range(thresholds.shape[1]):
        threshold = kind(thresholds[at(mode), at(t)])
        for x in range(x0, x1):
            classes[at(x)] += kind(rough[at(x)] >= threshold)


@apart_kernel
def begin(classes, first, stride, half, weight, x0, x1, first_of, chosen, expected):  # type: ignore[no-untyped-def]
    """Fill what sums begin with.

    Parameters
    ----------
    classes : integers (x1 or more,)
    first : place in the coefficients of the predictor of class 0
    stride : coefficients of a predictor
    half : of the last place that predictions are rounded to
    weight : of the activity in the expected error
    x0, x1 : first voxel in the row, and the one behind the last
    first_of, chosen : as in `RowSums`, filled
    expected : holds the activity, changed
    """
    for x in range(x0, x1):
        first_of[at(x)] = first + classes[at(x)] * stride
        chosen[at(x)] = half
        expected[at(x)] *= weight


@inlined_kernel
def prepare_row(brick, place, start, x0, x1, first, predictors, expectation, sums):  # type: ignore[no-untyped-def]
    """What finished rows tell of some voxels of a row.

    Sums are computed a little beyond `x1`, for whole vectors. Predictions are left out
    where all voxels from an end of the range on are absent.

    Parameters
    ----------
    brick : `frame.Brick`
    place : `frame.Slice`
    start : index of the row's first voxel
    x0, x1 : first voxel in the row, and the one behind the last
    first : place in the coefficients of the tile's first predictor
    predictors : `Predictors`
    expectation : `Expectation`
    sums : `RowSums`, filled
    """
    samples, row, mode, beside = brick.samples, place.row, place.mode, place.beside
    thresholds, coefficients, stride = predictors.thresholds, predictors.coefficients, predictors.stride
    offsets, groups = predictors.offsets[place.series, mode], predictors.groups[mode]
    weights = expectation.weights[mode]
    error_offsets, error_groups = expectation.offsets[place.series, mode], expectation.groups[mode]
    classes, chosen, first_of, expected = sums.classes, sums.chosen, sums.first_of, sums.expected
    half = np.int64(1) << (predictors.precision - 1)
    end = x0 + ((x1 - x0 + VECTOR - 1) // VECTOR) * VECTOR
    classify(samples, start, row, beside, thresholds, mode, x0, end, classes, expected)
    begin(classes, first, stride, half, weights[0], x0, end, first_of, chosen, expected)
    add_products(brick.errors, start, error_offsets, error_groups, weights, WEST, x0, end, expected)
    if brick.absent.size > 0:
        while x0 < x1 and brick.absent[at(start + x0)]:
            x0 += 1
        while x1 > x0 and brick.absent[at(start + x1 - 1)]:
            x1 -= 1
        end = x0 + ((x1 - x0 + VECTOR - 1) // VECTOR) * VECTOR
    number, own = thresholds.shape[1] + 1, first + WEST
    lowest = class_of(0, thresholds, mode)  # of all voxels: no activity is less
    last = own + (number - 1) * stride
    if lowest == number - 1:
        add_products(samples, start, offsets, groups, coefficients, last, x0, end, chosen)
    elif lowest == number - 2:
        add_products_of_two(samples, start, offsets, groups, coefficients, last - stride, last, classes, lowest, x0, end, chosen)
    else:
        add_chosen_products(samples, start, offsets, groups, coefficients, own, stride, classes, number, x0, end, chosen)


@inlined_kernel
def prepare_tiles(brick, place, y, start, predictors, expectation, sums):  # type: ignore[no-untyped-def]
    """`prepare_row` for each tile that a row passes; the first slice of a volume is one tile.

    Parameters
    ----------
    brick, place, start, predictors, expectation, sums : as for `prepare_row`
    y : number of the row
    """
    down, across = predictors.tiles[0], predictors.tiles[1]
    height, width = brick.sizes[2], brick.sizes[3]
    unit = place.series * (down * across + 1)
    tiles = np.int64(1)
    if place.z > 0:
        unit += 1 + y * down // height * across
        tiles = across
    for tile in range(tiles):
        x0 = (tile * width + tiles - 1) // tiles
        x1 = ((tile + 1) * width + tiles - 1) // tiles
        first = (unit + tile) * (predictors.thresholds.shape[1] + 1) * predictors.stride
        prepare_row(brick, place, start, x0, x1, first, predictors, expectation, sums)
