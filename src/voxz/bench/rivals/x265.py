"""HEVC range extensions with x265 in PyAV: slices are gray frames of 8, 10 or 12 bits.

Lossless coding needs ``weightb=0`` and ``weightp=0``: with weighted prediction x265 returns other samples; wider ranges than
12 bits cannot be coded. For lossy coding the range is stretched, or squeezed, to 12 bits. It is told not to write its options
into the stream (2 kB).
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from voxz.bench.rivals.base import Order, Packaged, Scaled, from_stack, to_stack
from voxz.bench.rivals.frame import Frame, pack, unpack
from voxz.bench.rivals.video import decode_frames, encode_frames
from voxz.errors import UnsupportedError, UsageError

_MOST_BITS = 12
_FORMATS = {8: "gray", 10: "gray10le", 12: "gray12le"}
_SINGLE_THREAD = "log-level=none:info=0:pools=none:frame-threads=1:wpp=0:pmode=0:pme=0"
_LOSSLESS = "lossless=1:weightb=0:weightp=0"
_CONSTANT_QUALITY = "psy-rd=0:psy-rdoq=0:aq-mode=0:cutree=0"
_SMALLEST = 16


@dataclass(frozen=True)
class X265(Packaged):
    """x265; `qp` 0 to 51 (6 more double the step); below 0, which 12 bits would allow, it crashes."""

    qp: int = 22
    lossless: Literal["no", "yes"] = "no"
    preset: str = "veryslow"
    order: Order = "volume"
    package = "av"

    def __post_init__(self) -> None:
        if not 0 <= self.qp <= 51:
            raise UsageError(f"qp of x265 must be 0 to 51 (got {self.qp})")

    @property
    def bound(self) -> float | None:
        return 0.0 if self.lossless == "yes" else None

    def version(self) -> str:
        return f"x265 in {super().version()}"

    def encode(self, samples: NDArray[Any]) -> bytes:
        if samples.dtype.kind not in "iu":
            raise UnsupportedError(f"takes integers only (got {samples.dtype})")
        if min(samples.shape[2:]) < _SMALLEST:
            raise UnsupportedError(
                f"takes slices of at least {_SMALLEST}x{_SMALLEST} (got {samples.shape[3]}x{samples.shape[2]})"
            )
        scaling, bits = self._scaling(samples)
        codes = scaling.to_codes(to_stack(samples, self.order)).astype(np.uint8 if bits == 8 else np.uint16)
        quality = _LOSSLESS if self.bound == 0 else f"qp={self.qp}:{_CONSTANT_QUALITY}"
        options = {"preset": self.preset, "x265-params": f"{quality}:keyint=-1:{_SINGLE_THREAD}"}
        header, packets = encode_frames(self.load("av"), "libx265", _FORMATS[bits], codes, options)
        facts = np.array([scaling.factor], "<f8").tobytes() + bytes([bits])
        return pack(Frame(samples.shape, samples.dtype, scaling.low, [facts, header, b"".join(packets)]))

    def decode(self, blob: bytes) -> NDArray[Any]:
        frame = unpack(blob)
        series, z, y, x = frame.shape
        facts, header, stream = frame.parts
        dtype = np.dtype(np.uint8 if facts[8] == 8 else np.uint16)
        codes = _decode_stream(self.load("av"), header + stream, (series * z, y, x), dtype)
        scaling = Scaled(frame.offset, float(np.frombuffer(facts[:8], "<f8")[0]))
        return from_stack(scaling.to_samples(codes, frame.dtype), frame.shape, self.order)

    def _scaling(self, samples: NDArray[Any]) -> tuple[Scaled, int]:
        lowest, highest = int(samples.min()), int(samples.max())
        if self.bound is None:
            return Scaled.stretch(lowest, highest, _MOST_BITS), _MOST_BITS
        if highest - lowest >= 1 << _MOST_BITS:
            raise UnsupportedError(f"takes up to {_MOST_BITS} bits without loss (got values {lowest} to {highest})")
        return Scaled(lowest, 1.0), next(bits for bits in _FORMATS if highest - lowest < 1 << bits)


def _decode_stream(av: Any, stream: bytes, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Frames of an elementary stream: a parser cuts it into packets."""
    parser = av.CodecContext.create("hevc", "r")
    packets = [bytes(packet) for packet in [*parser.parse(stream), *parser.parse()]]
    return decode_frames(av, "hevc", b"", packets, shape, dtype)
