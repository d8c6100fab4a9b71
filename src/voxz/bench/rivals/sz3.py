"""SZ3: error-bounded interpolation and Lorenzo prediction in 1 to 4 dimensions."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.bench.rivals.base import Floating, ImageCodecs


@dataclass(frozen=True)
class Sz3(ImageCodecs, Floating):
    """libSZ3; `error` is the absolute error bound in stored units. A series has 4 dimensions."""

    error: float = 1.0
    library = "sz3"

    @property
    def bound(self) -> float:
        return self.error

    def encode_floats(self, samples: NDArray[Any]) -> bytes:
        return bytes(self.codecs.sz3_encode(samples if len(samples) > 1 else samples[0], mode="abs", abs=self.error))

    def decode_floats(self, part: bytes, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        return np.asarray(self.codecs.sz3_decode(part, shape if shape[0] > 1 else shape[1:], dtype))
