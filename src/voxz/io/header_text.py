"""Numbers in the text headers of foreign formats, and the bounds that keep them from being trusted."""

import math
import re
from typing import BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from voxz.errors import CorruptError, UnsupportedError
from voxz.volume.layout import MOST_AXES

ByteOrder = Literal["<", ">"]

LARGEST_HEADER = 1 << 24
"""Bytes of a text header."""

LARGEST_VOLUME = 1 << 50
"""Bytes of the samples of a file."""

MOST_FILES = 1 << 20
"""Data files that a header may name."""


def read_text(file: BinaryIO, size: int) -> str:
    """A header that is the whole file; `CorruptError` if it is too large for one."""
    if size > LARGEST_HEADER:
        raise CorruptError(f"a header has {size} bytes, expected at most {LARGEST_HEADER}")
    file.seek(0)
    return file.read(size).decode("latin-1")


def read_start(file: BinaryIO) -> bytes:
    """As much of a file as a header may take."""
    file.seek(0)
    return file.read(LARGEST_HEADER)


def integers(text: str) -> list[int]:
    """Whole numbers between spaces and commas."""
    try:
        found = [int(word) for word in re.split(r"[\s,]+", text.strip()) if word]
    except ValueError:
        raise CorruptError(f"the header has {text[:40]!r} where whole numbers belong") from None
    if any(abs(number) > LARGEST_VOLUME for number in found):
        raise CorruptError(f"the header has the impossible number {max(found, key=abs)}")
    return found


def integer(text: str) -> int:
    """One whole number."""
    found = integers(text)
    if len(found) != 1:
        raise CorruptError(f"the header has {text[:40]!r} where one whole number belongs")
    return found[0]


def decimals(text: str) -> list[float]:
    """Numbers between spaces and commas."""
    try:
        return [float(word) for word in re.split(r"[\s,]+", text.strip()) if word]
    except ValueError:
        raise CorruptError(f"the header has {text[:40]!r} where numbers belong") from None


def check_shape(shape: tuple[int, ...] | list[int], itemsize: int) -> None:
    """`CorruptError` for a negative length or more bytes than any file has, `UnsupportedError` for too many axes."""
    if len(shape) > MOST_AXES + 1:
        raise UnsupportedError(f"the image has {len(shape)} axes, expected at most {MOST_AXES}")
    if any(length < 0 for length in shape) or math.prod(shape) * itemsize > LARGEST_VOLUME:
        raise CorruptError(f"the header has the impossible shape {tuple(shape)}")


def check_room(start: int, length: int, size: int) -> None:
    """`CorruptError` unless bytes ``[start, start + length)`` are in a file of `size` bytes."""
    if not 0 <= start <= start + length <= size:
        raise CorruptError(f"the samples take {length} bytes from {start} on, the file has {size}")


def affine_of(
    columns: list[list[float]] | NDArray[np.float64], origin: list[float] | NDArray[np.float64], lps: bool = False
) -> NDArray[np.float64] | None:
    """Affine from the steps along three axes and the place of the first voxel, mm; None unless all are numbers.

    `lps`: they count to the left and to the back; the affine counts to the right and to the front.
    """
    steps, place = np.array(columns, np.float64), np.array(origin, np.float64)
    if steps.shape != (3, 3) or place.shape != (3,) or not (np.isfinite(steps).all() and np.isfinite(place).all()):
        return None
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = steps.T, place
    if lps:
        affine[:2] *= -1
    return affine + 0.0


def size_of(file: BinaryIO) -> int:
    """Bytes of an open file."""
    return file.seek(0, 2)
