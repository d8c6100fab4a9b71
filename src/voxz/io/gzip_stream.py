"""Reading gzip as gzip does: streams, its *members*, may follow each other, and what follows the last one is not content.

Here it is kept, not ignored. `voxz.io.gzip_members` makes the very file again.
"""

import io
import os
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from voxz.container.pieces import LONGEST
from voxz.errors import CorruptError, TruncatedError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAGIC = b"\x1f\x8b"
LARGEST_HEADER = 1 << 26
ENDINGS = {".gz": "", ".mgz": ".mgh"}
"""Endings of names of files that are gzip as a whole, and of their content."""

_READ = 1 << 18
_GZIP = 16 + zlib.MAX_WBITS
"""Tells zlib to read the header and the checksums of gzip."""


def content_name(name: str) -> str:
    """Name of the content of a gzip file: that of the file, if its ending says nothing of gzip."""
    for ending, other in ENDINGS.items():
        if name.lower().endswith(ending):
            return name[: -len(ending)] + other
    return name


def unpacked(data: bytes) -> bytes:
    """Return the content of a small gzip file, or `data` itself if it is none."""
    if data[: len(MAGIC)] != MAGIC:
        return data
    unpacker = zlib.decompressobj(_GZIP)
    try:
        content = unpacker.decompress(data, LARGEST_HEADER)
    except zlib.error as error:
        raise CorruptError(f"a gzip-compressed header is damaged ({error}); get the file again") from None
    if not unpacker.eof:
        raise CorruptError(f"a gzip-compressed header ends early or holds more than {LARGEST_HEADER} bytes")
    return content


class Watcher(Protocol):
    """Sees what is read: where members begin and end in the file, and the content between."""

    def begin(self, start: int) -> None:
        """A member begins at this byte of the file."""

    def feed(self, content: bytes) -> None:
        """The next part of its content."""

    def end(self, stop: int) -> None:
        """It ended before this byte."""


class Content:
    """Content of the gzip file that `file` is open at the start of; `name` is what messages call it.

    Attributes
    ----------
    behind : once all is read, the bytes behind the last member
    crc32 : once all is read, of the file
    """

    def __init__(self, file: BinaryIO, name: str, watcher: Watcher | None = None) -> None:
        self._file, self._name, self._watcher = file, name, watcher
        self._packed, self._ended, self._taken = b"", False, 0
        self.behind, self.crc32 = b"", 0
        self._begin(0)

    def read(self, length: int) -> bytes:
        """Return at most `length` bytes, none at the end.

        Raises
        ------
        CorruptError
            A member is damaged, or more than `LONGEST` bytes follow the last one.
        TruncatedError
            A member ends early.
        """
        data = b""
        while not data and not self._ended:
            if self._unpacker.eof:
                self._next()
                continue
            packed = self._packed or self._take(_READ)
            try:
                data = self._unpacker.decompress(packed, length)
            except zlib.error as error:
                raise CorruptError(f"{self._name} is a damaged gzip file ({error}); get the file again") from None
            if not (packed or data or self._unpacker.eof):
                raise TruncatedError(f"{self._name} is a gzip file that ends early; get the file again")
            self._packed = self._unpacker.unconsumed_tail
            if self._watcher is not None:
                self._watcher.feed(data)
        return data

    def _take(self, length: int) -> bytes:
        data = self._file.read(length)
        self._taken, self.crc32 = self._taken + len(data), zlib.crc32(data, self.crc32)
        return data

    def _begin(self, start: int) -> None:
        self._unpacker = zlib.decompressobj(_GZIP)
        if self._watcher is not None:
            self._watcher.begin(start)

    def _next(self) -> None:
        """Go on with the member that follows, or keep what follows if that is none."""
        rest = self._unpacker.unused_data
        stop = self._taken - len(rest)
        if self._watcher is not None:
            self._watcher.end(stop)
        rest += self._take(max(0, len(MAGIC) - len(rest)))
        if rest[: len(MAGIC)] == MAGIC:
            self._packed = rest
            self._begin(stop)
            return
        self.behind, self._ended = rest + self._take(LONGEST + 1), True
        if len(self.behind) > LONGEST:
            raise CorruptError(f"{self._name} has more than {LONGEST} bytes behind its gzip stream")


class ContentFile(io.RawIOBase):
    """`Content` as a file that can be read from anywhere; going back means reading it from the start again."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file, self._name = file, name
        self._rewind()

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is, slowly."""
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Fill the buffer, or less of it; 0 at the end."""
        view = memoryview(buffer)
        data = self._content.read(len(view))
        view[: len(data)] = data
        self._at += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a byte of the content."""
        if whence == os.SEEK_END:
            while self.read(_READ):
                pass
        target = offset if whence == os.SEEK_SET else self._at + offset
        if target < self._at:
            self._rewind()
        while self._at < target and self.read(min(_READ, target - self._at)):
            pass
        return self._at

    def tell(self) -> int:
        """Bytes of the content before this place."""
        return self._at

    def _rewind(self) -> None:
        self._file.seek(0)
        self._content, self._at = Content(self._file, self._name), 0


def buffered_content(file: BinaryIO, path: Path) -> BinaryIO:
    """The content of the gzip file at `path`, which `file` is open at the start of, for many small reads."""
    return cast(BinaryIO, io.BufferedReader(ContentFile(file, str(path)), _READ))
