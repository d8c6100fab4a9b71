"""Karhunen-Loeve transform along a series: its principal components, of which few are more than noise.

The basis comes from the uncentred second moments of the volumes, or of their fine detail, so the first component is nearly the
mean image. It is rounded to 16 bits and sent. Components are found with the inverse of the rounded basis, so rounding it costs
no accuracy.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.jit import kernel

UNIT = 1 << 15
_BLOCK = 1 << 12

at = np.uint64


@kernel
def _mix(basis, components, volumes):  # type: ignore[no-untyped-def]
    """``volumes = basis @ components``, every sum in the order of the components."""
    length = components.shape[1]
    for first in range(0, length, _BLOCK):
        last = min(first + _BLOCK, length)
        for s in range(basis.shape[0]):
            target = volumes[s]
            for k in range(basis.shape[1]):
                share = basis[s, k]
                source = components[k]
                for i in range(first, last):
                    target[at(i)] += share * source[at(i)]


def principal_basis(volumes: NDArray[np.float64]) -> NDArray[np.int64]:
    """Basis ``(volumes, components)`` in 1/UNIT, largest component first, of `volumes` ``(volumes, samples)``."""
    moments = np.einsum("ik,jk->ij", volumes, volumes)
    _, vectors = np.linalg.eigh(moments)
    vectors = vectors[:, ::-1]
    signs = np.where(vectors.sum(axis=0) < 0, -1.0, 1.0)
    rounded: NDArray[np.int64] = np.clip(np.rint(vectors * signs * UNIT), 1 - UNIT, UNIT - 1).astype(np.int64)
    return rounded


def analyse(volumes: NDArray[np.float64], basis: NDArray[np.int64]) -> NDArray[np.float64]:
    """Components ``(components, samples)``."""
    return _product(np.linalg.inv(basis / UNIT), volumes)


def synthesise(components: NDArray[np.float64], basis: NDArray[np.int64]) -> NDArray[np.float64]:
    """Volumes ``(volumes, samples)``."""
    return _product(basis / UNIT, components)


def _product(matrix: NDArray[Any], lines: NDArray[np.float64]) -> NDArray[np.float64]:
    result = np.zeros((matrix.shape[0], lines.shape[1]))
    _mix(matrix, np.ascontiguousarray(lines), result)
    return result
