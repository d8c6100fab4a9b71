"""VVC with vvenc in the FFmpeg program that the imageio-ffmpeg package carries: 10 bits, slices are frames."""

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.bench.rivals.base import Order, Packaged, Scaled, from_stack, to_stack
from voxz.bench.rivals.frame import Frame, pack, unpack
from voxz.errors import UnsupportedError

_BITS = 10
_GRAY = 1 << (_BITS - 1)


@dataclass(frozen=True)
class Vvenc(Packaged):
    """vvenc; `qp` 0 to 63. It takes no gray video: the two empty colour planes cost next to nothing. Lossy only."""

    qp: int = 27
    preset: str = "medium"
    order: Order = "volume"
    package = "imageio-ffmpeg"
    origin = "pip install imageio-ffmpeg"

    @property
    def bound(self) -> None:
        return None

    def version(self) -> str:
        return f"vvenc in {super().version()}"

    def encode(self, samples: NDArray[Any]) -> bytes:
        if samples.dtype.kind not in "iu":
            raise UnsupportedError(f"takes integers only (got {samples.dtype})")
        scaling = Scaled.stretch(int(samples.min()), int(samples.max()), _BITS)
        codes = scaling.to_codes(to_stack(samples, self.order))
        n, y, x = codes.shape
        luma = np.pad(codes, ((0, 0), (0, y % 2), (0, x % 2)), mode="edge").reshape(n, -1)
        chroma = np.full((n, luma.shape[1] // 2), _GRAY, np.uint16)
        raw = np.concatenate([luma, chroma], axis=1).tobytes()
        size = f"{x + x % 2}x{y + y % 2}"
        source = ["-f", "rawvideo", "-pix_fmt", "yuv420p10le", "-s", size, "-r", "25", "-i", "raw.yuv"]
        quality = ["-c:v", "libvvenc", "-qp", str(self.qp), "-preset", self.preset, "-qpa", "0", "-threads", "1"]
        stream = self._run({"raw.yuv": raw}, [*source, *quality, "-vvenc-params", "threads=1", "out.266"], "out.266")
        factor = np.array([scaling.factor], "<f8").tobytes()
        return pack(Frame(samples.shape, samples.dtype, scaling.low, [factor, stream]))

    def decode(self, blob: bytes) -> NDArray[Any]:
        frame = unpack(blob)
        series, z, y, x = frame.shape
        factor, stream = frame.parts
        options = ["-threads", "1", "-i", "in.266", "-f", "rawvideo", "-pix_fmt", "yuv420p10le", "out.yuv"]
        raw = np.frombuffer(self._run({"in.266": stream}, options, "out.yuv"), "<u2")
        height, width = y + y % 2, x + x % 2
        luma = raw.reshape(series * z, -1)[:, : height * width].reshape(-1, height, width)[:, :y, :x]
        scaling = Scaled(frame.offset, float(np.frombuffer(factor, "<f8")[0]))
        return from_stack(np.ascontiguousarray(scaling.to_samples(luma, frame.dtype)), frame.shape, self.order)

    def _run(self, inputs: dict[str, bytes], options: list[str], output: str) -> bytes:
        program = self.load("imageio_ffmpeg").get_ffmpeg_exe()
        with tempfile.TemporaryDirectory() as folder:
            for name, data in inputs.items():
                (Path(folder) / name).write_bytes(data)
            command = [program, "-v", "error", "-y", *options]
            subprocess.run(command, cwd=folder, check=True, capture_output=True, stdin=subprocess.DEVNULL)
            return (Path(folder) / output).read_bytes()
