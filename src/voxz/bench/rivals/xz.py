"""LZMA2 as the xz program applies it."""

import lzma
import platform
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.bench.rivals.base import Order, Plain


@dataclass(frozen=True)
class Xz(Plain):
    """liblzma of the Python interpreter."""

    preset: int = 6
    order: Order = "volume"
    origin = "part of Python"

    def version(self) -> str:
        return f"lzma of Python {platform.python_version()}"

    def encode_array(self, samples: NDArray[Any]) -> bytes:
        return lzma.compress(samples.tobytes(), preset=self.preset)

    def decode_array(self, part: bytes, shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
        return lzma.decompress(part)
