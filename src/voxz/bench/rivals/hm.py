"""HEVC reference software: HM's random access configuration on gray frames, HEVC or its range extensions.

``TAppEncoder -c CONFIG --TemporalFilter=0 --InputChromaFormat=400``; its pre-filter in time must be off, since it would count as
error. Slices are frames of as many bits as the samples need.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from voxz.bench.rivals.base import Order, Stacked
from voxz.bench.rivals.external import External
from voxz.errors import UsageError


@dataclass(frozen=True)
class Hm(External, Stacked):
    """HM; `config` is the path of its ``encoder_randomaccess_main_rext.cfg`` (or another); `qp` as for HEVC."""

    config: str = ""
    qp: int = 22
    lossless: Literal["no", "yes"] = "no"
    order: Order = "volume"
    origin = "the HM repository of JVET (vcgit.hhi.fraunhofer.de/jvet/HM)"
    programs: ClassVar[tuple[str, ...]] = ("TAppEncoder", "TAppDecoder")

    @property
    def bound(self) -> float | None:
        return 0.0 if self.lossless == "yes" else None

    def encode_stack(self, stack: NDArray[Any]) -> list[bytes]:
        if not self.config:
            raise UsageError("hm needs config=PATH of encoder_randomaccess_main_rext.cfg, which is in HM's folder cfg")
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
            "Profile": "main-RExt",
            "TemporalFilter": 0,
            "ConformanceWindowMode": 1,
            "ExtendedPrecision": int(bits > 12),
        }
        if self.bound == 0:
            options |= {"CostMode": "lossless", "TransquantBypassEnable": 1, "CUTransquantBypassFlagForce": 1, "QP": 0}
        else:
            options |= {"QP": self.qp}
        raw = stack.astype("<u2" if bits > 8 else "u1").tobytes()
        arguments = ["-c", self.config, "-i", "in.yuv", "-b", "out.bin"]
        arguments += [f"--{name}={value}" for name, value in options.items()]
        return [bytes([bits]), self.run("TAppEncoder", arguments, {"in.yuv": raw}, "out.bin")]

    def decode_stack(self, parts: list[bytes], shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        bits = parts[0][0]
        arguments = ["-b", "in.bin", "-o", "out.yuv", "-d", str(bits)]
        raw = np.frombuffer(self.run("TAppDecoder", arguments, {"in.bin": parts[1]}, "out.yuv"), "<u2" if bits > 8 else "u1")
        luma = raw.reshape(shape[0], -1)[:, : shape[1] * shape[2]]  # gray: nothing follows, or constant chroma
        return luma.reshape(shape).astype(dtype)
