"""Latents: values on the voxel grid that a network reads beside its coordinates, coded as sub-bands of a 9/7 pyramid.

What a network sees at a position are the latents there and, for coarser `SCALES`, how far they are from their means over cubes
of 2 and 4 voxels a side: a neighbourhood of any size at the price of a few numbers. Both are defined between the voxels, too.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.siren.interpolation import Positions, Taps, halved, sample
from voxz.codecs.wavelet.bands import decode_bands, encode_bands
from voxz.codecs.wavelet.levels import EFFORTS
from voxz.errors import CorruptError
from voxz.transforms.loop_filter import read_filters, restore
from voxz.transforms.loop_filter_fit import fit_filters
from voxz.transforms.pyramid import Pyramid, Scales

LARGEST_INDEX = 2.0**40
"""Largest magnitude of latents, in steps."""

SCALES = 2
"""Coarser scales that a network sees."""


@dataclass(frozen=True)
class Latents:
    """Coded latents.

    Attributes
    ----------
    payload : their bytes
    filters : those of the filters that what is decoded goes through; none if empty
    scales, step, states : of the pyramid and of the quantiser
    grid : what the payload decodes to, ``(channels, z, y, x)``
    """

    payload: bytes
    filters: bytes
    scales: Scales
    step: float
    states: int
    grid: NDArray[np.float64]

    @classmethod
    def encode(cls, channels: NDArray[np.float64], scales: Scales, step: float, effort: int) -> "Latents":
        """Code `channels` ``(channels, z, y, x)`` with the effort of a level of compression."""
        pyramid, chosen, work = Pyramid(channels.shape[1:], scales), EFFORTS[effort], channels.copy()
        for channel in work:
            pyramid.analyse(channel)
        payload = encode_bands(work, pyramid, step, chosen)  # work becomes what decoding gives
        for channel in work:
            pyramid.synthesise(channel)
        filters = None
        if chosen.restores:
            filters = fit_filters(channels, work, np.zeros(channels.shape, np.bool_), step, chosen.slope)
        latents = cls(payload, b"" if filters is None else filters.to_bytes(), scales, step, chosen.states, work)
        return latents._restored()

    @classmethod
    def decode(
        cls, payload: bytes, filters: bytes, shape: tuple[int, ...], scales: Scales, step: float, states: int
    ) -> "Latents":
        """Decode latents of `shape` ``(channels, z, y, x)``."""
        pyramid = Pyramid(shape[1:], scales)
        grid = decode_bands(payload, shape[0], pyramid, step, states)
        for channel in grid:
            pyramid.synthesise(channel)
        return cls(payload, filters, scales, step, states, grid)._restored()

    def _restored(self) -> "Latents":
        """Apply the filters to the grid, once."""
        if not np.abs(self.grid).max() <= LARGEST_INDEX * self.step:
            raise CorruptError("the latents of a brick are out of bounds")
        if self.filters:
            found = read_filters(self.filters)
            for channel in self.grid:
                restore(channel, self.step, found)
        return self

    @property
    def features(self) -> int:
        """Numbers that a network sees at each position."""
        return len(self.grid) * (1 + SCALES)

    @cached_property
    def _coarser(self) -> list[NDArray[np.float64]]:
        found = [self.grid]
        for _ in range(SCALES):
            found.append(halved(found[-1]))
        return found[1:]

    def at(self, positions: Positions, rows: int) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Latents ``(channels, z, y, x)`` at the outer product of `positions`, and all features; at most `rows` z at once."""
        shape = self.grid.shape[1:]
        for first in range(0, len(positions[0]), rows):
            z, y, x = positions[0][first : first + rows], positions[1], positions[2]
            fine = sample(self.grid, _taps(Taps.cubic, (z, y, x), shape))
            found = [fine]
            for scale, grid in enumerate(self._coarser):
                width = [2.0 ** (scale + 1) if n > 1 else 1.0 for n in shape]
                inside = [(p + 0.5) / w - 0.5 for p, w in zip((z, y, x), width, strict=True)]
                coarse = sample(grid, _taps(Taps.linear, (inside[0], inside[1], inside[2]), grid.shape[1:]))
                found.append(fine - coarse)
            yield fine, np.concatenate(found)


def _taps(kind, positions, shape):  # type: ignore[no-untyped-def]
    """Taps along all axes."""
    return tuple(kind(p, n) for p, n in zip(positions, shape, strict=True))
