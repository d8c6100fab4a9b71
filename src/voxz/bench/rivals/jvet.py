"""What HM and VTM, the reference encoders of HEVC and VVC, have in common: random access on gray frames, slices as frames."""

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from voxz.bench.rivals.base import Order, Stacked
from voxz.bench.rivals.external import External
from voxz.errors import UsageError


@dataclass(frozen=True)
class Jvet(External, Stacked):
    """An encoder of JVET; `config` is the path of its configuration for random access; `qp` as in its standard.

    Only the first frame is coded alone (``IntraPeriod=-1``): by default there would be one in 32 or so.
    """

    config: str = ""
    qp: int = 22
    order: Order = "volume"
    below = ("bin", "bin/umake/*/*/*")
    encoder: ClassVar[str]
    decoder: ClassVar[str]
    usual_config: ClassVar[str]

    @abstractmethod
    def own_options(self, bits: int) -> dict[str, Any]:
        """Options beside those of size and depth."""

    def encode_stack(self, stack: NDArray[Any]) -> list[bytes]:
        if not self.config:
            raise UsageError(
                f"{type(self).__name__.lower()} needs config=PATH of {self.usual_config}, which is in its folder cfg"
            )
        n, y, x = stack.shape
        bits = max(8, int(stack.max()).bit_length())
        options = {
            "SourceWidth": x,
            "SourceHeight": y,
            "FramesToBeEncoded": n,
            "FrameRate": 25,
            "InputBitDepth": bits,
            "InternalBitDepth": bits,
            "InputChromaFormat": 400,
            "ChromaFormatIDC": 400,
            "ConformanceWindowMode": 1,
            "IntraPeriod": -1,
            **self.own_options(bits),
        }
        raw = stack.astype("<u2" if bits > 8 else "u1").tobytes()
        arguments = ["-c", str(Path(self.config).absolute()), "-i", "in.yuv", "-b", "out.bin"]
        arguments += [f"--{name}={value}" for name, value in options.items()]
        return [bytes([bits]), self.run(self.encoder, arguments, {"in.yuv": raw}, "out.bin")]

    def decode_stack(self, parts: list[bytes], shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        bits = parts[0][0]
        arguments = ["-b", "in.bin", "-o", "out.yuv", "-d", str(bits)]
        raw = np.frombuffer(self.run(self.decoder, arguments, {"in.bin": parts[1]}, "out.yuv"), "<u2" if bits > 8 else "u1")
        luma = raw.reshape(shape[0], -1)[:, : shape[1] * shape[2]]  # gray: nothing follows, or constant chroma
        return luma.reshape(shape).astype(dtype)
