"""TTHRESH: Tucker decomposition of the whole array with bit planes of its core; lossy, strong at low rates."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.bench.rivals.base import Floating, Packaged


@dataclass(frozen=True)
class Tthresh(Packaged, Floating):
    """TTHRESH in WebAssembly; `psnr` in dB, for half the data range as TTHRESH defines it."""

    psnr: float = 50.0
    package = "numcodecs-wasm-tthresh"
    origin = "pip install numcodecs-wasm-tthresh (not beside zfpy)"

    @property
    def bound(self) -> None:
        return None

    def encode_floats(self, samples: NDArray[Any]) -> bytes:
        array = samples if len(samples) > 1 else samples[0]
        return bytes(self._codec().encode(array))

    def decode_floats(self, part: bytes, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        return np.asarray(self._codec().decode(np.frombuffer(part, np.uint8)))

    def _codec(self) -> Any:
        return self.load("numcodecs_wasm_tthresh").Tthresh(eb_mode="psnr", eb_psnr=self.psnr)
