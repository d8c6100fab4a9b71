"""How samples are laid out, and the foreign file they came from.

Conventions, used everywhere:

* samples are the *stored* samples, never rescaled, in the order in which they lie in the file;
* the *canonical* shape is ``(series, z, y, x, channels)``, slowest first: x is the axis that varies fastest, axes
  beyond three are merged into `series`, colour channels of one voxel lie side by side;
* `Layout.shape` is the shape a user of the foreign format sees: first axis fastest (x, y, z, t ...) for NIfTI and
  Fortran-ordered arrays, last axis fastest for C-ordered arrays.
"""

import math
from dataclasses import dataclass

import numpy as np

from voxz.errors import UnsupportedError

MOST_AXES = 7

Canonical = tuple[int, int, int, int, int]

DTYPES = {
    1: "b1",
    2: "i1",
    3: "u1",
    4: "i2",
    5: "u2",
    6: "i4",
    7: "u4",
    8: "i8",
    9: "u8",
    10: "f2",
    11: "f4",
    12: "f8",
    13: "c8",
    14: "c16",
    15: "V16",
    16: "V32",
}
"""Sample types by the number stored in files; V16 and V32 are float128 and complex256, kept as opaque bytes."""


@dataclass(frozen=True)
class Layout:
    """Shape, type and order of the samples of a file or array."""

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    first_axis_fastest: bool
    channels: int = 1

    def __post_init__(self) -> None:
        if len(self.shape) > MOST_AXES:
            raise UnsupportedError(f"an image has at most {MOST_AXES} axes (got {len(self.shape)}); reshape it")
        self.dtype_code()

    def dtype_code(self) -> int:
        """Number of the sample type in files."""
        for code, name in DTYPES.items():
            if self.dtype.newbyteorder("<") == np.dtype(name).newbyteorder("<"):
                return code
        raise UnsupportedError(f"samples of type {self.dtype} cannot be stored; convert them to integers or floats")

    @property
    def memory_shape(self) -> tuple[int, ...]:
        """Axes in memory order, slowest first, without channels."""
        return self.shape[::-1] if self.first_axis_fastest else self.shape

    @property
    def canonical(self) -> Canonical:
        """``(series, z, y, x, channels)``."""
        axes = (1, 1, 1, *self.memory_shape)
        z, y, x = axes[-3:]
        return math.prod(axes[:-3]), z, y, x, self.channels

    @property
    def samples(self) -> int:
        """Samples, channels counted."""
        return math.prod(self.canonical)

    @property
    def nbytes(self) -> int:
        """Bytes of all samples."""
        return self.samples * self.dtype.itemsize


@dataclass(frozen=True)
class Foreign:
    """A file of another format, apart from its samples: kept verbatim.

    Attributes
    ----------
    format : name of the format, see ``container.header.FORMATS``
    head : the data file's bytes before the samples
    companion : the whole header file of a two-file format, else empty
    companion_ending : what its name has in place of the ending of the data file's
    gzipped : whether the data file was gzip-compressed
    """

    format: str
    head: bytes = b""
    companion: bytes = b""
    gzipped: bool = False
    companion_ending: str = ""
