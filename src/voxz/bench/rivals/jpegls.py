"""JPEG-LS slice by slice: the lossless and near-lossless standard of DICOM."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.bench.rivals.base import ImageCodecs, Stacked


@dataclass(frozen=True)
class JpegLs(ImageCodecs, Stacked):
    """CharLS; `error` is NEAR, the largest error in stored units."""

    error: int = 0
    library = "jpegls"

    @property
    def bound(self) -> float:
        return self.error

    def encode_stack(self, stack: NDArray[Any]) -> list[bytes]:
        return [bytes(self.codecs.jpegls_encode(image, level=self.error)) for image in stack]

    def decode_stack(self, parts: list[bytes], shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        return np.stack([self.codecs.jpegls_decode(part) for part in parts])
