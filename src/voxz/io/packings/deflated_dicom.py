"""A deflated DICOM data set as its pixels: `how` holds the elements around them and the options of zlib that deflate it again.

zlib's format leaves encoders free; what it was made with is found by trying. Most DICOM toolkits use zlib itself, at level 6.
"""

import zlib
from itertools import product

from voxz.container.cursor import Cursor
from voxz.entropy.varint import varint
from voxz.errors import CorruptError, VoxzError
from voxz.io.dicom.deflated import inflate, pixels_of
from voxz.volume.layout import Layout

LEVELS = (6, 9, 1, 2, 3, 4, 5, 7, 8)
MEMORY_LEVELS = (8, 9)


def _deflate(plain: bytes, level: int, memory_level: int) -> bytes:
    packer = zlib.compressobj(level, zlib.DEFLATED, -15, memory_level)
    return packer.compress(plain) + packer.flush()


def unpack(data: bytes, layout: Layout) -> tuple[bytes, bytes] | None:
    """Samples of a deflated data set, and what `pack` needs; None if it cannot be made again."""
    try:
        plain, behind = inflate(data)
        part = pixels_of(plain)
    except VoxzError:
        return None
    if part is None or part.length != layout.nbytes:
        return None
    stream = data[: len(data) - len(behind)]
    for level, memory_level in product(LEVELS, MEMORY_LEVELS):
        if _deflate(plain, level, memory_level) == stream:
            before, after = plain[: part.start], plain[part.start + part.length :]
            how = varint(level) + varint(memory_level) + b"".join(varint(len(text)) + text for text in (before, after, behind))
            return plain[part.start : part.start + part.length], how
    return None


def pack(samples: bytes, how: bytes, layout: Layout) -> bytes:
    """The bytes that `unpack` was given."""
    told = Cursor(how)
    level, memory_level = told.number(), told.number()
    before, after, behind = (told.take(told.number()) for _ in range(3))
    told.finish()
    if level not in LEVELS or memory_level not in MEMORY_LEVELS or len(samples) != layout.nbytes:
        raise CorruptError(
            f"a data set of {len(samples)} bytes of samples, deflated at {level}, {memory_level}, cannot be made again"
        )
    return _deflate(before + samples + after, level, memory_level) + behind
