"""Samples that a lossy transform does not code: special values (NaN, infinities) and constant background.

They stand in front of a payload, each as a bit plane that says where it is. Part of the wavelet codec and of siren.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.background_planes import decode_background, encode_background
from voxz.codecs.payload import PartReader, PartWriter
from voxz.codecs.special_values import Specials
from voxz.entropy.plane import decode_plane, encode_plane
from voxz.errors import CorruptError
from voxz.volume.background import Background

Planes = list[tuple[np.generic, NDArray[np.bool_]]]
"""A sample, and where it is."""


def missing_of(shape: tuple[int, ...], specials: Specials, background: Background | None) -> NDArray[np.bool_]:
    """Which samples ``(series, z, y, x)`` are not coded."""
    missing = np.zeros(shape, np.bool_)
    for _, plane in specials:
        missing |= plane
    if background is not None:
        missing |= _in_series(background.mask, shape)
    return missing


def _in_series(mask: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """A plane of each volume, or one of all, as a plane of a series in which channels are volumes."""
    each = np.repeat(mask, shape[0] // len(mask), axis=0) if len(mask) > 1 else mask
    return np.broadcast_to(each, shape)


def front(dtype: np.dtype[np.generic], specials: Specials, background: Background | None) -> bytes:
    """Parts that say where special samples and background are."""
    writer = PartWriter(b"")
    for pattern, plane in specials:
        writer.raw(pattern.to_bytes(dtype.itemsize, "little"))
        writer.part(encode_plane(plane))
    if background is not None:
        writer.part(encode_background(background))
    return writer.to_bytes()


def read_planes(reader: PartReader, specials: int, background: bool, brick: tuple[int, ...], dtype: np.dtype[Any]) -> Planes:
    """Inverse of `front` for a `brick` of this shape ``(series, z, y, x, channels)``: planes of ``(series, z, y, x)``."""
    shape = (brick[0] * brick[4], *brick[1:4])
    odd: Planes = []
    for _ in range(specials):
        pattern = np.frombuffer(reader.exactly(dtype.itemsize), dtype.newbyteorder("<")).astype(dtype)[0]
        odd.append((pattern, decode_plane(reader.part(), shape)))
    planes: Planes = []
    if background:
        part = reader.part()
        constants, end = decode_background(part, (brick[0], *brick[1:4]), dtype)
        if end != len(part):
            raise CorruptError(f"{len(part) - end} bytes left over after the background of a brick")
        planes = [(constant.value, _in_series(constant.mask, shape)) for constant in constants]
    return planes + odd  # after the background: -0.0 lies in that of 0.0
