"""Constant background in the payloads of lossy codecs: its values, and bit planes that say where they are.

Layout: u8 constants; for each its value (bytes of a sample), u32 bytes of its plane (the highest bit set: a plane for each volume
of the series, else one for all), the plane.
"""

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.entropy.plane import decode_plane, encode_plane
from voxz.errors import CorruptError
from voxz.volume.background import MOST_CONSTANTS, Background, Constant, find_background

ROWS_ASKED, LARGE, OUTLINE = 17, 0.02, 0.15
"""Every so many rows are asked whether background is outlined: whether it has at least this share of their samples, and at most
so many changes along them for each of its own."""

_LENGTH = struct.Struct("<I")
_EACH = 1 << 31


def encode_background(background: Background) -> bytes:
    """Bytes of a background."""
    pieces = [bytes([len(background.constants)])]
    for constant in background.constants:
        value = np.asarray(constant.value)
        value = value if value else np.zeros_like(value)  # -0.0 is a special value, not background
        plane = encode_plane(constant.mask)
        each = _EACH if len(constant.mask) > 1 else 0
        pieces += [value.astype(value.dtype.newbyteorder("<")).tobytes(), _LENGTH.pack(len(plane) | each), plane]
    return b"".join(pieces)


def decode_background(payload: bytes, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[list[Constant], int]:
    """Constants of a brick ``(series, z, y, x)``, and how many bytes of the payload they take; damage raises `CorruptError`."""
    if not payload or not 1 <= payload[0] <= MOST_CONSTANTS:
        raise CorruptError(f"constant background must have 1 to {MOST_CONSTANTS} values (got {payload[0] if payload else 0})")
    at, found = 1, []
    for _ in range(payload[0]):
        start = at + dtype.itemsize + _LENGTH.size
        if start > len(payload):
            raise CorruptError(f"constant background ends {start - len(payload)} bytes early")
        value = np.frombuffer(payload[at : at + dtype.itemsize], dtype.newbyteorder("<")).astype(dtype)[0]
        (length,) = _LENGTH.unpack_from(payload, at + dtype.itemsize)
        at = start + (length & ~_EACH)
        if at > len(payload) or not np.isfinite(value):
            raise CorruptError(f"constant background of value {value} and {length & ~_EACH} bytes does not fit its brick")
        planes = shape[0] if length & _EACH else 1
        found.append(Constant(value, decode_plane(payload[start:at], (planes, *shape[1:4]))))
    return found, at


def split_background(samples: NDArray[np.generic]) -> tuple[bytes, NDArray[np.bool_]] | None:
    """Head of a payload, and which `samples` ``(series, z, y, x, channels)`` are not background; None where there is none."""
    background = find_background(samples)
    if background is None:
        return None
    return encode_background(background), np.broadcast_to(~background.mask[..., None], samples.shape)


def read_background(
    payload: bytes, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> tuple[NDArray[np.generic], NDArray[np.bool_], bytes]:
    """Values of the background, which samples are not background, and the payload of those; damage raises `CorruptError`."""
    constants, end = decode_background(payload, shape, dtype)
    values, present = np.zeros(shape, dtype), np.ones(shape, np.bool_)
    for constant in constants:
        mask = constant.mask[..., None]
        np.copyto(values, constant.value, where=mask)
        np.copyto(present, False, where=mask)
    return values, present, payload[end:]


def is_outlined(samples: NDArray[np.generic]) -> bool:
    """Whether the lowest value of `samples` ``(series, z, y, x, channels)`` looks like background with a smooth outline.

    Some rows are asked. Leaving such background out pays without loss, too; where its outline is long, the plane costs more.
    """
    rows = samples[..., 0].reshape(-1, samples.shape[3])[::ROWS_ASKED]
    lowest = rows == samples.min()
    changes = np.count_nonzero(lowest[:, 1:] != lowest[:, :-1])
    return bool(lowest.mean() >= LARGE and changes <= OUTLINE * np.count_nonzero(lowest))
