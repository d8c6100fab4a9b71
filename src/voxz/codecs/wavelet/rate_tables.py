"""Bits that indices cost, by quantiser and bin of expected magnitude: what the trellis weighs errors against."""

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet.magnitude_context import BINS, BOUNDS, UNIT_BITS
from voxz.codecs.wavelet.trellis import TABLED

PRIOR = 30
"""Indices that the assumed distribution counts as, against those that were measured."""

_LEAST = 1e-9


def assumed_bits() -> NDArray[np.float64]:
    """Bits ``(2, BINS, TABLED + 1)`` for Laplacian coefficients whose mean magnitude is what is expected, signs included."""
    edges = np.concatenate([[0.3], BOUNDS, [2 * BOUNDS[-1]]]) / (1 << UNIT_BITS)
    mean = np.maximum(np.sqrt(edges[:-1] * edges[1:]), 0.02)[None, :, None]
    index = np.arange(TABLED + 1)
    rebuilt = np.maximum(2 * index[None] - np.arange(2)[:, None], 0)
    upper = np.concatenate([(rebuilt[:, 1:] + rebuilt[:, :-1]) / 2, np.full((2, 1), 1e9)], axis=1)[:, None, :]
    below = 1 - np.exp(-upper / mean)
    share = np.diff(np.concatenate([np.zeros((2, BINS, 1)), below], axis=2), axis=2)
    bits: NDArray[np.float64] = -np.log2(np.maximum(share, _LEAST)) + (index > 0)
    return bits


ASSUMED = assumed_bits()


def measured_bits(indices: NDArray[np.int32], quantisers: NDArray[np.uint8], bins: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The same from the indices of a band, with PRIOR of the assumed ones in each bin."""
    signs = np.arange(TABLED + 1) > 0
    shares = np.exp2(signs - ASSUMED)
    size = np.minimum(np.abs(indices), TABLED)
    flat = (quantisers.astype(np.int64) * BINS + bins) * (TABLED + 1) + size
    counts = np.bincount(flat, minlength=2 * BINS * (TABLED + 1)).reshape(2, BINS, -1)
    total = counts + PRIOR * shares / shares.sum(2, keepdims=True)
    bits: NDArray[np.float64] = -np.log2(np.maximum(total / total.sum(2, keepdims=True), _LEAST)) + signs
    return bits
