"""Long series of tiny volumes, coded as one image whose rows run along the series.

CIFTI files keep a surface map as tens of thousands of volumes of one voxel, and time courses of a few regions are series, too. As
volumes they have no neighbours in space, and what is spent on a volume is spent on a voxel. Here the samples are laid out again:
every `period`-th one lies in the same row, and another codec codes the image ``(period, columns)``. The last column is filled up
with the last sample.

Payload: ``u8`` number of the other codec, ``u32`` period, then its payload.
"""

import struct

import numpy as np
from numpy.typing import NDArray

from voxz.errors import CorruptError
from voxz.volume.bricks import TINY_VOLUME

HEAD = struct.Struct("<BI")

FEWEST_VOLUMES = 256

LONGEST_PERIOD = 2048

ROUNDS = (64, 64), (1024, 1)
"""How a period is found, in rounds: how many samples are compared with their neighbours, and how many periods stay."""


def suits(samples: NDArray[np.generic]) -> bool:
    """Whether a brick ``(series, z, y, x, channels)`` is a long series of tiny volumes; an image of this module never is."""
    return len(samples) >= FEWEST_VOLUMES and 0 < samples[0].size < TINY_VOLUME and samples.dtype.kind != "V"


def to_image(samples: NDArray[np.generic]) -> tuple[NDArray[np.generic], int]:
    """The brick as an image ``(1, 1, period, columns, 1)``, and the period whose neighbours are most alike."""
    flat = samples.reshape(-1)
    period = _period(flat, samples[0].size)
    columns = -(-flat.size // period)
    filled = np.concatenate([flat, np.full(columns * period - flat.size, flat[-1])])
    return np.ascontiguousarray(filled.reshape(columns, period).T)[None, None, :, :, None], period


def image_shape(shape: tuple[int, ...], period: int) -> tuple[int, ...]:
    """Shape of the image of a brick; a period that cannot be raises `CorruptError`."""
    size = int(np.prod(shape, dtype=object))
    if not 1 <= period <= size:
        raise CorruptError(f"a turned brick of {size} samples has the period {period}")
    return 1, 1, period, -(-size // period), 1


def from_image(image: NDArray[np.generic], shape: tuple[int, ...]) -> NDArray[np.generic]:
    """Inverse of `to_image`."""
    size = int(np.prod(shape, dtype=object))
    return np.ascontiguousarray(image[0, 0, :, :, 0].T).reshape(-1)[:size].reshape(shape)


def _period(flat: NDArray[np.generic], volume: int) -> int:
    """Multiple of a volume's samples at which samples differ least, by the median of a regular choice of them."""
    longest = min(LONGEST_PERIOD, flat.size // 4)
    periods = np.arange(volume, longest + 1, volume)
    if not periods.size:
        return volume
    values = np.nan_to_num(np.real(flat).astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    for compared, left in ROUNDS:
        places = np.arange(0, flat.size - longest, max(1, (flat.size - longest) // compared))[:compared]
        differences = np.median(np.abs(values[periods[:, None] + places] - values[places]), axis=1)
        periods = periods[np.argsort(differences, kind="stable")[:left]]
    return int(periods[0])
