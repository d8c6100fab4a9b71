"""Arrays in chunks, as HDF5 and Zarr have them: how the samples of whole chunks, one after the other, become an array."""

from dataclasses import dataclass

import numpy as np

from voxz.volume.layout import Layout
from voxz.volume.view import IDENTITY, View


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk: its first sample's place in the array, slowest axis first, and its bytes in the file."""

    place: tuple[int, ...]
    start: int
    length: int


def slab_layout(memory: tuple[int, ...], dtype: np.dtype[np.generic], turned: bool) -> Layout:
    """Layout of an array of these lengths, slowest first; `turned` if users name its fastest axis first."""
    return Layout(memory[::-1] if turned else memory, dtype, first_axis_fastest=turned)


def slab_view(grid: tuple[int, ...], lengths: tuple[int, ...]) -> View:
    """From a `grid` of chunks of these `lengths`, each whole, to their array; axes slowest first. Axes of 1 are left out."""
    axes = [(of, axis, n) for of, row in enumerate((grid, lengths)) for axis, n in enumerate(row) if n > 1]
    order = sorted(range(len(axes)), key=lambda k: (axes[k][1], axes[k][0]))
    if order == sorted(order):
        return IDENTITY
    return View(tuple(n for _, _, n in axes), tuple(order))
