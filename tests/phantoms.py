"""Generated volumes that look like scans, the same on every machine: whole-number arithmetic and IEEE division only."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def noise(shape: tuple[int, ...], amplitude: int, seed: int = 1) -> NDArray[np.int64]:
    """Sum of four uniform integers in ``-amplitude .. amplitude``: near enough to normal."""
    rng = np.random.default_rng(seed)
    return np.asarray(rng.integers(-amplitude, amplitude + 1, (4, *shape)).sum(axis=0) // 2, np.int64)


def head(shape: tuple[int, int, int], seed: int = 1) -> NDArray[np.int16]:
    """An ellipsoid with a bright rim and a gradient, slightly blurred, with noise that neighbours share: ``(z, y, x)``."""
    z, y, x = (np.indices(shape)[axis] * 2 - shape[axis] + 1 for axis in range(3))
    radius = (x * 1000 // shape[2]) ** 2 + (y * 1000 // shape[1]) ** 2 + (z * 600 // shape[0]) ** 2
    inside = radius < 700_000
    rim = inside & (radius > 560_000)
    values = inside * (400 + 3 * x - 2 * y + 5 * z) + rim * 200 + noise(shape, 12, seed)
    for axis in range(3):
        values = (2 * values + np.roll(values, 1, axis) + np.roll(values, -1, axis)) // 4
    return np.asarray(np.abs(values + noise(shape, 3, seed + 100)), np.int16)


def series(volumes: int, shape: tuple[int, int, int], seed: int = 1) -> NDArray[np.int16]:
    """The same head in every volume, with a slow drift and noise of its own: ``(t, z, y, x)``."""
    still = head(shape, seed).astype(np.int64)
    return np.abs([still + 10 * t // 7 + noise(shape, 3, seed + t + 1) for t in range(volumes)]).astype(np.int16)


def labels(shape: tuple[int, int, int], regions: int = 12, seed: int = 1) -> NDArray[np.uint8]:
    """An atlas: an ellipsoid divided among `regions` by the nearest of scattered points, borders wavy: ``(z, y, x)``."""
    z, y, x = (np.indices(shape)[axis] * 1000 // max(1, shape[axis] - 1) - 500 for axis in range(3))
    points = np.random.default_rng(seed).integers(-400, 400, (regions, 3))
    waves = [noise(shape, 400, seed + k) for k in range(3)]
    for axis in range(3):
        waves = [(wave + np.roll(wave, 1, axis) + np.roll(wave, -1, axis)) // 3 for wave in waves]
    z, y, x = (position + wave // 2 for position, wave in zip((z, y, x), waves, strict=True))
    distances = [(z - p[0]) ** 2 + (y - p[1]) ** 2 + (x - p[2]) ** 2 for p in points]
    inside = x**2 + y**2 + z**2 < 180_000
    return np.asarray(np.where(inside, np.argmin(distances, axis=0) + 1, 0), np.uint8)


def ratio_map(shape: tuple[int, int, int], dtype: str = "f4", seed: int = 1) -> NDArray[Any]:
    """A computed map without integers in it: the ratio of two heads, ``(z, y, x)``."""
    return (head(shape, seed) / (1000.0 + head(shape, seed + 7))).astype(dtype)


def blobs(shape: tuple[int, ...] = (6, 20, 24), series: int = 4, dtype: str = "<i2") -> NDArray[Any]:
    """A series ``(t, z, y, x)`` of smooth blobs with noise, and zeros around a box."""
    rng = np.random.default_rng(1)
    _, y, x = np.meshgrid(*(np.linspace(-1, 1, n) if n > 1 else np.zeros(1) for n in shape), indexing="ij")
    inside = (np.abs(x) < 0.7) & (np.abs(y) < 0.8)
    volumes = [400 * np.exp(-t * (x**2 + 0.5)) + 100 * np.sin(5 * y + t) + rng.normal(0, 4, shape) + 200 for t in range(series)]
    return np.where(inside, np.stack(volumes), 0).astype(dtype)


def moving(shape: tuple[int, int, int], seed: int = 1) -> NDArray[np.int16]:
    """Bright discs on a ramp, which move by three rows and two columns from slice to slice, with little noise: ``(z, y, x)``."""
    z, y, x = np.indices(shape)
    y, x = (y - 3 * z) % shape[1], (x - 2 * z) % shape[2]
    values = 4 * (y % 64) + noise(shape, 3, seed)
    for top, left, radius in ((20, 24, 14), (60, 30, 9), (40, 66, 17), (76, 72, 8)):
        values += np.where((y - top) ** 2 + (x - left) ** 2 < radius**2, 600, 0)
    return np.asarray(np.abs(values), np.int16)
