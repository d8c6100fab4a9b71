"""Slices as small PNG pictures: upright, in the proportions of their voxels, in a window of gray; without matplotlib."""

import math
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Window = tuple[float, float]
"""Values that are black and white."""


def orientation(affine: NDArray[Any] | None, spatial: int) -> tuple[list[int], list[bool]]:
    """Which axis of the voxels is x (to the right), y (to the front), z (up), and whether it runs against it."""
    if affine is None or spatial < 3 or not np.isfinite(affine).all():
        return list(range(3)), [False, True, True]  # rows of arrays run down
    from nibabel import io_orientation  # noqa: PLC0415 - start-up time

    turned = io_orientation(affine)
    if not np.isfinite(turned).all():
        return list(range(3)), [False, False, False]
    order = [int(axis) for axis in np.argsort(turned[:, 0])]
    return order, [bool(turned[axis, 1] < 0) for axis in order]


def upright(samples: NDArray[Any], across: int, up: int, flips: tuple[bool, bool]) -> NDArray[Any]:
    """A slice with rows from top to bottom; `across` and `up` are its axes in the image, `flips` whether they run against it."""
    samples = samples if up < across else np.swapaxes(samples, 0, 1)
    samples = samples[:, ::-1] if flips[0] else samples
    return samples if flips[1] else samples[::-1]


def window_of(slices: list[NDArray[Any]]) -> Window:
    """The 1st and the 99th percentile of what is shown."""
    magnitudes = [(np.abs(part) if part.dtype.kind == "c" else part).ravel() for part in slices]
    values = np.concatenate([*magnitudes, np.zeros(0)]).astype(np.float64)
    values = values[np.isfinite(values)]
    low, high = np.percentile(values, (1, 99)) if values.size else (0.0, 1.0)
    if low == high and values.size:
        low, high = values.min(), values.max()
    return float(low), float(high)


def pixels(samples: NDArray[Any], window: Window) -> NDArray[np.uint8]:
    """Gray pixels; colours stay as they are."""
    low, high = window
    if samples.dtype.kind == "c":
        samples = np.abs(samples)
    if samples.ndim == 3:
        return samples.astype(np.uint8)
    scaled = np.nan_to_num((samples.astype(np.float64) - low) / ((high - low) or 1.0), nan=0.0, posinf=1.0, neginf=0.0)
    return np.asarray(np.floor(np.clip(scaled, 0, 1) * 255 + 0.5), np.uint8)


def small(samples: NDArray[Any], sizes: Sequence[float], window: Window, side: int) -> bytes:
    """PNG of a slice no longer than `side` pixels; `sizes` are those of its voxels."""
    extent = [n * size for n, size in zip(samples.shape, sizes, strict=False)]
    counts = [max(1, round(side * length / max(extent))) for length in extent]
    rows, columns = ((np.arange(count) + 0.5) * n // count for count, n in zip(counts, samples.shape, strict=False))
    return png(pixels(samples, window)[rows.astype(int)][:, columns.astype(int)])


def png(pixels: NDArray[np.uint8]) -> bytes:
    """PNG (ISO/IEC 15948) of gray pixels ``(rows, columns)``, or of 2 (gray, alpha), 3 (RGB) or 4 (RGBA) channels."""
    kind = {2: 4, 3: 2, 4: 6}[pixels.shape[2]] if pixels.ndim == 3 else 0
    height, width = pixels.shape[:2]
    lines = np.zeros((height, 1 + math.prod(pixels.shape[1:])), np.uint8)  # each line begins with its filter, 0: none
    lines[:, 1:] = pixels.reshape(height, -1)

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines.tobytes())) + chunk(b"IEND", b"")
