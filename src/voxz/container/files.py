"""A file as a list of segments: what an archive says about each file that it restores.

A segment is bytes that are kept verbatim, or samples of an array, seen in another order and packed again. Head, samples and tail
of a NIfTI file are three segments; a text is one; a DICOM slice is a head and its part of the array of the series.
"""

from dataclasses import dataclass

from voxz.volume.view import IDENTITY, View

PLAIN, FOLDER = "bytes", "folder"
"""Formats of files that no reader knows, and of empty folders."""


@dataclass(frozen=True)
class Verbatim:
    """Bytes that are kept as they are: one piece of the stream."""

    length: int


@dataclass(frozen=True)
class Samples:
    """Samples ``[first, first + count)`` of an array in memory order, channels counted one by one, as they are in the file.

    Attributes
    ----------
    array : number of the array
    length : bytes in the file
    view : how the samples lie in the file
    packing : number of the packing, 0 if the bytes are the samples
    how : length of the piece that says how they are packed; 0 if there is none
    """

    array: int
    first: int
    count: int
    length: int
    view: View = IDENTITY
    packing: int = 0
    how: int = 0


Segment = Verbatim | Samples


@dataclass(frozen=True)
class Gzip:
    """How the content of a file was compressed as a whole.

    Attributes
    ----------
    level, memory_level, strategy : options of zlib, for compressing it again
    exact : whether that gives the very file
    before, after : lengths of the pieces that tell its members, 0 for one with the canonical header, and of what follows them
    """

    level: int
    memory_level: int = 8
    strategy: int = 0
    exact: bool = False
    before: int = 0
    after: int = 0


@dataclass(frozen=True)
class StoredFile:
    """A file that is restored.

    Attributes
    ----------
    name : path relative to the folder, with ``/``; where files have no names of their own, an ending, empty for the only one
    format : name of its format
    crc32 : of its content, without gzip
    segments : what the content is made of
    gzip : how it was compressed as a whole; None if it was not
    gzip_crc32 : of the compressed file, if that is exact
    mode, mtime_ns : permissions, and time of the last change, where they are kept
    """

    name: str
    format: str
    crc32: int
    segments: tuple[Segment, ...]
    gzip: Gzip | None = None
    gzip_crc32: int = 0
    mode: int = 0
    mtime_ns: int = 0

    @property
    def size(self) -> int:
        """Bytes of its content."""
        return sum(segment.length for segment in self.segments)

    @property
    def pieces(self) -> list[int]:
        """Lengths of the pieces that it takes from the stream, in order: before, one for each segment that needs one, after."""
        around = (self.gzip.before, self.gzip.after) if self.gzip else (0, 0)
        lengths = [segment.length if isinstance(segment, Verbatim) else segment.how for segment in self.segments]
        return [length for length in (around[0], *lengths, around[1]) if length]
