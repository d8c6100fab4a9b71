"""DEFLATE at the level of ``gzip -6``: what .nii.gz is."""

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.bench.rivals.base import Order, Plain


@dataclass(frozen=True)
class Gzip(Plain):
    """zlib of the Python interpreter."""

    level: int = 6
    order: Order = "volume"
    origin = "part of Python"

    def version(self) -> str:
        return f"zlib {zlib.ZLIB_RUNTIME_VERSION}"

    def encode_array(self, samples: NDArray[Any]) -> bytes:
        return zlib.compress(samples.tobytes(), self.level)

    def decode_array(self, part: bytes, shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
        return zlib.decompress(part)
