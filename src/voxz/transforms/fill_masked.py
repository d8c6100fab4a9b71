"""Smooth values for voxels that need not be coded, so that the edge of a mask costs nothing.

Push and pull (Gortler et al., The Lumigraph, 1996, section 3.4): means of what is known are taken over ever larger cubes, and
what is unknown gets the mean of the smallest cube around it that knows any; a few rounds of averaging over neighbours then
smooth the steps between cubes.
"""

import numpy as np
from numpy.typing import NDArray

from voxz.jit import apart_kernel, at, kernel

ROUNDS = 8


@apart_kernel
def _push_row(values, unknown, sums, known):  # type: ignore[no-untyped-def]
    """Add the known voxels of a row to the sums of pairs of columns, and their numbers.

    Parameters
    ----------
    values : float32 or float64 (x,)
    unknown : bool (x,)
    sums, known : float64, half as long, rounded up, added to
    """
    for i in range(values.size // 2):
        first, second = at(2 * i), at(2 * i + 1)
        one, other = np.float64(values[first]), np.float64(values[second])
        sums[at(i)] += 0.0 if unknown[first] else one
        sums[at(i)] += 0.0 if unknown[second] else other
        known[at(i)] += np.float64(2 - np.int64(unknown[first]) - np.int64(unknown[second]))
    last = values.size - 1
    if not last & 1 and not unknown[last]:
        sums[last // 2] += values[last]
        known[last // 2] += 1.0


@apart_kernel
def _push_sums(sums, known, coarse, coarse_known):  # type: ignore[no-untyped-def]
    """Add sums over cubes, and the numbers of known voxels, to those of pairs of columns.

    Parameters
    ----------
    sums, known : float64 (x,), 0 where nothing is known
    coarse, coarse_known : float64, half as long, rounded up, added to
    """
    for i in range(sums.size):
        coarse[at(i >> 1)] += sums[at(i)]
        coarse_known[at(i >> 1)] += known[at(i)]


@kernel
def _push(volume, unknown, sums, known):  # type: ignore[no-untyped-def]
    """Sum up known voxels over cubes of two voxels a side.

    Parameters
    ----------
    volume : float32 or float64 (z, y, x)
    unknown : bool (z, y, x)
    sums, known : float64, half as long, rounded up, zeros at first; sums and how many voxels are behind each
    """
    for z in range(volume.shape[0]):
        for y in range(volume.shape[1]):
            _push_row(volume[z, y], unknown[z, y], sums[z >> 1, y >> 1], known[z >> 1, y >> 1])


@kernel
def _push_on(sums, known, coarse, coarse_known):  # type: ignore[no-untyped-def]
    """Sum up cubes over cubes of two a side.

    Parameters
    ----------
    sums, known : float64 (z, y, x), as of `_push`
    coarse, coarse_known : likewise, half as long, rounded up, zeros at first
    """
    for z in range(sums.shape[0]):
        for y in range(sums.shape[1]):
            _push_sums(sums[z, y], known[z, y], coarse[z >> 1, y >> 1], coarse_known[z >> 1, y >> 1])


@kernel
def _pull_on(sums, known, coarse):  # type: ignore[no-untyped-def]
    """Turn sums into means, and take those of the `coarse` cubes where nothing is known.

    Parameters
    ----------
    sums, known : float64 (z, y, x), as of `_push`; sums are changed
    coarse : float64, half as long, rounded up: means over cubes
    """
    for z in range(sums.shape[0]):
        for y in range(sums.shape[1]):
            line, numbers, means = sums[z, y], known[z, y], coarse[z >> 1, y >> 1]
            for x in range(line.size):
                if numbers[at(x)] > 0.0:
                    line[at(x)] /= numbers[at(x)]
                else:
                    line[at(x)] = means[at(x >> 1)]


@apart_kernel
def _pull_row(line, mask, means):  # type: ignore[no-untyped-def]
    """Give unknown voxels of a row the means of the cubes around them; arguments are rows of those of `_pull`."""
    for i in range(line.size // 2):
        mean, first, second = means[at(i)], at(2 * i), at(2 * i + 1)
        line[first] = mean if mask[first] else line[first]
        line[second] = mean if mask[second] else line[second]
    last = line.size - 1
    if not last & 1 and mask[last]:
        line[last] = means[last // 2]


@kernel
def _pull(volume, unknown, means):  # type: ignore[no-untyped-def]
    """Give unknown voxels the means of the cubes around them.

    Parameters
    ----------
    volume : float32 or float64 (z, y, x), changed
    unknown : bool (z, y, x)
    means : float64, half as long, rounded up
    """
    for z in range(volume.shape[0]):
        for y in range(volume.shape[1]):
            if _any(unknown[z, y]):
                _pull_row(volume[z, y], unknown[z, y], means[z >> 1, y >> 1])


@apart_kernel
def _any(mask):  # type: ignore[no-untyped-def]
    """Whether anything is set, bool (x,)."""
    found = np.uint8(0)
    for i in range(mask.size):
        found = np.uint8(found | np.uint8(mask[at(i)]))
    return found > 0


@apart_kernel
def _add_around(before, after, up, down, line, sums):  # type: ignore[no-untyped-def]
    """Fill the sums of the neighbours of a row, but for those before in it.

    Parameters
    ----------
    before, after, up, down : float32 or float64 (x,), rows beside it; at an end, itself
    line : the row
    sums : of its type (x,), filled
    """
    last = line.size - 1
    for x in range(last):
        sums[at(x)] = (before[at(x)] + after[at(x)]) + (up[at(x)] + down[at(x)]) + line[at(x + 1)]
    sums[last] = (before[last] + after[last]) + (up[last] + down[last]) + line[last]


@apart_kernel
def _smooth_row(line, mask, sums, sixth):  # type: ignore[no-untyped-def]
    """Average the unknown voxels of a row.

    Parameters
    ----------
    line, mask, sixth : rows of `volume` and `unknown` of `_smooth`, and its factor
    sums : as of `_add_around`
    """
    before = line[0]
    for x in range(line.size):
        if mask[at(x)]:
            before = (sums[at(x)] + before) * sixth  # what was changed last comes last: it is waited for
            line[at(x)] = before
        else:
            before = line[at(x)]


@kernel
def _smooth(volume, unknown, sums, sixth):  # type: ignore[no-untyped-def]
    """One round of averaging over the face neighbours, in place.

    Parameters
    ----------
    volume : float32 or float64 (z, y, x), changed
    unknown : bool (z, y, x), which are averaged
    sums : of the type of `volume` (x,), room
    sixth : 1/6, of that type
    """
    depth, height = volume.shape[0], volume.shape[1]
    for z in range(depth):
        before, after = volume[max(z - 1, 0)], volume[min(z + 1, depth - 1)]
        for y in range(height):
            if _any(unknown[z, y]):
                up, down = volume[z, max(y - 1, 0)], volume[z, min(y + 1, height - 1)]
                _add_around(before[y], after[y], up, down, volume[z, y], sums)
                _smooth_row(volume[z, y], unknown[z, y], sums, sixth)


def fill(volume: NDArray[np.floating], unknown: NDArray[np.bool_], rounds: int = ROUNDS, coarse_rounds: int = 0) -> None:
    """Replace the `unknown` voxels of `volume` ``(z, y, x)``, in place; zeros if all are unknown.

    They are averaged in so many `rounds`, cubes that know nothing in `coarse_rounds`.
    """
    if not unknown.any():
        return
    sums, known = _halves(volume.shape)
    _push(volume, unknown, sums, known)
    _fill_cubes(sums, known, coarse_rounds)
    _pull(volume, unknown, sums)
    _rounds(volume, unknown, rounds)


def _rounds(values: NDArray[np.floating], unknown: NDArray[np.bool_], rounds: int) -> None:
    """Average what is unknown in so many rounds."""
    sums = np.empty(values.shape[2], values.dtype)
    for _ in range(rounds):
        _smooth(values, unknown, sums, values.dtype.type(1 / 6))


def _fill_cubes(sums: NDArray[np.float64], known: NDArray[np.float64], rounds: int) -> None:
    """Turn sums over cubes into means, filled where none are known."""
    coarse, coarse_known = _halves(sums.shape)
    unknown = known == 0
    if unknown.any() and max(sums.shape) > 1:
        _push_on(sums, known, coarse, coarse_known)
        _fill_cubes(coarse, coarse_known, rounds)
    _pull_on(sums, known, coarse)
    if rounds and unknown.any():
        _rounds(sums, unknown, rounds)


def _halves(shape: tuple[int, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Zeros for the sums, and the numbers of known voxels, of cubes of two a side."""
    half = tuple(-(-n // 2) for n in shape)
    return np.zeros(half), np.zeros(half)
