"""Networks that lifting steps may have beside their filters: what a step adds, or also scales, depends on the image.

Their input is what a filter whose numbers sum up to 0 gives, in quantiser steps: nothing on constants, whatever their value. What
they give for that input is nothing, too. By name:

- ``relu``: 16 such filters of the step's reach, two layers of 16 units with ReLU, one output; a function of 4 x 3 x 3 samples.
- ``additive``: the step's own filter without its mean, then four convolutions 3 x 3 x 3 with 1-16-16-16-1 channels, tanh after
  the first and the second, and the first added to the third (Xue et al., arXiv 2203.05822, but for input and biases).
- ``affine``: the same with a second head. It scales what is high after a predicting step by a gate from 0.5 to 1.5, made from
  the squares of the channels.

Sets of networks are shared between kinds of splits as filters are, for all scales alike.
"""

import numpy as np
from numpy.typing import NDArray

from voxz.transforms import network_kernels as kernels
from voxz.transforms.lifting_family import Family

HALO = 4
"""Voxels around it that a convolved one depends on."""

TILE = (8, 32, 256)
"""Voxels that are convolved at once."""

Arrays = dict[str, NDArray[np.float64]]


def moved(
    family: Family,
    arrays: Arrays,
    number: int,
    step: int,
    filter_: NDArray[np.float64],
    source: NDArray[np.float64],
    shape: tuple[int, ...],
    axis: int,
    table: NDArray[np.int64],
    unit: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """What a step adds to the other half, of this `shape`, and what it then scales it by, if it does.

    `number` is the set of networks, `step` the lifting step; even ones change what is high.
    """
    odd = step & 1
    total = np.empty(shape)
    kernels.filtered(source, axis, table, odd, filter_, 1.0, total)
    if family.network == "relu":
        own = [arrays[name][number, step] for name in ("bias", "second", "bias_2", "last")]
        first = np.stack([without_mean(one) for one in arrays["first"][number, step]])
        kernels.add_units(source, axis, table, odd, first, own[0], own[1], own[2], own[3], unit, total)
        return total, None
    detail, gate = np.empty(shape), None
    kernels.filtered(source, axis, table, odd, without_mean(filter_), 1.0 / unit, detail)
    names = ["first", "second", "third", "last", "last"]
    if family.network == "affine" and not odd:
        gate, names[4] = np.ones(shape), "gate"
    weights = [np.ascontiguousarray(arrays[name][number, step]) for name in names]
    for start in np.ndindex(*(-(-n // t) for n, t in zip(shape, TILE, strict=True))):
        first = np.array([k * t for k, t in zip(start, TILE, strict=True)])
        last = np.minimum(first + TILE, shape)
        tile = kernels.tile_of(detail, first - HALO, last + HALO)
        one = kernels.convolved(tile[None], weights[0], 1)
        two = kernels.convolved(one, weights[1], 1)
        three = kernels.convolved(two, weights[2], 0)
        kernels.add_inner(three, one)
        kernels.add_tile(total, first, kernels.convolved(three, weights[3], 0)[0], unit)
        if gate is not None:
            kernels.square(three)
            kernels.add_tile(gate, first, kernels.convolved(three, weights[4], 1)[0], 0.5)
    return total, gate


def without_mean(filter_: NDArray[np.float64]) -> NDArray[np.float64]:
    """The filter less the mean of its taps: it gives nothing on constants."""
    reach = filter_.shape[0]
    total = 0.0
    for away in range(reach):
        part = filter_[away]
        total += 2.0 * (float(part[0, 0]) + 2.0 * float(part[0, 1]) + 2.0 * float(part[1, 0]) + 4.0 * float(part[1, 1]))
    centred: NDArray[np.float64] = filter_ - total / (18.0 * reach)
    return centred
