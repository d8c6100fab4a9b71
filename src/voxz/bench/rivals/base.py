"""What a rival is, and the two forms in which rivals want samples: stacks of unsigned slices, or arrays of floats.

A rival is a frozen dataclass whose fields are its options. Samples are ``(series, z, y, x)``, of any type; what a rival cannot
take it refuses with `UnsupportedError`, and what is not installed raises `MissingDependencyError` with the way to get it.
"""

import importlib
import importlib.metadata
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from voxz.bench.rivals.frame import Frame, pack, unpack
from voxz.errors import MissingDependencyError, UnsupportedError

Order = Literal["volume", "time"]
"""How a series becomes one stack of slices: all slices of a volume together, or all volumes of a slice."""


class Rival(ABC):
    """A codec with its options."""

    origin: ClassVar[str]
    """How to install it."""

    @abstractmethod
    def version(self) -> str:
        """Version of what does the work."""

    @abstractmethod
    def encode(self, samples: NDArray[Any]) -> bytes:
        """Return a file's bytes for samples ``(series, z, y, x)``, on one thread."""

    @abstractmethod
    def decode(self, blob: bytes) -> NDArray[Any]:
        """Return the samples of `encode`, on one thread."""

    @property
    def bound(self) -> float | None:
        """Largest error that is promised in stored units: 0 for lossless, None without a promise."""
        return 0.0

    def warm(self) -> None:  # noqa: B027 - most have nothing to do
        """Do work that is needed once a process (compiling, loading) before the clock starts."""

    def missing(self, package: str) -> MissingDependencyError:
        """Make the error that says how to install `package`."""
        return MissingDependencyError(f"{package} is not installed; get it with: {self.origin}")

    def load(self, module: str) -> Any:
        """Import an optional package."""
        try:
            return importlib.import_module(module)
        except ImportError:
            raise self.missing(module) from None


class Packaged(Rival):
    """A rival in a Python package."""

    origin = "pip install 'voxz[bench]'"
    package: ClassVar[str]

    def version(self) -> str:
        try:
            return f"{self.package} {importlib.metadata.version(self.package)}"
        except importlib.metadata.PackageNotFoundError:
            raise self.missing(self.package) from None


class ImageCodecs(Packaged):
    """A rival inside the imagecodecs package, which names the versions of the libraries it carries."""

    package = "imagecodecs"
    library: ClassVar[str]

    def version(self) -> str:
        return f"{getattr(self.codecs, f'{self.library}_version')()}, {super().version()}"

    @property
    def codecs(self) -> Any:
        """The package."""
        return self.load("imagecodecs")


class Stacked(Rival):
    """A rival that takes a stack ``(n, y, x)`` of unsigned integers of up to `most_bits` bits: bytes where they suffice.

    Signed samples are shifted by their minimum, which the frame keeps.
    """

    most_bits: ClassVar[int] = 16
    order: Order = "volume"

    @abstractmethod
    def encode_stack(self, stack: NDArray[Any]) -> list[bytes]:
        """Parts of the file."""

    @abstractmethod
    def decode_stack(self, parts: list[bytes], shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Stack from its parts; `dtype` is uint8 or uint16."""

    def encode(self, samples: NDArray[Any]) -> bytes:
        if samples.dtype.kind not in "iu":
            raise UnsupportedError(f"takes integers only (got {samples.dtype})")
        lowest, highest = int(samples.min()), int(samples.max())
        offset = lowest if lowest < 0 or highest >= 1 << self.most_bits else 0
        if highest - offset >= 1 << self.most_bits:
            raise UnsupportedError(f"takes up to {self.most_bits} bits (got values {lowest} to {highest})")
        shifted = samples.astype(np.int64) - offset if offset else samples
        unsigned = shifted.astype(np.uint8 if highest - offset < 256 else np.uint16)
        parts = self.encode_stack(to_stack(unsigned, self.order))
        return pack(Frame(samples.shape, samples.dtype, offset, [bytes([unsigned.itemsize]), *parts]))

    def decode(self, blob: bytes) -> NDArray[Any]:
        frame = unpack(blob)
        series, z, y, x = frame.shape
        width, *parts = frame.parts
        stack = self.decode_stack(parts, (series * z, y, x), np.dtype(f"u{width[0]}"))
        samples = from_stack(stack, frame.shape, self.order)
        if not frame.offset and samples.dtype == frame.dtype:
            return samples
        return to_type(samples.astype(np.int64) + frame.offset, frame.dtype)


class Floating(Rival):
    """A rival that takes floats; integers travel as float32, or float64 from 25 bits on, and are rounded on return."""

    def encode(self, samples: NDArray[Any]) -> bytes:
        if samples.dtype.kind not in "iuf" or samples.dtype.itemsize > 8:
            raise UnsupportedError(f"takes integers and floats (got {samples.dtype})")
        exact = samples.dtype.kind == "f" or int(samples.max()) - min(int(samples.min()), 0) < 1 << 24
        floats = samples.astype(np.float32 if exact and samples.dtype != np.float64 else np.float64)
        return pack(Frame(samples.shape, samples.dtype, floats.itemsize, [self.encode_floats(floats)]))

    def decode(self, blob: bytes) -> NDArray[Any]:
        frame = unpack(blob)
        floats = self.decode_floats(frame.parts[0], frame.shape, np.dtype(f"f{frame.offset}"))
        return to_type(floats.reshape(frame.shape), frame.dtype)

    @abstractmethod
    def encode_floats(self, samples: NDArray[Any]) -> bytes:
        """Bytes for samples ``(series, z, y, x)``."""

    @abstractmethod
    def decode_floats(self, part: bytes, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Samples of `shape`, or of another shape with the same order."""


class Plain(Rival):
    """A rival that takes the samples as a run of bytes of any type."""

    order: Order = "volume"

    @abstractmethod
    def encode_array(self, samples: NDArray[Any]) -> bytes:
        """Bytes for contiguous samples."""

    @abstractmethod
    def decode_array(self, part: bytes, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any] | bytes:
        """Samples, or their bytes."""

    def encode(self, samples: NDArray[Any]) -> bytes:
        stack = to_stack(samples, self.order)
        return pack(Frame(samples.shape, samples.dtype, 0, [self.encode_array(stack)]))

    def decode(self, blob: bytes) -> NDArray[Any]:
        frame = unpack(blob)
        series, z, y, x = frame.shape
        data = self.decode_array(frame.parts[0], (series * z, y, x), frame.dtype)
        stack = np.frombuffer(data, frame.dtype) if not isinstance(data, np.ndarray) else data
        return from_stack(stack.reshape(series * z, y, x), frame.shape, self.order)


@dataclass(frozen=True)
class Scaled:
    """Samples scaled linearly to codes: ``sample = low + code / factor``."""

    low: int
    factor: float

    @classmethod
    def stretch(cls, lowest: int, highest: int, bits: int) -> "Scaled":
        """Use all of `bits` bits: video codecs have no finer step than their bit depth allows."""
        return cls(lowest, ((1 << bits) - 1) / max(1, highest - lowest))

    def to_codes(self, samples: NDArray[Any]) -> NDArray[np.uint16]:
        """Codes of `samples`."""
        return np.rint((samples.astype(np.float64) - self.low) * self.factor).astype(np.uint16)

    def to_samples(self, codes: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Samples of `codes`."""
        return to_type(codes.astype(np.float64) / self.factor + self.low, dtype)


def to_stack(samples: NDArray[Any], order: Order) -> NDArray[Any]:
    """``(series, z, y, x)`` as contiguous ``(n, y, x)``."""
    ordered = samples if order == "volume" else samples.swapaxes(0, 1)
    return np.ascontiguousarray(ordered).reshape(-1, *samples.shape[2:])


def from_stack(stack: NDArray[Any], shape: tuple[int, ...], order: Order) -> NDArray[Any]:
    """Undo `to_stack`."""
    series, z, y, x = shape
    if order == "volume":
        return stack.reshape(shape)
    return np.ascontiguousarray(stack.reshape(z, series, y, x).swapaxes(0, 1))


def to_type(samples: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Round and clip to a sample type."""
    if dtype.kind == "f":
        return samples.astype(dtype)
    limits = np.iinfo(dtype)
    rounded = np.rint(samples) if samples.dtype.kind == "f" else samples
    return np.asarray(np.clip(rounded, limits.min, limits.max).astype(dtype))
