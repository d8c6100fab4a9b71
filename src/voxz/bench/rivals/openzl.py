"""OpenZL: format-aware compression of typed data, here with its graph for numbers, plain or after differences."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from voxz.bench.rivals.base import Order, Packaged, Plain


@dataclass(frozen=True)
class OpenZl(Packaged, Plain):
    """The openzl package."""

    graph: Literal["delta", "plain"] = "delta"
    order: Order = "volume"
    package = "openzl"

    def encode_array(self, samples: NDArray[Any]) -> bytes:
        zl = self.load("openzl.ext")
        compressor = zl.Compressor()
        compressor.set_parameter(zl.CParam.FormatVersion, zl.MAX_FORMAT_VERSION)
        numbers = zl.graphs.Compress()(compressor)
        if self.graph == "delta":
            numbers = zl.nodes.DeltaInt()(compressor, numbers)
        compressor.select_starting_graph(numbers)
        context = zl.CCtx()
        context.ref_compressor(compressor)
        context.set_parameter(zl.CParam.FormatVersion, zl.MAX_FORMAT_VERSION)
        unsigned = samples.ravel().view(f"u{samples.itemsize}")
        return bytes(context.compress([zl.Input(zl.Type.Numeric, unsigned)]))

    def decode_array(self, part: bytes, shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
        return bytes(self.load("openzl.ext").DCtx().decompress(part)[0].content.as_bytes())
