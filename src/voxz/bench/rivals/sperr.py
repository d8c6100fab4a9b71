"""SPERR: 3-D 9/7 wavelet with SPECK coding, and corrections of the outliers for an error bound."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.bench.rivals.base import Floating, ImageCodecs, Order, from_stack, to_stack
from voxz.errors import UsageError


@dataclass(frozen=True)
class Sperr(ImageCodecs, Floating):
    """libSPERR; give `psnr` (dB, peak max - min) or `error`, a bound in stored units. A series is one stack of slices."""

    psnr: float = 0.0
    error: float = 0.0
    order: Order = "volume"
    library = "sperr"

    def __post_init__(self) -> None:
        if bool(self.psnr) == bool(self.error):
            raise UsageError("sperr takes one of psnr=DB and error=BOUND")

    @property
    def bound(self) -> float | None:
        return self.error or None

    def encode_floats(self, samples: NDArray[Any]) -> bytes:
        stack = to_stack(samples, self.order)
        mode, value = ("pwe", self.error) if self.error else ("psnr", self.psnr)
        return bytes(self.codecs.sperr_encode(stack, value, mode=mode, chunks=stack.shape, numthreads=1))

    def decode_floats(self, part: bytes, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        return from_stack(np.asarray(self.codecs.sperr_decode(part, numthreads=1)), shape, self.order)
