"""High-throughput JPEG 2000 (Part 15) slice by slice, lossless."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.bench.rivals.base import ImageCodecs, Stacked


@dataclass(frozen=True)
class Htj2k(ImageCodecs, Stacked):
    """OpenJPH, 5/3 wavelet."""

    library = "htj2k"

    def encode_stack(self, stack: NDArray[Any]) -> list[bytes]:
        return [bytes(self.codecs.htj2k_encode(image, reversible=True)) for image in stack]

    def decode_stack(self, parts: list[bytes], shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        return np.stack([self.codecs.htj2k_decode(part) for part in parts])
