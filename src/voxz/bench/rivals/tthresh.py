"""TTHRESH: Tucker decomposition of an array with bit planes of its core; lossy, strong at low rates.

The build in WebAssembly cannot decode its own files of arrays above about half a million samples, so larger ones are
divided into blocks, whole along the series. TTHRESH proper would gain a little from seeing all at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.bench.rivals.base import Packaged, to_type
from voxz.bench.rivals.frame import Frame, pack, unpack
from voxz.errors import UnsupportedError

_MOST_SAMPLES = 1 << 18


@dataclass(frozen=True)
class Tthresh(Packaged):
    """TTHRESH in WebAssembly; `psnr` in dB, of half the data range as TTHRESH defines it."""

    psnr: float = 50.0
    package = "numcodecs-wasm-tthresh"
    origin = "pip install numcodecs-wasm-tthresh (not beside zfpy)"

    @property
    def bound(self) -> None:
        return None

    def encode(self, samples: NDArray[Any]) -> bytes:
        if min(samples.shape[1:]) < 2:
            raise UnsupportedError(f"takes at least 2 samples along each axis (got {samples.shape})")
        floats = samples.astype(np.float32)
        parts = [bytes(self._codec().encode(np.ascontiguousarray(floats[box]).squeeze())) for box in _blocks(samples.shape)]
        return pack(Frame(samples.shape, samples.dtype, 0, parts))

    def decode(self, blob: bytes) -> NDArray[Any]:
        frame = unpack(blob)
        samples = np.empty(frame.shape, np.float32)
        for box, part in zip(_blocks(frame.shape), frame.parts, strict=True):
            samples[box] = self._codec().decode(np.frombuffer(part, np.uint8)).reshape(samples[box].shape)
        return to_type(samples, frame.dtype)

    def _codec(self) -> Any:
        return self.load("numcodecs_wasm_tthresh").Tthresh(eb_mode="psnr", eb_psnr=self.psnr)


def _blocks(shape: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """Cut into boxes of at most the samples that this build decodes, by halving the longest side."""
    counts = [1, 1, 1]
    while shape[0] * np.prod(sides := [-(-n // count) for n, count in zip(shape[1:], counts, strict=True)]) > _MOST_SAMPLES:
        counts[int(np.argmax(sides))] *= 2
    for corner in np.ndindex(*counts):
        yield (
            slice(None),
            *(slice(n * i // count, n * (i + 1) // count) for n, i, count in zip(shape[1:], corner, counts, strict=True)),
        )
