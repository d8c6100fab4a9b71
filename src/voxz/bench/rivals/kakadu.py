"""JPEG 2000 Part 2 with Kakadu: a multi-component wavelet across slices, then Part 1 on each, with one rate control for all.

The arguments follow the volumetric example of Kakadu's own usage notes (an ``Mstage_xforms`` of kind DWT over all components).
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from voxz.bench.rivals.base import Order, Stacked
from voxz.bench.rivals.external import External
from voxz.bench.rivals.lifting import scales_for


@dataclass(frozen=True)
class Kakadu(External, Stacked):
    """Kakadu; `rate` in bits/voxel, 0 for lossless; `zlevels` wavelet scales across slices."""

    rate: float = 0.0
    zlevels: int = 5
    order: Order = "volume"
    origin = "kakadusoftware.com (free for non-commercial use)"
    programs: ClassVar[tuple[str, ...]] = ("kdu_compress", "kdu_expand")

    @property
    def bound(self) -> float | None:
        return None if self.rate else 0.0

    def encode_stack(self, stack: NDArray[Any]) -> list[bytes]:
        n, y, x = stack.shape
        bits = max(2, int(stack.max()).bit_length())
        kernel = 0 if self.rate else 1
        transform = [
            f"Mcomponents={n}",
            "Msigned=no",
            f"Mprecision={bits}",
            f"Sprecision={','.join([str(bits)] * 5)},{bits + 1}",
            "Ssigned=no,no,no,yes",
            f"Mvector_size:I4={n}",
            f"Mvector_coeffs:I4={1 << (bits - 1)}",
            f"Mstage_inputs:I25={{0,{n - 1}}}",
            f"Mstage_outputs:I25={{0,{n - 1}}}",
            f"Mstage_collections:I25={{{n},{n}}}",
            f"Mstage_xforms:I25={{DWT,{kernel},4,{scales_for(n, self.zlevels)},0}}",
            "Mnum_stages=1",
            "Mstages=25",
        ]
        quality = ["Creversible=no", "-rate", f"{self.rate * n:g}"] if self.rate else ["Creversible=yes"]
        image = ["-i", f"in.rawl*{n}@{2 * y * x}", "-o", "out.jpx", f"Sdims={{{y},{x}}}"]
        image += ["-jpx_layers", "*", "-jpx_space", "sLUM"]
        raw = {"in.rawl": stack.astype("<u2").tobytes()}
        return [self.run("kdu_compress", [*image, *quality, *transform, "-num_threads", "0"], raw, "out.jpx")]

    def decode_stack(self, parts: list[bytes], shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        arguments = ["-i", "in.jpx", "-o", f"out.rawl*{shape[0]}@{2 * shape[1] * shape[2]}", "-num_threads", "0"]
        raw = self.run("kdu_expand", arguments, {"in.jpx": parts[0]}, "out.rawl")
        return np.frombuffer(raw, "<u2").reshape(shape).astype(dtype)
