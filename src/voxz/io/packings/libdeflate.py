"""Deflate streams of libdeflate, which many writers of TIFF use: made again by the package imagecodecs, where it is there.

libdeflate compresses a content as a whole, at levels 0 to 12; it has no other options.
"""

import contextlib
from collections.abc import Sequence

from voxz.errors import MissingDependencyError
from voxz.io.packings.imagecodecs_package import imagecodecs

HIGHEST = 12

_LEVELS = (1, 6, 12, 9, 5, 4, 3, 2, 7, 8, 10, 11)
"""Levels, likely ones first."""

_HINTED = {1: (1,), 5: (5, 4, 3, 2), 6: (6, 7), 9: (9, 12, 8, 10, 11)}
"""Levels whose header has the hint of a level of zlib."""

_PROBE, _COMPARED = 1 << 20, 64
"""Of a longer content, so many bytes are compressed first, and the first bytes of what comes of it are compared: they tell the
first block, which ends long before."""


def packed(content: bytes, level: int) -> bytes:
    """A raw stream of libdeflate; `MissingDependencyError` without imagecodecs."""
    return bytes(imagecodecs("streams of libdeflate").deflate_encode(content, level=level, raw=True))


def level_of(stream: bytes, content: bytes, hints: Sequence[int], last: int | None) -> int | None:
    """The level that makes a raw `stream` of a `content` again; None if there is none, or no imagecodecs.

    Levels are tried in the order of the `last` one, those whose headers have the same hint as levels of zlib, all others.
    """
    hinted = [level for hint in hints for level in _HINTED.get(hint, ())]
    with contextlib.suppress(MissingDependencyError):
        for level in dict.fromkeys([last, *hinted, *_LEVELS]):
            if level is not None and _probed(stream, content, level) and packed(content, level) == stream:
                return level
    return None


def _probed(stream: bytes, content: bytes, level: int) -> bool:
    """Whether the stream may be of this level."""
    return len(content) <= _PROBE or packed(content[:_PROBE], level)[:_COMPARED] == stream[:_COMPARED]
