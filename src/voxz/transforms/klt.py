"""Karhunen-Loeve transform along a series: its principal components, of which few are more than noise.

The basis comes from the uncentred second moments of the volumes, or of their fine detail, so the first component is nearly the
mean image. It is sent as integers. Components are found with the inverse of the rounded basis, so rounding costs no accuracy, it
only lets some of a component leak into the others: columns of strong components have more bits than those of noise.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.entropy.integers import IntegerReader, IntegerWriter
from voxz.errors import CorruptError
from voxz.jit import at, kernel

MOST_BITS = 15
FEWEST_BITS = 4
"""Fraction bits of an entry."""

LEAKAGE_BITS = 3
"""How many bits below the quantiser step the leakage between components lies."""

_BLOCK = 1 << 12


@dataclass(frozen=True)
class Basis:
    """Entries ``(volumes, components)``, largest component first, in ``2 ** -bits`` of each component."""

    entries: NDArray[np.int64]
    bits: NDArray[np.int64]

    def matrix(self) -> NDArray[np.float64]:
        """The basis as it is used."""
        return np.asarray(self.entries / (1 << self.bits))

    def first(self, components: int) -> "Basis":
        """The largest components only."""
        return Basis(self.entries[:, :components], self.bits[:components])

    def write(self, side: IntegerWriter) -> None:
        """Append to side information, component by component."""
        side.put(self.bits)
        side.put(self.entries.T, np.repeat(self.bits, len(self.entries)))

    @classmethod
    def read(cls, side: IntegerReader, volumes: int, components: int | None = None) -> "Basis":
        """Inverse of `write`, for as many components as volumes or fewer; damage raises `CorruptError`."""
        components = volumes if components is None else components
        bits = side.take(components)
        if bits.min(initial=FEWEST_BITS) < FEWEST_BITS or bits.max(initial=0) > MOST_BITS:
            raise CorruptError(f"the basis must have {FEWEST_BITS} to {MOST_BITS} bits (got {bits.min()} to {bits.max()})")
        entries = side.take(components * volumes, side.repeated(bits, volumes)).reshape(components, volumes).T
        if (np.abs(entries) > (1 << bits)).any():
            raise CorruptError("the basis of a series is out of bounds")
        return cls(entries, bits)


@kernel
def _mix(basis, components, volumes):  # type: ignore[no-untyped-def]
    """``volumes = basis @ components``, every sum in the order of the components.

    Parameters
    ----------
    basis : float64 (outputs, inputs)
    components : float64 (inputs, samples)
    volumes : float64 (outputs, samples), zeros at first, added to
    """
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


def principal_basis(volumes: NDArray[np.float64], step: float) -> Basis:
    """Basis of `volumes` ``(volumes, samples)`` for a quantiser of this `step`."""
    moments = np.einsum("ik,jk->ij", volumes, volumes)
    squares, vectors = np.linalg.eigh(moments)
    squares, vectors = squares[::-1] / max(1, volumes.shape[1]), vectors[:, ::-1]
    signs = np.where(vectors.sum(axis=0) < 0, -1.0, 1.0)
    # rounding errors of all entries together must leave the columns nearly at right angles
    fewest = FEWEST_BITS + math.ceil(math.log2(len(moments)) / 2)
    bits = np.ceil(np.log2(np.sqrt(np.maximum(squares, 0)) / step + 1e-9)) + LEAKAGE_BITS
    bits = np.clip(bits, min(fewest, MOST_BITS), MOST_BITS).astype(np.int64)
    return Basis(np.rint(vectors * signs * (1 << bits)).astype(np.int64), bits)


def analyse(volumes: NDArray[np.float64], basis: Basis) -> NDArray[np.float64]:
    """Components ``(components, samples)``."""
    return _product(np.linalg.inv(basis.matrix()), volumes)


def synthesise(components: NDArray[np.float64], basis: Basis) -> NDArray[np.float64]:
    """Volumes ``(volumes, samples)``."""
    return _product(basis.matrix(), components)


def _product(matrix: NDArray[Any], lines: NDArray[np.float64]) -> NDArray[np.float64]:
    result = np.zeros((matrix.shape[0], lines.shape[1]))
    _mix(matrix, np.ascontiguousarray(lines), result)
    return result
