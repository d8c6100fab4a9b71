"""Samples that a lossy transform does not code: special values (NaN, infinities) and constant background.

They stand in front of a payload, each as a bit plane that says where it is. Part of the wavelet codec and of siren.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.background_planes import decode_background, encode_background
from voxz.codecs.channels import to_series
from voxz.codecs.payload import PartReader, PartWriter
from voxz.codecs.special_values import Specials, find_specials, put_specials, take_specials
from voxz.errors import CorruptError
from voxz.jit import apart_kernel, at
from voxz.transforms.fill_masked import fill
from voxz.volume.background import Background, find_background

Planes = list[tuple[np.generic, NDArray[np.bool_]]]
"""A sample, and where it is."""

ITEMSIZES = {"i": (1, 2, 4), "u": (1, 2, 4), "f": (2, 4, 8)}
"""Bytes of a sample that a transform takes, by the kind of its type."""


@dataclass(frozen=True)
class Prepared:
    """A brick, split into the samples that a transform codes and those that are kept otherwise.

    Attributes
    ----------
    series : samples ``(series, z, y, x)``; channels are volumes of the series
    shape : of the brick, ``(series, z, y, x, channels)``
    missing : which samples ``(series, z, y, x)`` are not coded: special values and constant background
    low, high : range of the others; 0 where there are none
    offset : what is taken from these before they are transformed: their mean, whole for integers
    """

    series: NDArray[np.generic]
    shape: tuple[int, ...]
    specials: Specials
    background: Background | None
    missing: NDArray[np.bool_]
    low: float
    high: float
    offset: float

    @classmethod
    def of(cls, samples: NDArray[np.generic], *, foreground: bool = True) -> "Prepared | None":
        """Prepare integers of up to 32 bits or floats ``(series, z, y, x, channels)``; None for other samples.

        Without `foreground` the background is coded as well.
        """
        if not samples.size or samples.dtype.itemsize not in ITEMSIZES.get(samples.dtype.kind, ()):
            return None
        series = np.ascontiguousarray(to_series(samples))
        specials = find_specials(series, background=False) if samples.dtype.kind == "f" else []
        if specials is None:
            return None
        background = find_background(samples) if foreground else None
        missing = _missing(series.shape, specials, background)
        low, high, offset = _extent(series, missing)
        if not math.isfinite(high - low):
            return None
        return cls(series, samples.shape, specials, background, missing, low, high, offset)

    @cached_property
    def count(self) -> int:
        """How many samples the transform codes."""
        return self.missing.size - int(np.count_nonzero(self.missing))

    def filled(self, offset: float) -> NDArray[np.float64]:
        """Volumes ``(series, z, y, x)`` less `offset`, with smooth values where samples are missing."""
        volumes: NDArray[np.float64] = np.subtract(self.series, offset, dtype=np.float64)
        for volume, unknown in zip(volumes, self.missing, strict=True):
            fill(volume, unknown)
        return volumes

    def front(self) -> bytes:
        """Parts that say where special samples and background are."""
        writer = PartWriter(b"")
        put_specials(self.specials, self.series.dtype.itemsize, writer)
        if self.background is not None:
            writer.part(encode_background(self.background))
        return writer.to_bytes()


def _extent(series: NDArray[np.generic], missing: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Range and mean, whole for integers, of the samples that are not missing; zeros where there are none."""
    if series.dtype.kind == "f":
        coded = series[~missing]
        if not coded.size:
            return 0.0, 0.0, 0.0
        low, high = float(coded.min()), float(coded.max())
        return low, high, low + float((coded.astype(np.float64) - low).mean()) if math.isfinite(high - low) else 0.0
    low, high, total, count = _extent_of_whole(series.reshape(-1), missing.reshape(-1))
    return (float(low), float(high), float(np.rint(total / count))) if count else (0.0, 0.0, 0.0)


@apart_kernel
def _extent_of_whole(series, missing):  # type: ignore[no-untyped-def]
    """Return the least and the largest of whole numbers that are not missing, their sum, and how many they are.

    Parameters
    ----------
    series : integers of up to 32 bits (samples,)
    missing : bool (samples,)
    """
    least, largest, total, count = np.int64(1 << 32), np.int64(-(1 << 32)), np.int64(0), np.int64(0)
    for i in range(series.size):
        sample, known = np.int64(series[at(i)]), np.int64(not missing[at(i)])
        least = min(least, sample + ((1 - known) << 33))
        largest = max(largest, sample - ((1 - known) << 33))
        total += sample * known
        count += known
    return least, largest, total, count


def _missing(shape: tuple[int, ...], specials: Specials, background: Background | None) -> NDArray[np.bool_]:
    """Which samples ``(series, z, y, x)`` are not coded."""
    missing = np.zeros(shape, np.bool_) if background is None else np.array(_in_series(background.mask, shape))
    for _, plane in specials:
        missing |= plane
    return missing


def _in_series(mask: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """A plane of each volume, or one of all, as a plane of a series in which channels are volumes."""
    each = np.repeat(mask, shape[0] // len(mask), axis=0) if len(mask) > 1 else mask
    return np.broadcast_to(each, shape)


def read_planes(reader: PartReader, specials: int, background: bool, brick: tuple[int, ...], dtype: np.dtype[Any]) -> Planes:
    """Inverse of `Prepared.front` for a `brick` of this shape ``(series, z, y, x, channels)``: planes ``(series, z, y, x)``."""
    shape = (brick[0] * brick[4], *brick[1:4])
    found = take_specials(reader, specials, dtype.itemsize, shape)
    bits, native = np.dtype(f"u{dtype.itemsize}").type, dtype.newbyteorder("=")
    odd: Planes = [(bits(pattern).view(native), plane) for pattern, plane in found]
    planes: Planes = []
    if background:
        part = reader.part()
        constants, end = decode_background(part, (brick[0], *brick[1:4]), dtype)
        if end != len(part):
            raise CorruptError(f"{len(part) - end} bytes left over after the background of a brick")
        planes = [(constant.value, _in_series(constant.mask, shape)) for constant in constants]
    return planes + odd  # after the background: -0.0 lies in that of 0.0
