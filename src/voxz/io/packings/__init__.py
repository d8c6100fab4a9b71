"""Packings: how bytes of a foreign file hold samples, undone when it is read and done again when it is restored.

A packing is a module of this room, imported on use, with two functions:

* ``unpack(data: bytes, layout: Layout, *options: int) -> tuple[bytes, bytes] | None``: samples in the order in which they lie
  in the file, and `how`, the bytes that `pack` needs to make `data` again; None if it is none of this packing, or damaged.
  Options are those of the stretch; most packings have none;
* ``pack(samples: bytes, how: bytes, layout: Layout) -> bytes``: `data` again.

`unpack` does not try whether `pack` gives the very bytes; its caller does when a file is written, and stores them verbatim if
not. Both get bytes of files: they bound what they allocate by ``layout.nbytes``, and raise `CorruptError` for what cannot be.
"""

import importlib
from typing import Protocol, cast

from voxz.errors import UnsupportedError
from voxz.volume.layout import Layout

PACKINGS = {
    "raw": 0,
    "deflate": 1,
    "bz2": 2,
    "jpeg-lossless": 3,
    "jpeg-ls": 4,
    "rle": 5,
    "mosaic": 7,
    "bits": 8,
    "png": 9,
    "strips": 10,
    "zstd": 11,
    "blosc": 12,
    "jpeg": 13,
}
"""Numbers of the packings in files."""

WITHOUT_SAMPLES = ("jpeg",)
"""Packings of bytes that are no samples of an array; `how` is all there is."""


class Packing(Protocol):
    """A module that undoes and redoes a packing."""

    def unpack(self, data: bytes, layout: Layout, *options: int) -> tuple[bytes, bytes] | None:
        """Samples, and what `pack` needs; None if `data` is none of this packing."""

    def pack(self, samples: bytes, how: bytes, layout: Layout) -> bytes:
        """The bytes that `unpack` was given."""


def packing(name: str) -> Packing:
    """Module of a packing; "raw" has none."""
    if name not in PACKINGS:
        raise UnsupportedError(f"unknown packing {name!r}; known are {', '.join(PACKINGS)}")
    return cast(Packing, importlib.import_module(f"voxz.io.packings.{name.replace('-', '_')}"))
