"""Where crops are cut: random places of a volume that are neither empty nor drawn before.

A crop is drawn again, up to `ATTEMPTS` times, if

* the same place was drawn before,
* its standard deviation is below `min_std` times that of its volume (air, padding, one tissue without noise), or
* more than `skip_background` of its samples are the volume's lowest value (masked or padded background).

Places come from the raw output of PCG64, whose stream NumPy promises never to change (that of ``Generator.integers`` may),
seeded by a hash of the seed and the samples: the same volume gives the same crops on every machine, under any name.
"""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

ATTEMPTS = 20
"""Places tried for each crop before it is given up."""

_PART = 1 << 20


@dataclass(frozen=True)
class Statistics:
    """Lowest and highest finite sample and the standard deviation, in stored units."""

    low: float
    high: float
    deviation: float


@dataclass(frozen=True)
class Place:
    """A crop: its volume in the series, first voxel and shape ``(z, y, x)``, and statistics of its samples."""

    series: int
    position: tuple[int, int, int]
    shape: tuple[int, int, int]
    inside: Statistics
    volume: Statistics

    def cut(self, samples: NDArray[Any]) -> NDArray[Any]:
        """The crop of ``(series, z, y, x)`` samples."""
        z, y, x = (slice(start, start + length) for start, length in zip(self.position, self.shape, strict=True))
        crop: NDArray[Any] = samples[self.series, z, y, x]
        return crop


def describe(volume: NDArray[Any]) -> Statistics | None:
    """Statistics of real samples of any shape; None if no sample is finite."""
    values = np.ascontiguousarray(volume).reshape(-1)
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    if not values.size:
        return None
    parts = [values[at : at + _PART] for at in range(0, values.size, _PART)]
    with np.errstate(over="ignore", invalid="ignore"):
        mean = sum(float(part.sum(dtype=np.float64)) for part in parts) / values.size
        squares = sum(float(((part.astype(np.float64) - mean) ** 2).sum()) for part in parts)
    low, high = (bound.item() if bound.dtype.kind != "b" else int(bound) for bound in (values.min(), values.max()))
    return Statistics(low, high, math.sqrt(squares / values.size))


def draw(
    samples: NDArray[Any],
    crop: tuple[int, int, int],
    count: int,
    seed: int,
    sha256: str,
    min_std: float,
    skip_background: float,
) -> Iterator[Place]:
    """Draw at most `count` places from ``(series, z, y, x)`` samples; an axis shorter than the crop is taken whole."""
    digest = hashlib.sha256(f"{seed}\n{sha256}".encode()).digest()
    bits = np.random.PCG64(int.from_bytes(digest, "big"))
    shape = min(samples.shape[1], crop[0]), min(samples.shape[2], crop[1]), min(samples.shape[3], crop[2])
    limits = [len(samples), *(size - length + 1 for size, length in zip(samples.shape[1:], shape, strict=True))]
    volumes: dict[int, Statistics | None] = {}
    seen = set()
    for _ in range(count):
        for _ in range(ATTEMPTS):
            t, z, y, x = (bits.random_raw() * limit >> 64 for limit in limits)
            if (t, z, y, x) in seen:
                continue
            seen.add((t, z, y, x))
            if t not in volumes:
                volumes[t] = describe(samples[t])
            whole = volumes[t]
            block = samples[t, z : z + shape[0], y : y + shape[1], x : x + shape[2]]
            inside = describe(block)
            if whole is None or inside is None or inside.low == inside.high or inside.deviation < min_std * whole.deviation:
                continue
            if np.count_nonzero(block == block.dtype.type(whole.low)) > skip_background * block.size:
                continue
            yield Place(t, (z, y, x), shape, inside, whole)
            break
