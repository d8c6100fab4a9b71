"""tomoz: lossless coding of tomograms with a small trained integer network."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.bench.rivals.base import Order, Packaged, Stacked


@dataclass(frozen=True)
class Tomoz(Packaged, Stacked):
    """The tomoz package; a series is stacked along z."""

    order: Order = "volume"
    package = "tomoz"

    def encode_stack(self, stack: NDArray[Any]) -> list[bytes]:
        return [bytes(self.load("tomoz").encode(stack, threads=1))]

    def decode_stack(self, parts: list[bytes], shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        return np.asarray(self.load("tomoz").decode(parts[0], threads=1))
