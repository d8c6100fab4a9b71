"""A JPEG stream, transcoded without loss to JPEG XL by libjxl, and back to the very bytes: about four fifths of their size.

What it shows was lossy before it came here, so it is no array of samples: the packing has none, and `how` is the JPEG XL file.
The package imagecodecs makes it, and is needed to restore it.
"""

import contextlib
import zlib

from voxz.errors import CorruptError, LimitError, MissingDependencyError, RepackingError
from voxz.io.packings.imagecodecs_package import imagecodecs
from voxz.volume.layout import Layout

START = b"\xff\xd8\xff"

FEWEST = 12_000
"""Shorter streams stay as they are: of several that are alike, as frames are, LZMA makes less."""

MOST_PIXELS = 1 << 25
"""Of a picture: libjxl takes some 30 bytes for each."""

_WHAT = "JPEG files"
_CONTAINER = b"\0\0\0\x0cJXL "
_CODESTREAM = b"\xff\x0a"
_RATIOS = ((1, 1), (6, 5), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))


def unpack(data: bytes, layout: Layout) -> tuple[bytes, bytes] | None:
    """No samples, and what `pack` needs; None if it is no JPEG stream that libjxl takes, or the package is not there."""
    if layout.nbytes or len(data) < FEWEST or not data.startswith(START):
        return None
    with contextlib.suppress(MissingDependencyError, RuntimeError, ValueError):
        packed = bytes(imagecodecs(_WHAT).jpegxl_encode_jpeg(data))
        if len(packed) + 4 < len(data) and pixels_of(packed) <= MOST_PIXELS:
            return b"", zlib.crc32(data).to_bytes(4, "little") + packed
    return None


def pack(samples: bytes, how: bytes, layout: Layout) -> bytes:
    """The bytes that `unpack` was given; `RepackingError` if this libjxl makes others."""
    if samples or layout.nbytes or len(how) < 4:
        raise CorruptError("a JPEG stream is said to hold samples")
    package, packed = imagecodecs(_WHAT), how[4:]
    if (pixels := pixels_of(packed)) > MOST_PIXELS:
        raise LimitError(f"a JPEG picture has {pixels} pixels, the limit is {MOST_PIXELS}")
    with contextlib.suppress(RuntimeError, ValueError):
        data = bytes(package.jpegxl_decode_jpeg(packed))
        if zlib.crc32(data) == int.from_bytes(how[:4], "little"):
            return data
    raise RepackingError("the libjxl of the imagecodecs that is installed")


def pixels_of(packed: bytes) -> int:
    """Pixels of a JPEG XL file, by the size at the front of its codestream (ISO/IEC 18181-1); `CorruptError` if it has none."""
    start = _codestream(packed)
    bits, at = int.from_bytes(packed[start + 2 : start + 12], "little"), 0

    def take(count: int) -> int:
        nonlocal at
        at += count
        return bits >> (at - count) & ((1 << count) - 1)

    small = take(1)

    def length() -> int:
        return 8 * (take(5) + 1) if small else take((9, 13, 18, 30)[take(2)]) + 1

    height, ratio = length(), take(3)
    across, down = _RATIOS[ratio - 1]
    return height * (height * across // down if ratio else length())


def _codestream(packed: bytes) -> int:
    """First byte of the codestream, in a container (ISO/IEC 18181-2) or not."""
    at = 0 if packed.startswith(_CONTAINER) else len(packed)
    while at + 8 <= len(packed):
        size, kind = int.from_bytes(packed[at : at + 4], "big"), packed[at + 4 : at + 8]
        inside = at + 8
        if size == 1:
            size, inside = int.from_bytes(packed[inside : inside + 8], "big"), inside + 8
        start = {b"jxlc": inside, b"jxlp": inside + 4}.get(kind)
        if start is not None and packed[start : start + 2] == _CODESTREAM:
            return start
        if size < 8:
            break
        at += size
    if packed.startswith(_CODESTREAM):
        return 0
    raise CorruptError("a JPEG XL file has no codestream")
