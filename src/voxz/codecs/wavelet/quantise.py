"""From the coefficients of a band to indices, and from indices to what a decoder rebuilds of them.

The encoder quantises in rounds: each has expected magnitudes, and what an index costs, from the one before. Means of what became
index 1, and more, are sent as *shifts*: how much nearer to zero than its magnitude an index is rebuilt.
"""

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet import magnitude_context as expectation
from voxz.codecs.wavelet.band_rows import inside, with_margins
from voxz.codecs.wavelet.context_fit import fit_weights
from voxz.codecs.wavelet.levels import Effort
from voxz.codecs.wavelet.magnitude_context import bins_of_band, known_part
from voxz.codecs.wavelet.rate_tables import ASSUMED, measured_bits
from voxz.codecs.wavelet.refinement import UNITS
from voxz.codecs.wavelet.trellis import Trellis, follow, magnitude_of, quantise
from voxz.jit import at, kernel
from voxz.transforms.pyramid import Band

FEWEST_FOR_WEIGHTS = 1500
FEWEST_FOR_SHIFT = 50
"""Non-zero indices from which a band has weights, and an index a shift, of its own."""

ROUNDING = 0.3
"""Magnitudes are first guessed by rounding that much up, in half steps."""


def sums_of(planes: NDArray[np.int32], weights: NDArray[np.int64], band: Band) -> NDArray[np.int64]:
    """Part of the expectation of a band that is known ahead."""
    sums = np.zeros(band.shape, np.int64)
    known_part(planes, weights, sums)
    return sums


def quantised(
    values: NDArray[np.float64], band: Band, planes: NDArray[np.int32], weights: NDArray[np.int64], effort: Effort, path: Trellis
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]:
    """Magnitudes with margins, indices and shifts of a band; `values` are in half steps, `weights` those before any fit."""
    magnitudes = with_margins(band.shape)
    inside(magnitudes, band.shape)[...] = (
        np.minimum(np.abs(values) + ROUNDING, expectation.MOST_MAGNITUDE).astype(np.int32).reshape(band.shape)
    )
    indices = np.zeros(values.size, np.int32)
    quantisers, sizes = np.zeros(values.size, np.uint8), np.zeros(values.size, np.int32)
    bins, bits, shifts = np.zeros(values.size, np.uint8), ASSUMED, np.zeros((2, 2), np.int64)
    for round_ in range(effort.rounds):
        if round_:
            bits = measured_bits(indices, quantisers, bins)
        if np.count_nonzero(inside(magnitudes, band.shape)) >= FEWEST_FOR_WEIGHTS:
            weights = fit_weights(magnitudes, planes)
        bins_of_band(magnitudes, sums_of(planes, weights, band), weights, bins)
        tabled = np.concatenate([np.zeros((2, 1)), shifts / UNITS], axis=1)
        quantise(values, bins, bits, effort.slope, path, tabled, indices)
        follow(indices, path.after, path.quantiser, sizes, quantisers)
        inside(magnitudes, band.shape)[...] = np.minimum(sizes, expectation.MOST_MAGNITUDE).reshape(band.shape)
        shifts = _shifts(values, indices, sizes, quantisers)
    return magnitudes, indices.reshape(band.shape), shifts


def _shifts(
    values: NDArray[np.float64], indices: NDArray[np.int32], sizes: NDArray[np.int32], quantisers: NDArray[np.uint8]
) -> NDArray[np.int64]:
    """How much nearer to zero the mean of what became index 1, and more, is than their magnitude: ``(quantiser, index > 1)``."""
    sums, counts = np.zeros((2, 2)), np.zeros((2, 2), np.int64)
    _sum_excess(values, indices, sizes, quantisers, sums, counts)
    means = sums / np.maximum(counts, 1)
    shifts: NDArray[np.int64] = np.rint(np.clip(means, -1.0, 1.0) * UNITS).astype(np.int64)
    return np.where(counts >= FEWEST_FOR_SHIFT, shifts, 0)


@kernel
def _sum_excess(values, indices, sizes, quantisers, sums, counts):  # type: ignore[no-untyped-def]
    """Add up how much smaller coefficients are than the magnitudes of their indices.

    Parameters
    ----------
    values : float64 (n,), in half steps
    indices : int32 (n,)
    sizes : int32 (n,), their magnitudes
    quantisers : uint8 (n,), quantiser of each
    sums : float64 (quantiser, index > 1), added to
    counts : int64 (quantiser, index > 1), added to
    """
    for i in range(values.size):
        index = abs(np.int64(indices[at(i)]))
        if index:
            q, larger = at(quantisers[at(i)]), at(index > 1)
            sums[q, larger] += np.float64(sizes[at(i)]) - abs(values[at(i)])
            counts[q, larger] += 1


def rebuilt_units(indices: NDArray[np.int32], shifts: NDArray[np.int64], path: Trellis) -> NDArray[np.int64]:
    """Values of indices ``(z, y, x)``, in units of 1/UNITS of half a step."""
    units = np.empty(indices.shape, np.int64)
    _rebuild(indices.reshape(-1), path.after, path.quantiser, shifts, units.reshape(-1))
    return units


@kernel
def _rebuild(indices, after, quantiser, shifts, units):  # type: ignore[no-untyped-def]
    """Fill the values of indices along their path.

    Parameters
    ----------
    indices : int32 (n,)
    after, quantiser : as in `Trellis`
    shifts : int64 (2, 2), by quantiser and index above 1
    units : int64 (n,), filled
    """
    state = np.int64(0)
    for i in range(indices.size):
        index = np.int64(indices[at(i)])
        units[at(i)] = np.int64(0)
        if index:
            q = quantiser[at(state)]
            size = magnitude_of(index, q) * UNITS - shifts[at(q), at(abs(index) > 1)]
            units[at(i)] = size if index > 0 else -size
        state = after[at(state), at(index & 1)]
