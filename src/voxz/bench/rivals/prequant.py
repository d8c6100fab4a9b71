"""Quantise first, then code the smaller numbers without loss: the strongest simple way to an error bound with JPEG XL."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from voxz.bench.rivals.base import Stacked, to_type
from voxz.bench.rivals.frame import Frame, pack, unpack
from voxz.bench.rivals.jpegxl import JpegXl
from voxz.errors import UnsupportedError


@dataclass(frozen=True)
class Prequant(JpegXl):
    """Uniform quantiser with steps of ``2 error + 1`` (error: bound in stored units) in front of JPEG XL."""

    error: int = 1
    layout: Literal["slices", "mosaic", "channels"] = "channels"

    @property
    def bound(self) -> float:
        return self.error

    def encode(self, samples: NDArray[Any]) -> bytes:
        if samples.dtype.kind not in "iu":
            raise UnsupportedError(f"takes integers only (got {samples.dtype})")
        step = 2 * self.error + 1
        lowest = int(samples.min())
        indices = (samples.astype(np.int64) - lowest + self.error) // step
        if int(indices.max()) > np.iinfo(np.uint16).max:
            raise UnsupportedError(f"takes up to 16 bits after quantisation (got {int(indices.max()) + 1} values)")
        inner = Stacked.encode(self, indices.astype(np.uint16))
        return pack(Frame(samples.shape, samples.dtype, lowest, [inner]))

    def decode(self, blob: bytes) -> NDArray[Any]:
        frame = unpack(blob)
        indices = Stacked.decode(self, frame.parts[0]).astype(np.int64)
        return to_type(indices * (2 * self.error + 1) + frame.offset, frame.dtype)
