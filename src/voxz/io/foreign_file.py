"""What a reader of a foreign format says about a file: where samples lie in it. Everything else is kept verbatim.

A reader is one module ``voxz/io/NAME.py`` with two functions, listed in `voxz.io.readers`:

* ``recognise(head: bytes, name: str) -> bool``: whether the file may be of this format, by its first 64 KiB
  (or less) and its name;
* ``parse(file: BinaryIO, size: int, name: str, beside: Callable[[str], BinaryIO]) -> ForeignFile``: where its samples lie.
  ``beside(name)`` opens a file of the same folder, for formats that keep header and samples apart; raises `UnsupportedError`
  if there is none; ``beside("../NAME")`` one of the folder above, for the names of `ABOVE` only; ``beside("FOLDER/NAME")`` one
  below, as it lies there, gzip or not. A file whose reader raises
  `CorruptError` or `UnsupportedError` is stored verbatim, with a warning.

A file that is gzip as a whole is seen as its content, by `recognise`, `parse` and `beside` alike, under its own name
(``x.mif.gz``); its stretches lie in that content. A reader never changes, completes or interprets samples: it names bytes, and
the restored file has the same.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from voxz.volume.layout import Layout
from voxz.volume.view import IDENTITY, View

HEAD_BYTES = 1 << 16
"""Bytes of a file that readers see to recognise it."""

NO_SAMPLES = Layout((0,), np.dtype("u1"), first_axis_fastest=False)
"""Layout of stretches in a packing that has no samples (`voxz.io.packings.WITHOUT_SAMPLES`)."""

WHOLE = -1
"""Length of a stretch that is all of a detached file."""

ABOVE = frozenset({".zattrs", "zarr.json"})
"""Files that may say something about those of the folders in theirs."""

Beside = Callable[[str], BinaryIO]
"""Opens a file of the same folder or below it, or one of `ABOVE` in a folder above it."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bytes ``[start, start + length)`` of a file that hold samples; all of them if the length is `WHOLE`.

    Attributes
    ----------
    layout : of the samples once unpacked and seen through `view`
    packing : how the bytes hold the samples, a name of `voxz.io.packings.PACKINGS`; "raw" if they are the samples
    options : what the packing must know to undo it, beyond the layout: further arguments of its `unpack`
    key : stretches of one file, or of files of one folder or series, with equal key and layout become one array; None: an array
        of its own
    position : where the stretch lies in that array; the last component is a place, mm for slices. `voxz.io.arrange` orders
        stretches by it and finds the axes that they make
    view : how samples in the order of the file become those of `layout`
    joined : the stretches of an array follow each other along the slowest axis of `layout`, rather than making one more
    title : name of the array within its file; empty if it is the only one
    """

    start: int
    length: int
    layout: Layout
    packing: str = "raw"
    key: Hashable | None = None
    position: tuple[float, ...] = ()
    view: View = IDENTITY
    options: tuple[int, ...] = ()
    joined: bool = False
    title: str = ""


@dataclass(frozen=True, eq=False)
class Space:
    """Where the samples of a file lie in space, and what their values mean.

    Attributes
    ----------
    affine : indices along the first three axes of ``layout.shape`` to mm, 4 x 4; x to the right, y to the front, z up (RAS).
        None if the format does not say. Files of one array give that of their own first voxel: the way from one to the next is
        found from them
    axes : names of the axes, in the order of ``layout.shape``; empty if there are none
    scaling : slope and intercept, ``value = sample * slope + intercept``: none, one pair, or one for each slice, those of the
        slowest axis outermost
    """

    affine: NDArray[np.float64] | None = None
    axes: tuple[str, ...] = ()
    scaling: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class ForeignFile:
    """A file of another format: where samples lie in it, and what is known about them.

    Attributes
    ----------
    format : name of the format, as `info` shows it
    stretches : those of the file, by its name, and those of detached data files, by theirs; in file order, not overlapping
    space : where the samples lie; None if the format does not say
    facts : free of names and dates of people; what `info` shows about the volume ("modality", "series")
    personal : kinds of data in the file that may tell who a person is ("dates"), for one warning about all files
    series : what files of one series have in common, and others do not; empty if the format knows no series. It is not kept
    """

    format: str
    stretches: dict[str, tuple[Stretch, ...]]
    space: Space | None = None
    facts: dict[str, str] = field(default_factory=dict)
    personal: frozenset[str] = frozenset()
    series: str = ""


class Reader(Protocol):
    """A module that reads a format."""

    def recognise(self, head: bytes, name: str) -> bool:
        """Whether the file may be of this format."""

    def parse(self, file: BinaryIO, size: int, name: str, beside: Beside) -> ForeignFile:
        """Where its samples lie; `CorruptError` or `UnsupportedError` if that cannot be said."""
