"""Constant background in front of a payload with loss: its value, and a bit plane that says where it is.

Part of the predictive codec. Layout: i64 value, u32 bytes of the plane, plane ``(1, z, y, x)``, then the payload of the other
samples.
"""

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.background import find_background
from voxz.entropy.plane import decode_plane, encode_plane
from voxz.errors import CorruptError

_HEAD = struct.Struct("<qI")


def split_background(samples: NDArray[np.generic]) -> tuple[bytes, NDArray[np.bool_]] | None:
    """Head of a payload, and which `samples` ``(series, z, y, x, channels)`` are not background; None where there is none."""
    background = find_background(samples)
    if background is None:
        return None
    plane = encode_plane(background.mask[None])
    return _HEAD.pack(int(background.value), len(plane)) + plane, _everywhere(background.mask, samples.shape)


def read_background(
    payload: bytes, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> tuple[np.generic, NDArray[np.bool_], bytes]:
    """Value of the background, which samples are not background, and the payload of those; damage raises `CorruptError`."""
    if len(payload) < _HEAD.size:
        raise CorruptError(f"constant background has {len(payload)} bytes, expected at least {_HEAD.size}")
    value, length = _HEAD.unpack_from(payload)
    limits = np.iinfo(dtype)
    if length > len(payload) - _HEAD.size or not limits.min <= value <= limits.max:
        raise CorruptError(f"constant background of value {value} and {length} bytes does not fit its brick")
    rest = _HEAD.size + length
    (mask,) = decode_plane(payload[_HEAD.size : rest], (1, *shape[1:4]))
    return dtype.type(value), _everywhere(mask, shape), payload[rest:]


def _everywhere(mask: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """What is not in `mask` ``(z, y, x)``, in all volumes and channels."""
    return np.broadcast_to(~mask[None, ..., None], shape)
