"""FFV1 version 3, the archival video codec (RFC 9043): slices are frames whose contexts carry on."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.bench.rivals.base import Order, Packaged, Stacked
from voxz.bench.rivals.video import decode_frames, encode_frames

_DEPTHS = {8: "gray", 9: "gray9le", 10: "gray10le", 12: "gray12le", 14: "gray14le", 16: "gray16le"}


@dataclass(frozen=True)
class Ffv1(Packaged, Stacked):
    """FFmpeg's encoder: range coder, large contexts, one key frame."""

    context: int = 1
    order: Order = "volume"
    package = "av"

    def encode_stack(self, stack: NDArray[Any]) -> list[bytes]:
        needed = 8 if stack.itemsize == 1 else max(9, int(stack.max()).bit_length())
        pixels = _DEPTHS[min(depth for depth in _DEPTHS if depth >= needed)]
        options = {"level": "3", "coder": "1", "context": str(self.context), "slices": "4", "slicecrc": "0", "g": str(len(stack))}
        header, packets = encode_frames(self.load("av"), "ffv1", pixels, stack, options)
        return [header, *packets]

    def decode_stack(self, parts: list[bytes], shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        return decode_frames(self.load("av"), "ffv1", parts[0], parts[1:], shape, dtype)
