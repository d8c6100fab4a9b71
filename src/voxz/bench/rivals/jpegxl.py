"""JPEG XL: slice by slice, all slices in one mosaic, or the slices as extra channels of one image.

The last form lets a slice's contexts see the slices before it and learns one tree from all samples. The imagecodecs package
decodes it; encoding needs options that only the library has, so the library inside that package is called directly.
"""

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from voxz.bench.rivals.base import ImageCodecs, Order, Stacked
from voxz.errors import MissingDependencyError, UsageError

MOST_CHANNELS = 64
"""Slices in one image; the format allows 256, memory and time grow with them."""


@dataclass(frozen=True)
class JpegXl(ImageCodecs, Stacked):
    """libjxl; `distance` 0 is lossless. `predictor` (15: choose per context) and `previous` are for slices as channels."""

    effort: int = 7
    distance: float = 0.0
    layout: Literal["slices", "mosaic", "channels"] = "slices"
    predictor: int = -1
    previous: int = 3
    order: Order = "volume"
    library = "jpegxl"

    def __post_init__(self) -> None:
        if self.distance and self.layout == "channels":
            raise UsageError("jpegxl takes layout=channels for lossless coding only (no distance)")

    @property
    def bound(self) -> float | None:
        return None if self.distance else 0.0

    def encode_stack(self, stack: NDArray[Any]) -> list[bytes]:
        if self.layout == "channels":
            groups = [stack[first : first + MOST_CHANNELS] for first in range(0, len(stack), MOST_CHANNELS)]
            return [_encode_channels(_library(self.codecs), group, self) for group in groups]
        images = [_mosaic(stack)] if self.layout == "mosaic" else list(stack)
        quality: dict[str, Any] = {"distance": self.distance} if self.distance else {"lossless": True}
        quality |= {"effort": self.effort, "bitspersample": _bits(stack), "numthreads": 1}
        return [bytes(self.codecs.jpegxl_encode(image, **quality)) for image in images]

    def decode_stack(self, parts: list[bytes], shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        images = [np.asarray(self.codecs.jpegxl_decode(part, numthreads=1)) for part in parts]
        if self.layout == "mosaic":
            return _slices(images[0], shape)
        return np.concatenate([image.reshape(-1, *shape[1:]) for image in images])


def _bits(stack: NDArray[Any]) -> int:
    """Bits that the samples need. Lossy coding takes its peak from them; lossless files get a little smaller."""
    return max(1 if stack.itemsize == 1 else 9, int(stack.max()).bit_length())


def _mosaic(stack: NDArray[Any]) -> NDArray[Any]:
    """All slices in one image, as square as can be, padded with zeros."""
    n, y, x = stack.shape
    columns = max(1, round((n * y / x) ** 0.5))
    rows = -(-n // columns)
    padded = np.zeros((rows * columns, y, x), stack.dtype)
    padded[:n] = stack
    return np.ascontiguousarray(padded.reshape(rows, columns, y, x).swapaxes(1, 2)).reshape(rows * y, columns * x)


def _slices(mosaic: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    n, y, x = shape
    rows, columns = mosaic.shape[0] // y, mosaic.shape[1] // x
    return mosaic.reshape(rows, y, columns, x).swapaxes(1, 2).reshape(-1, y, x)[:n]


# What follows are the parts of libjxl's C interface (jxl/encode.h, version 0.11) that are needed.

_EFFORT, _GROUP_SIZE, _PREDICTOR, _TREE_PERCENT, _PREVIOUS_CHANNELS = 0, 26, 27, 28, 29
_UINT8, _UINT16, _LITTLE_ENDIAN, _OPTIONAL_CHANNEL, _DEPTH_OF_IMAGE = 2, 3, 1, 16, 1
_POINTERS = {"JxlEncoderCreate", "JxlEncoderFrameSettingsCreate"}


class _PixelFormat(ctypes.Structure):
    _fields_ = (
        ("channels", ctypes.c_uint32),
        ("type", ctypes.c_int),
        ("endianness", ctypes.c_int),
        ("align", ctypes.c_size_t),
    )


def _library(codecs: Any) -> Any:
    """Libjxl as the imagecodecs wheel carries it."""
    folder = Path(codecs.__file__).parent.parent / "imagecodecs.libs"
    found = sorted(folder.glob("libjxl-*.so*"))
    if not found:
        raise MissingDependencyError("jpegxl:layout=channels needs the libjxl of a Linux wheel of imagecodecs")
    codecs.jpegxl_version()  # loads what libjxl itself needs
    library = ctypes.CDLL(str(found[0]))
    for name in _POINTERS:
        getattr(library, name).restype = ctypes.c_void_p
    return library


def _encode_channels(library: Any, stack: NDArray[Any], codec: JpegXl) -> bytes:
    """One image: the first slice is its gray channel, the others are extra channels."""
    encoder = ctypes.c_void_p(library.JxlEncoderCreate(None))
    try:
        return _run(library, encoder, np.ascontiguousarray(stack), codec)
    finally:
        library.JxlEncoderDestroy(encoder)


def _run(library: Any, encoder: ctypes.c_void_p, stack: NDArray[Any], codec: JpegXl) -> bytes:
    def check(status: int) -> None:
        if status:
            raise RuntimeError(f"libjxl refuses: error {library.JxlEncoderGetError(encoder)}")

    n, y, x = stack.shape
    bits = _bits(stack)
    information = (ctypes.c_uint32 * 64)()
    library.JxlEncoderInitBasicInfo(information)
    information[1], information[2], information[3] = x, y, bits
    information[9], information[13], information[14] = 1, 1, n - 1  # original profile, gray, extra channels
    check(library.JxlEncoderSetCodestreamLevel(encoder, 10))
    check(library.JxlEncoderSetBasicInfo(encoder, information))
    channel = (ctypes.c_uint32 * 16)()
    library.JxlEncoderInitExtraChannelInfo(_OPTIONAL_CHANNEL, channel)
    channel[1] = bits
    for index in range(n - 1):
        check(library.JxlEncoderSetExtraChannelInfo(encoder, ctypes.c_size_t(index), channel))
    colour = (ctypes.c_uint8 * 256)()
    library.JxlColorEncodingSetToSRGB(colour, 1)
    check(library.JxlEncoderSetColorEncoding(encoder, colour))
    frame = ctypes.c_void_p(library.JxlEncoderFrameSettingsCreate(encoder, None))
    check(library.JxlEncoderSetFrameLossless(frame, 1))
    options = {_EFFORT: codec.effort, _GROUP_SIZE: 3, _PREDICTOR: codec.predictor, _PREVIOUS_CHANNELS: codec.previous}
    for option, value in options.items():
        check(library.JxlEncoderFrameSettingsSetOption(frame, option, ctypes.c_int64(value)))
    check(library.JxlEncoderFrameSettingsSetFloatOption(frame, _TREE_PERCENT, ctypes.c_float(100)))
    depth = (ctypes.c_uint32 * 3)(_DEPTH_OF_IMAGE, bits, 0)
    check(library.JxlEncoderSetFrameBitDepth(frame, depth))
    pixels = ctypes.byref(_PixelFormat(1, _UINT16 if stack.itemsize == 2 else _UINT8, _LITTLE_ENDIAN, 0))
    size = ctypes.c_size_t(y * x * stack.itemsize)
    check(library.JxlEncoderAddImageFrame(frame, pixels, ctypes.c_void_p(stack[0].ctypes.data), size))
    for index in range(1, n):
        buffer = ctypes.c_void_p(stack[index].ctypes.data)
        check(library.JxlEncoderSetExtraChannelBuffer(frame, pixels, buffer, size, ctypes.c_uint32(index - 1)))
    library.JxlEncoderCloseInput(encoder)
    output = (ctypes.c_uint8 * (2 * stack.nbytes + (1 << 16)))()
    position = ctypes.c_void_p(ctypes.addressof(output))
    room = ctypes.c_size_t(len(output))
    check(library.JxlEncoderProcessOutput(encoder, ctypes.byref(position), ctypes.byref(room)))
    return bytes(memoryview(output)[: len(output) - room.value])
