"""Blosc2: bytes or bits of equal significance brought together, then Zstandard; the usual codec of Zarr and HDF5."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from voxz.bench.rivals.base import ImageCodecs, Order, Plain


@dataclass(frozen=True)
class Blosc2(ImageCodecs, Plain):
    """C-Blosc2 with Zstandard."""

    shuffle: Literal["shuffle", "bitshuffle"] = "bitshuffle"
    level: int = 9
    order: Order = "volume"
    library = "blosc2"

    def encode_array(self, samples: NDArray[Any]) -> bytes:
        return bytes(
            self.codecs.blosc2_encode(
                samples.tobytes(), self.level, compressor="zstd", shuffle=self.shuffle, typesize=samples.itemsize, numthreads=1
            )
        )

    def decode_array(self, part: bytes, shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
        return bytes(self.codecs.blosc2_decode(part, numthreads=1))
