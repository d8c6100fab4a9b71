"""JPEG 2000 Part 10 (JP3D) with the programs of OpenJPEG 2.1 to 2.3, lossless or lossy.

``opj_jp3d_compress -C 3EB -n 5,5,3``: the three-dimensional coder with five resolutions in the plane and three across, as it
was published. The published ``-T`` does not exist there, and streams of ``-C 2EB`` do not come back from its own decoder; nor do
one or two slices with three resolutions across. ``Bpp`` are the bits that the samples need: with more, its rate control stops
early, as it does with ``-I`` for 16 bits.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from voxz.bench.rivals.base import Order, Stacked
from voxz.bench.rivals.external import External

_THIN = 2
"""Slices of stacks that three resolutions across would not give back."""


@dataclass(frozen=True)
class Jp3d(External, Stacked):
    """JP3D; `ratio` is the compression ratio it aims at, 1 for lossless."""

    ratio: float = 1.0
    resolutions: int = 5
    order: Order = "volume"
    origin = "OpenJPEG 2.1 to 2.3 built with -DBUILD_JP3D=ON"
    programs: ClassVar[tuple[str, ...]] = ("opj_jp3d_compress", "opj_jp3d_decompress")

    @property
    def bound(self) -> float | None:
        return None if self.ratio > 1 else 0.0

    def encode_stack(self, stack: NDArray[Any]) -> list[bytes]:
        n, y, x = stack.shape
        description = (
            f"Bpp\t{max(1, int(stack.max()).bit_length())}\nColor Map\t2\nDimensions\t{x}\t{y}\t{n}\nResolution(mm)\t1\t1\t1\t\n"
        )
        plane = min(self.resolutions, min(x, y).bit_length())
        resolutions = f"{plane},{plane},{min(self.resolutions, 3 if n > _THIN else 2)}"
        arguments = ["-i", "in.bin", "-m", "in.img", "-o", "out.jp3d", "-C", "3EB", "-n", resolutions]
        if self.ratio > 1:
            arguments += ["-r", f"{self.ratio:g}"]
        inputs = {"in.bin": stack.astype(stack.dtype.newbyteorder("<")).tobytes(), "in.img": description.encode()}
        return [self.run("opj_jp3d_compress", arguments, inputs, "out.jp3d")]

    def decode_stack(self, parts: list[bytes], shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        raw = self.run("opj_jp3d_decompress", ["-i", "in.jp3d", "-o", "out.bin"], {"in.jp3d": parts[0]}, "out.bin")
        return np.frombuffer(raw, dtype.newbyteorder("<")).reshape(shape).astype(dtype)
