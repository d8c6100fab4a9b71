"""An array as a source of samples, read like a file."""

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from voxz.volume.layout import Foreign, Layout


class ArraySource:
    """Any array of up to 7 axes, in C order: the last axis is x. Long doubles are stored in the byte order of the machine.

    Attributes
    ----------
    layout, foreign :
        What the samples are; there is nothing around them.
    """

    foreign = Foreign("array")

    def __init__(self, array: NDArray[Any]) -> None:
        opaque = {16: "V16", 32: "V32"}.get(array.dtype.itemsize) if array.dtype.char in "gG" else None
        array = array.astype(array.dtype.newbyteorder("="), copy=False) if opaque else array
        kind = np.dtype(opaque) if opaque else array.dtype
        self.layout = Layout(array.shape, kind, first_axis_fastest=False)
        self._bytes = memoryview(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        self._at = 0

    def __enter__(self) -> "ArraySource":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def read_samples(self, length: int) -> bytes:
        """Return the next `length` bytes, without a copy."""
        self._at += length
        return cast(bytes, self._bytes[self._at - length : self._at])

    def read_tail(self) -> bytes:
        """Nothing follows."""
        return b""

    def gzip(self) -> None:
        """It was no gzip file."""
