"""voxz itself, through its public functions."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import voxz
from voxz.bench.rivals.base import Rival


@dataclass(frozen=True)
class Voxz(Rival):
    """voxz at one level."""

    level: int = 5
    origin = "pip install voxz"

    def version(self) -> str:
        return f"voxz {voxz.__version__}"

    def encode(self, samples: NDArray[Any]) -> bytes:
        return voxz.encode(samples, level=self.level, threads=1)

    def decode(self, blob: bytes) -> NDArray[Any]:
        return voxz.decode(blob, threads=1)

    def warm(self) -> None:
        """Compile the kernels, or load them from the cache."""
        for shape in ((1, 2, 32, 32), (3, 2, 32, 32)):
            self.decode(self.encode(np.arange(np.prod(shape), dtype=np.int16).reshape(shape) ** 2))
