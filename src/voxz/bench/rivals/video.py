"""Gray video through PyAV (FFmpeg's libraries): slices are frames."""

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray


def encode_frames(av: Any, codec: str, pixels: str, stack: NDArray[Any], options: dict[str, str]) -> tuple[bytes, list[bytes]]:
    """Return the codec's global header and its packets for ``(n, y, x)``, on one thread."""
    context = av.CodecContext.create(codec, "w")
    context.height, context.width = stack.shape[1:]
    context.pix_fmt = pixels
    context.framerate = 25
    context.time_base = Fraction(1, 25)
    context.thread_count = 1
    context.options = options
    packets: list[bytes] = []
    for number, image in enumerate([*stack, None]):
        frame = None
        if image is not None:
            frame = _frame(av, image, pixels)
            frame.pts = number
        packets += [bytes(packet) for packet in context.encode(frame)]
    return bytes(context.extradata or b""), packets


def decode_frames(
    av: Any, codec: str, header: bytes, packets: Iterable[bytes], shape: tuple[int, ...], dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Undo `encode_frames`."""
    context = av.CodecContext.create(codec, "r")
    context.thread_count = 1
    context.height, context.width = shape[1:]
    if header:
        context.extradata = header
    frames: list[NDArray[Any]] = []
    for data in [*packets, None]:
        for frame in context.decode(av.Packet(data) if data is not None else None):
            plane = frame.planes[0]
            lines = np.frombuffer(plane, np.uint8)[: plane.line_size * shape[1]].reshape(shape[1], plane.line_size)
            frames.append(np.ascontiguousarray(lines[:, : shape[2] * dtype.itemsize]).view(dtype))
    return np.stack(frames)


def _frame(av: Any, image: NDArray[Any], pixels: str) -> Any:
    y, x = image.shape
    frame = av.VideoFrame(x, y, pixels)
    plane = frame.planes[0]
    lines = np.zeros((plane.height, plane.line_size), np.uint8)
    lines[:y, : x * image.itemsize] = np.ascontiguousarray(image).view(np.uint8).reshape(y, -1)
    plane.update(lines)
    return frame
