"""Slices as tiles of one picture, row by row; tiles that are left over hold no slice, mostly zeros.

The picture has as many tiles in a row as in a column. `how` holds their number, and the samples of the tiles that are left over
unless they are zeros.
"""

import math

import numpy as np
from numpy.typing import NDArray

from voxz.container.cursor import Cursor
from voxz.entropy.varint import varint
from voxz.errors import CorruptError
from voxz.volume.layout import Layout

MOST_TILES = 1 << 8
"""In a row of the picture."""


def _sizes(layout: Layout) -> tuple[int, int, int]:
    """Slices, their height, and the bytes of one of their rows."""
    memory = layout.memory_shape
    if len(memory) != 3 or not layout.nbytes:
        raise CorruptError(f"slices of shape {layout.shape} cannot be tiles of a picture")
    return memory[0], memory[1], memory[2] * layout.channels * layout.dtype.itemsize


def _tiles(picture: NDArray[np.uint8], side: int, height: int, width: int) -> NDArray[np.uint8]:
    """View of a picture as ``(tiles down, tiles across, height, width)``."""
    return picture.reshape(side, height, side, width).swapaxes(1, 2)


def unpack(data: bytes, layout: Layout) -> tuple[bytes, bytes] | None:
    """The slices of a picture, and what `pack` needs to make it again; None if it has not as many tiles."""
    slices, height, width = _sizes(layout)
    side = math.isqrt(len(data) // (height * width))
    if side * side * height * width != len(data) or slices > side * side or side > MOST_TILES:
        return None
    tiles = np.ascontiguousarray(_tiles(np.frombuffer(data, np.uint8), side, height, width)).reshape(side * side, -1)
    rest = tiles[slices:]
    return tiles[:slices].tobytes(), varint(side) + (rest.tobytes() if rest.any() else b"")


def pack(samples: bytes, how: bytes, layout: Layout) -> bytes:
    """The picture that `unpack` was given."""
    slices, height, width = _sizes(layout)
    told = Cursor(how)
    side = told.number()
    left_over = (side * side - slices) * height * width
    if side > MOST_TILES or left_over < 0 or len(samples) != layout.nbytes:
        raise CorruptError(f"{slices} slices cannot be the tiles of a picture of {side} x {side}")
    rest = told.take(left_over) if len(how) > len(varint(side)) else bytes(left_over)
    told.finish()
    tiles = np.frombuffer(samples + rest, np.uint8).reshape(side, side, height, width)
    return np.ascontiguousarray(tiles.swapaxes(1, 2)).tobytes()
