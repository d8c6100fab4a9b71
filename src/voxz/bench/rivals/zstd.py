"""Zstandard on the bytes as they are."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.bench.rivals.base import ImageCodecs, Order, Plain


@dataclass(frozen=True)
class Zstandard(ImageCodecs, Plain):
    """libzstd."""

    level: int = 19
    order: Order = "volume"
    library = "zstd"

    def encode_array(self, samples: NDArray[Any]) -> bytes:
        return bytes(self.codecs.zstd_encode(samples.tobytes(), self.level))

    def decode_array(self, part: bytes, shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
        return bytes(self.codecs.zstd_decode(part))
