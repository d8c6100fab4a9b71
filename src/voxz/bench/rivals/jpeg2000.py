"""JPEG 2000 slice by slice, also behind a wavelet across slices: the stand-in for Part 2, which no free program offers.

Lossy coding aims at the same mean square error in every slice. Across slices the wavelet is nearly orthonormal, so equal
errors are equal slopes (reverse water-filling), which is what a Part 2 encoder's rate control settles at.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from voxz.bench.rivals.base import ImageCodecs, Order, to_type
from voxz.bench.rivals.frame import Frame, pack, unpack
from voxz.bench.rivals.lifting import forward, inverse, scales_for
from voxz.errors import UnsupportedError

_FRACTION = 16
"""Units per stored unit in which lossy coefficients are rounded to integers."""

_MOST_BITS = 26
"""Of coefficients, in OpenJPEG."""


@dataclass(frozen=True)
class Jpeg2000(ImageCodecs):
    """OpenJPEG; `rmse` is the aimed root mean square error in stored units, 0 for lossless (5/3 instead of 9/7)."""

    rmse: float = 0.0
    z: Literal["none", "wavelet"] = "none"
    zlevels: int = 3
    order: Order = "volume"
    library = "jpeg2k"

    @property
    def bound(self) -> float | None:
        return None if self.rmse else 0.0

    def encode(self, samples: NDArray[Any]) -> bytes:
        if samples.dtype.kind not in "iu":
            raise UnsupportedError(f"takes integers only (got {samples.dtype})")
        across = np.moveaxis(samples, self._axis(), 0)
        coefficients = forward(across, self._scales(len(across)), not self.rmse)
        if self.rmse:
            coefficients = np.rint(coefficients * _FRACTION).astype(np.int64)
        slices = np.moveaxis(coefficients, 0, self._axis()).reshape(-1, *samples.shape[2:])
        middle = int(slices.min() + slices.max()) // 2 if samples.dtype.kind == "u" else 0
        bits = int(np.abs(slices - middle).max()).bit_length() + 1
        if bits > _MOST_BITS:
            raise UnsupportedError(f"takes coefficients of up to {_MOST_BITS} bits (got {bits})")
        parts = [self._encode_slice(image, bits) for image in slices - middle]
        return pack(Frame(samples.shape, samples.dtype, middle, parts))

    def decode(self, blob: bytes) -> NDArray[Any]:
        frame = unpack(blob)
        slices = np.stack([np.asarray(self.codecs.jpeg2k_decode(part, numthreads=1)) for part in frame.parts])
        coefficients = slices.reshape(frame.shape).astype(np.int64) + frame.offset
        across: NDArray[Any] = np.moveaxis(coefficients, self._axis(), 0)
        if self.rmse:
            across = across / _FRACTION
        samples = inverse(across, self._scales(len(across)), not self.rmse)
        return to_type(np.moveaxis(samples, 0, self._axis()), frame.dtype)

    def _axis(self) -> int:
        """Axis across which slices are transformed: along z in each volume, or along the series."""
        return 1 if self.order == "volume" else 0

    def _scales(self, length: int) -> int:
        return scales_for(length, self.zlevels) if self.z == "wavelet" else 0

    def _encode_slice(self, image: NDArray[Any], bits: int) -> bytes:
        quality: dict[str, Any] = {"reversible": True}
        if self.rmse:
            decibels = 20 * math.log10(((1 << bits) - 1) / (self.rmse * _FRACTION))
            quality = {"reversible": False, "level": max(1.0, decibels)}
        # imagecodecs takes up to 16 bits as int16 only: as int32 its rate control goes wrong
        image = np.ascontiguousarray(image.astype(np.int16 if bits <= 16 else np.int32))
        return bytes(self.codecs.jpeg2k_encode(image, codecformat="j2k", bitspersample=bits, numthreads=1, **quality))
