"""pcodec: numerical sequences in adaptive bins with delta coding."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.bench.rivals.base import ImageCodecs, Order, Plain


@dataclass(frozen=True)
class Pcodec(ImageCodecs, Plain):
    """The pco library."""

    level: int = 8
    order: Order = "volume"
    library = "pcodec"

    def encode_array(self, samples: NDArray[Any]) -> bytes:
        return bytes(self.codecs.pcodec_encode(samples, self.level))

    def decode_array(self, part: bytes, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        return np.asarray(self.codecs.pcodec_decode(part, shape, dtype))
