"""zfp: block transform coding of floats in 1 to 4 dimensions, fixed accuracy or reversible."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.bench.rivals.base import Floating, ImageCodecs


@dataclass(frozen=True)
class Zfp(ImageCodecs, Floating):
    """libzfp; `tolerance` is its absolute error tolerance in stored units, 0 for reversible. A series has 4 dimensions."""

    tolerance: float = 0.0
    library = "zfp"

    @property
    def bound(self) -> float:
        return self.tolerance

    def encode_floats(self, samples: NDArray[Any]) -> bytes:
        array = samples if len(samples) > 1 else samples[0]
        if self.tolerance:
            return bytes(self.codecs.zfp_encode(array, self.tolerance, mode="accuracy", numthreads=1))
        return bytes(self.codecs.zfp_encode(array, mode="reversible", numthreads=1))

    def decode_floats(self, part: bytes, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        return np.asarray(self.codecs.zfp_decode(part, numthreads=1))
