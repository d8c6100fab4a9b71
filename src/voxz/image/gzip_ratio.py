"""How much smaller a file is than as .nii.gz, from some of its bricks."""

import zlib

from voxz.codecs.registry import decode_brick
from voxz.container.byte_source import SourceLike
from voxz.container.reader import Reader

TRIED = 4
"""Bricks of an array that are decoded."""

LEVEL = 6
"""That of gzip unless told otherwise."""


def gzip_ratio(source: SourceLike) -> tuple[float, int] | None:
    """Bytes that gzip makes of some bricks to the bytes that they take here, and how many were tried; None without bricks.

    Errors as in `voxz.verify`, for what was decoded.
    """
    packed = here = tried = 0
    with Reader(source) as reader:
        for array in reader.arrays:
            count = len(array.bricks)
            for number in sorted({count * part // TRIED for part in range(TRIED)} if count else ()):
                brick = array.brick(number, decode_brick)
                packed += len(zlib.compress(brick.astype(array.layout.dtype).tobytes(), LEVEL))
                here, tried = here + array.bricks[number].length, tried + 1
    return (packed / here, tried) if here else None
