"""A fitted volume or series as a function of position: networks, latents if there are any, and what turns outputs into samples.

::

    position -> coordinates -1 .. 1  ----------------------+-> network -> outputs
             -> latents, differences from coarser means ---+                 |
                        |                                                    v
                        +------------------------------------------------->  +  -> times range, plus low -> basis -> volumes
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.siren.interpolation import Positions
from voxz.codecs.siren.latents import Latents
from voxz.codecs.siren.network import Shape
from voxz.transforms import klt

_AT_ONCE = 1 << 16
"""Positions for which everything is in memory at once, at least one row of slices."""


@dataclass(frozen=True)
class Networks:
    """One network for each slice, or one for all.

    Attributes
    ----------
    shape : architecture
    flat : weights ``(networks, weights)``
    payload : the weights' bytes
    floats : whether these are float32 as they are
    """

    shape: Shape
    flat: NDArray[np.float64]
    payload: bytes
    floats: bool


@dataclass(frozen=True)
class Field:
    """A series of volumes as a function.

    Attributes
    ----------
    series, grid : volumes, and voxels ``(z, y, x)`` that were fitted
    axes : coordinates that networks take: 2, 3, or 4 with the volume as the last
    networks : None if latents are all there is
    latents : None for networks of coordinates alone
    gains : exponents of 2 that bring each feature of the latents to about 1, for the network
    low, extent : ``(networks, outputs)`` of outputs that were scaled to 0 .. 1; float32 values; empty with latents
    basis : of the components that are computed; None if outputs are volumes
    offset : stored value of 0
    """

    series: int
    grid: tuple[int, int, int]
    axes: int
    networks: Networks | None
    latents: Latents | None
    gains: NDArray[np.int64]
    low: NDArray[np.float64]
    extent: NDArray[np.float64]
    basis: klt.Basis | None
    offset: float

    def own_positions(self) -> Positions:
        """Positions of the voxels that were fitted."""
        z, y, x = (np.arange(n, dtype=np.float64) for n in self.grid)
        return z, y, x

    def evaluate(self, positions: Positions) -> Iterator[NDArray[np.float64]]:
        """Values ``(volumes, z, y, x)`` at the outer product of `positions`, a few of its z at once."""
        rows = max(1, _AT_ONCE // max(1, len(positions[1]) * len(positions[2])))
        if self.axes == 2:
            rows = 1
        for outputs in self._outputs(positions, rows):
            flat = outputs.reshape(len(outputs), -1)
            if self.basis is not None:
                flat = klt.synthesise(flat, self.basis)
            yield flat.reshape(self.series, *outputs.shape[1:]) + self.offset

    def _outputs(self, positions: Positions, rows: int) -> Iterator[NDArray[np.float64]]:
        """Outputs before the basis: components or volumes."""
        if self.latents is not None:
            count = self.series if self.basis is None else len(self.basis.bits)
            first = 0
            for fine, features in self.latents.at(positions, rows):
                part = (positions[0][first : first + fine.shape[1]], *positions[1:])
                outputs = np.zeros((count, *fine.shape[1:]))
                outputs[: len(fine)] = fine
                if self.networks is not None:
                    scaled = features * np.ldexp(1.0, self.gains)[:, None, None, None]
                    inputs = np.concatenate([scaled.reshape(len(scaled), -1), self.coordinates(part)])
                    found = self.networks.shape.evaluate(self.networks.flat[0], inputs)
                    outputs[: len(found)] += found.reshape(len(found), *fine.shape[1:])
                yield outputs
                first += fine.shape[1]
            return
        assert self.networks is not None
        for first in range(0, len(positions[0]), rows):
            part = (positions[0][first : first + rows], *positions[1:])
            yield self._network_alone(self.networks, part)

    def _network_alone(self, networks: Networks, part: Positions) -> NDArray[np.float64]:
        sizes = tuple(map(len, part))
        coordinates = self.coordinates(part)
        if self.axes == 4:
            found = self._series_alone(networks, coordinates)
            values: NDArray[np.float64] = found * self.extent[0, 0] + self.low[0, 0]
            return values.reshape(self.series, *sizes)
        if self.axes == 3:
            return self._scaled(networks, 0, coordinates).reshape(-1, *sizes)
        slice_ = min(max(part[0][0], 0.0), self.grid[0] - 1.0)
        before = int(min(np.floor(slice_), max(0, self.grid[0] - 2)))
        share = slice_ - before
        found = self._scaled(networks, before, coordinates[1:])
        if share:
            found = found * (1.0 - share) + self._scaled(networks, before + 1, coordinates[1:]) * share
        return found.reshape(-1, *sizes)

    def _series_alone(self, networks: Networks, coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
        """Outputs ``(volumes, points)`` of a network that takes the volume, too; of small ones, many at once."""
        points = coordinates.shape[1]
        times, found = normalised(np.arange(self.series, dtype=np.float64), self.series), np.empty((self.series, points))
        together = max(1, _AT_ONCE // max(1, points))
        for first in range(0, self.series, together):
            some = times[first : first + together]
            inputs = np.concatenate([np.tile(coordinates, some.size), np.repeat(some, points)[None]])
            found[first : first + some.size] = networks.shape.evaluate(networks.flat[0], inputs).reshape(some.size, points)
        return found

    def _scaled(self, networks: Networks, number: int, coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
        found = networks.shape.evaluate(networks.flat[number], coordinates)
        scaled: NDArray[np.float64] = found * self.extent[number][:, None] + self.low[number][:, None]
        return scaled

    def coordinates(self, positions: Positions) -> NDArray[np.float64]:
        """Coordinates ``(z y x, points)``, -1 at the first and 1 at the last voxel of each axis, 0 along axes of one."""
        along = [normalised(p, n) for p, n in zip(positions, self.grid, strict=True)]
        return np.stack([part.ravel() for part in np.meshgrid(*along, indexing="ij")])


def normalised(positions: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Positions along an axis of this many samples, as -1 to 1."""
    return positions * (2.0 / (length - 1)) - 1.0 if length > 1 else 0.0 * positions
