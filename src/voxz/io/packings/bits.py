"""Samples of one bit, eight in a byte, the first in the lowest bit: masks and segmentations."""

import numpy as np

from voxz.errors import CorruptError
from voxz.volume.layout import Layout


def unpack(data: bytes, layout: Layout) -> tuple[bytes, bytes] | None:
    """A byte for each sample, and the bits that fill the last byte, if they are not zeros."""
    if layout.dtype.itemsize != 1 or len(data) != -(-layout.nbytes // 8):
        return None
    bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
    filling = bits[layout.nbytes :].tobytes()
    return bits[: layout.nbytes].tobytes(), filling if any(filling) else b""


def pack(samples: bytes, how: bytes, layout: Layout) -> bytes:
    """The bytes that `unpack` was given."""
    if len(how) not in (0, -layout.nbytes % 8) or len(samples) != layout.nbytes:
        raise CorruptError(f"{len(samples)} bits and {len(how)} that fill the last byte cannot be packed")
    return np.packbits(np.frombuffer(samples + how, np.uint8), bitorder="little").tobytes()
