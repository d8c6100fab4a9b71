"""Expected magnitude of a coefficient: a weighted sum of magnitudes that the decoder has already.

They are its neighbours earlier in the band (14 groups of them), the coefficient's parent in the next coarser scale, and the
same places in
*sisters*: the bands of other orientations of its scale, and the same band of the previous component of a series. Of planes that
are known as a whole, the six face neighbours count too, as one sum. Weights are integers in 1/1024, fitted by the encoder and
sent; `gather` gives sums of magnitudes for fitting them, `known_part` and `row_part` what can be summed ahead of the
coefficients.
"""

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet.band_rows import BESIDE, rows_around
from voxz.jit import allocating_kernel, at, inlined_kernel, kernel

IN_BAND = 14
"""Features inside the band."""

WEIGHT_BITS = 10
UNIT_BITS = 5
"""Expected magnitudes are in 1/32 of half a step."""

MOST_MAGNITUDE = (1 << 20) - 1
"""Magnitudes count as at most this."""

_THIRDS = (32, 40, 51)
BOUNDS = np.array(sorted({(third << octave) >> 5 for octave in range(17) for third in _THIRDS}), np.int64)
"""Where a new bin of expected magnitude begins: thirds of octaves."""

BINS = len(BOUNDS) + 1
_EXACT, _COARSE = 2048, 6
BIN_OF = np.searchsorted(BOUNDS, np.arange(_EXACT), side="right").astype(np.uint8)
COARSE_BIN_OF = np.searchsorted(BOUNDS, np.arange(_EXACT) << _COARSE, side="right").astype(np.uint8)


def planes(known: list[tuple[NDArray[np.int32], tuple[bool, ...]]], shape: tuple[int, ...]) -> NDArray[np.int32]:
    """Features ``(2 * len(known), z, y, x)`` of a band of this `shape` that other bands give: each, and the sum of its faces.

    Each comes as its magnitudes and the axes along which they stand for two.
    """
    found = np.empty((2 * len(known), *shape), np.int32)
    for number, (one, split) in enumerate(known):
        _spread(one, np.array(split, np.int64), found[2 * number])
        _sum_faces(found[2 * number], np.zeros(shape[2], np.int32), found[2 * number + 1])
    return found


@kernel
def _sum_faces(plane, nothing, sums):  # type: ignore[no-untyped-def]
    """Fill the sums of the six neighbours that share a face; those outside are 0.

    Parameters
    ----------
    plane : int32 (z, y, x)
    nothing : int32 (x,), zeros
    sums : int32 (z, y, x), filled
    """
    depth, height, width = plane.shape
    for z in range(depth):
        for y in range(height):
            before = plane[z - 1, y] if z > 0 else nothing
            after = plane[z + 1, y] if z + 1 < depth else nothing
            up = plane[z, y - 1] if y > 0 else nothing
            down = plane[z, y + 1] if y + 1 < height else nothing
            row, line = plane[z, y], sums[z, y]
            for x in range(width):
                line[at(x)] = before[at(x)] + after[at(x)] + up[at(x)] + down[at(x)]
            for x in range(1, width):
                line[at(x)] += row[at(x - 1)]
            for x in range(width - 1):
                line[at(x)] += row[at(x + 1)]


def at_shape(plane: NDArray[np.int32], shape: tuple[int, ...]) -> NDArray[np.int32]:
    """Magnitudes of another band of the scale at the places of one of `shape`."""
    found = np.empty(shape, plane.dtype)
    _spread(plane, np.zeros(3, np.int64), found)
    return found


@kernel
def _spread(plane, split, found):  # type: ignore[no-untyped-def]
    """Fill values of another band at the places of one.

    Parameters
    ----------
    plane : (z, y, x), of the other band
    split : int64 (3,), 1 for axes along which each value stands for two
    found : (z, y, x), filled; beyond the end the last one counts
    """
    depth, height, width = plane.shape
    for z in range(found.shape[0]):
        for y in range(found.shape[1]):
            row = plane[min(z >> split[0], depth - 1), min(y >> split[1], height - 1)]
            line = found[z, y]
            if split[2]:
                for x in range(line.size):
                    line[at(x)] = row[at(min(x >> 1, width - 1))]
            else:
                for x in range(line.size):
                    line[at(x)] = row[at(min(x, width - 1))]


@inlined_kernel
def bin_of(expected):  # type: ignore[no-untyped-def]
    """Bin of an expected magnitude."""
    if expected < _EXACT:
        return np.int64(BIN_OF[at(expected)])
    return np.int64(COARSE_BIN_OF[at(min(expected >> _COARSE, _EXACT - 1))])


@kernel
def near_features(magnitudes, around, x, features):  # type: ignore[no-untyped-def]
    """Fill the sums of magnitudes around a coefficient. The first two are known last.

    Parameters
    ----------
    magnitudes : int32, rows of the band with margins, see `band_rows`
    around : `band_rows.Around`
    x : place in the row, with margins
    features : int64 (IN_BAND,), filled
    """
    row, up, top, same = magnitudes[around.row], magnitudes[around.up], magnitudes[around.top], magnitudes[around.back]
    above, below = magnitudes[around.above], magnitudes[around.below]
    features[0] = row[x - 1]
    features[1] = row[x - 2]
    features[2] = up[x - 1]
    features[3] = up[x]
    features[4] = up[x + 1]
    features[5] = top[x]
    features[6] = np.int64(top[x - 1]) + top[x + 1]
    features[7] = np.int64(up[x - 2]) + up[x + 2]
    features[8] = same[x]
    features[9] = np.int64(same[x - 1]) + same[x + 1]
    features[10] = np.int64(above[x]) + below[x]
    features[11] = np.int64(above[x - 1]) + above[x + 1] + (np.int64(below[x - 1]) + below[x + 1])
    features[12] = magnitudes[around.far, x]
    features[13] = np.int64(same[x - 2]) + same[x + 2]


@allocating_kernel
def gather(magnitudes, known, step, samples):  # type: ignore[no-untyped-def]
    """Fill rows of `samples`: features, the constant 1 and the magnitude of every `step`-th coefficient; return how many.

    Parameters
    ----------
    magnitudes : int32, rows of the band with margins, see `band_rows`
    known : int32 (features, z, y, x), planes known as a whole
    step : 1 or more
    samples : float64 (rows, IN_BAND + features + 2 or more), filled
    """
    depth, height, width = known.shape[1], known.shape[2], known.shape[3]
    near = np.zeros(IN_BAND, np.int64)
    last = IN_BAND + known.shape[0]
    count, left = np.int64(0), np.int64(step)
    for z in range(depth):
        for y in range(height):
            around = rows_around(z, y, height, magnitudes.shape[0] - 1)
            for x in range(width):
                left -= 1
                if left or count >= samples.shape[0]:
                    continue
                left = np.int64(step)
                near_features(magnitudes, around, x + BESIDE, near)
                line = samples[count]
                for k in range(IN_BAND):
                    line[k] = near[k]
                for k in range(known.shape[0]):
                    line[IN_BAND + k] = known[k, z, y, x]
                line[last] = 1.0
                line[last + 1] = magnitudes[around.row, x + BESIDE]
                count += 1
    return count


@kernel
def known_part(known, weights, sums):  # type: ignore[no-untyped-def]
    """Sum over planes known as a whole, and the constant.

    Parameters
    ----------
    known : int32 (features, z, y, x)
    weights : int64 (IN_BAND + features + 1,), in ``2**-WEIGHT_BITS``
    sums : int64 (z, y, x), filled, in ``2**-(WEIGHT_BITS + UNIT_BITS)`` of half a step
    """
    constant = np.int64(weights[IN_BAND + known.shape[0]]) << UNIT_BITS
    for z in range(sums.shape[0]):
        for y in range(sums.shape[1]):
            line = sums[z, y]
            for x in range(line.size):
                line[at(x)] = constant
            for k in range(known.shape[0]):
                weight = short(np.int64(weights[IN_BAND + k]) << UNIT_BITS)
                plane = known[k, z, y]
                for x in range(line.size):
                    line[at(x)] += weight * plane[at(x)]


@inlined_kernel
def short(number):  # type: ignore[no-untyped-def]
    """A number that has 32 bits: compiled code multiplies two of these in vectors, others not."""
    return np.int64(np.int32(number))


@kernel
def row_part(magnitudes, around, weights, line):  # type: ignore[no-untyped-def]
    """Sum over finished rows of the band.

    Parameters
    ----------
    magnitudes : int32, rows of the band with margins, in half steps
    around : `band_rows.Around`
    weights : int64 (IN_BAND or more,), in ``2**-WEIGHT_BITS``
    line : int64 (x,), filled, in the unit of `known_part`
    """
    row_2, row_1 = magnitudes[around.top], magnitudes[around.up]
    same, above, below = magnitudes[around.back], magnitudes[around.above], magnitudes[around.below]
    behind = magnitudes[around.far]
    w2, w3, w4, w5 = short(weights[2]), short(weights[3]), short(weights[4]), short(weights[5])
    w6, w7, w8, w9 = short(weights[6]), short(weights[7]), short(weights[8]), short(weights[9])
    w10, w11, w12, w13 = short(weights[10]), short(weights[11]), short(weights[12]), short(weights[13])
    for x in range(line.size):
        i = x + BESIDE
        total = w2 * row_1[at(i - 1)] + w3 * row_1[at(i)] + w4 * row_1[at(i + 1)] + w5 * row_2[at(i)]
        total += w6 * short(row_2[at(i - 1)] + row_2[at(i + 1)]) + w7 * short(row_1[at(i - 2)] + row_1[at(i + 2)])
        total += w8 * same[at(i)] + w9 * short(same[at(i - 1)] + same[at(i + 1)]) + w10 * short(above[at(i)] + below[at(i)])
        total += w11 * short(above[at(i - 1)] + above[at(i + 1)] + below[at(i - 1)] + below[at(i + 1)])
        total += w12 * behind[at(i)] + w13 * short(same[at(i - 2)] + same[at(i + 2)])
        line[at(x)] = np.int64(total) << UNIT_BITS


@allocating_kernel
def bins_of_band(magnitudes, sums, weights, bins):  # type: ignore[no-untyped-def]
    """Fill the bins of the expected magnitudes of a whole band that is known (the encoder's view).

    Parameters
    ----------
    magnitudes : int32, rows of the band with margins, in half steps
    sums : int64 (z, y, x), from `known_part`
    weights : int64 (IN_BAND or more,), in ``2**-WEIGHT_BITS``
    bins : uint8 (z * y * x,), filled
    """
    height, width = sums.shape[1], sums.shape[2]
    line = np.zeros(width, np.int64)
    west, west_2 = np.int64(weights[0]) << UNIT_BITS, np.int64(weights[1]) << UNIT_BITS
    count = 0
    for z in range(sums.shape[0]):
        for y in range(height):
            around = rows_around(z, y, height, magnitudes.shape[0] - 1)
            row_part(magnitudes, around, weights, line)
            row = magnitudes[around.row]
            for x in range(width):
                total = line[at(x)] + sums[z, y, x] + west * row[at(x + 1)] + west_2 * row[at(x)]
                bins[at(count)] = bin_of(max(total >> WEIGHT_BITS, 0))
                count += 1
