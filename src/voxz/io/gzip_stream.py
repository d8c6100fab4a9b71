"""Gzip in the one form this package writes: no name, no time, so that the same content gives the same bytes.

`IdentityCheck` finds out, while a .gz file is being read, whether writing it in that form would give its very bytes: it
compresses the content at the levels that programs use and drops a level at its first differing byte. Most foreign files
differ within the first kilobytes, after which the check costs nothing.

`Content` reads gzip as gzip does: streams may follow each other, and what follows the last one is no part of the content. Here it
is kept, not ignored.
"""

import gzip
import os
import zlib
from pathlib import Path
from typing import BinaryIO

from voxz.container.files import Gzip
from voxz.container.pieces import LONGEST
from voxz.errors import CorruptError, TruncatedError

MAGIC = b"\x1f\x8b"
LEVELS = (6, 1, 9)
DEFAULT_LEVEL = 6
LARGEST_HEADER = 1 << 26
_PIECE = 1 << 16
_READ = 1 << 18
_GZIP = 16 + zlib.MAX_WBITS
"""Tells zlib to read the header and the checksums of gzip."""


def writer(file: BinaryIO, level: int = DEFAULT_LEVEL) -> gzip.GzipFile:
    """Return a writer of canonical gzip to `file`."""
    return gzip.GzipFile(filename="", mode="wb", compresslevel=level, fileobj=file, mtime=0)


def canonical_header(level: int) -> bytes:
    """The ten bytes that begin canonical gzip: no name, no time, the level's mark."""
    return b"\x1f\x8b\x08\0\0\0\0\0" + {9: b"\2", 1: b"\4"}.get(level, b"\0") + b"\xff"


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


class Content:
    """Content of the gzip file that `file` is open at the start of; `name` is what messages call it.

    Attributes
    ----------
    behind : once all is read, the bytes behind the last stream
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file, self._name = file, name
        self._packed, self._ended = b"", False
        self._unpacker = zlib.decompressobj(_GZIP)
        self.behind = b""

    def read(self, length: int) -> bytes:
        """Return at most `length` bytes, none at the end.

        Raises
        ------
        CorruptError
            A stream is damaged, or more than `LONGEST` bytes follow the last one.
        TruncatedError
            A stream ends early.
        """
        data = b""
        while not data and not self._ended:
            if self._unpacker.eof:
                self._next()
                continue
            packed = self._packed or self._file.read(_READ)
            try:
                data = self._unpacker.decompress(packed, length)
            except zlib.error as error:
                raise CorruptError(f"{self._name} is a damaged gzip file ({error}); get the file again") from None
            if not (packed or data or self._unpacker.eof):
                raise TruncatedError(f"{self._name} is a gzip file that ends early; get the file again")
            self._packed = self._unpacker.unconsumed_tail
        return data

    def _next(self) -> None:
        """Go on with the stream that follows, or keep what follows if that is none."""
        rest = self._unpacker.unused_data
        rest += self._file.read(max(0, len(MAGIC) - len(rest)))
        if rest[: len(MAGIC)] == MAGIC:
            self._packed, self._unpacker = rest, zlib.decompressobj(_GZIP)
            return
        self.behind, self._ended = rest + self._file.read(LONGEST + 1), True
        if len(self.behind) > LONGEST:
            raise CorruptError(f"{self._name} has more than {LONGEST} bytes behind its gzip stream")


class _Comparison:
    """A file that only compares what is written to it with the bytes of another."""

    def __init__(self, path: Path) -> None:
        self._original = path.open("rb")
        self.same, self.crc32 = True, 0

    def write(self, data: bytes) -> int:
        if self.same and self._original.read(len(data)) != bytes(data):
            self.same = False
        self.crc32 = zlib.crc32(data, self.crc32)
        return len(data)

    def flush(self) -> None:
        """Nothing is buffered here."""

    def finish(self) -> bool:
        """Close the original; True if it was the same to its last byte."""
        same = self.same and not self._original.read(1)
        self._original.close()
        return same


class IdentityCheck:
    """Feed it the content of the .gz file at `path`, then ask for the `result`."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._running: dict[int, tuple[_Comparison, gzip.GzipFile]] = {}
        for level in LEVELS:
            comparison = _Comparison(Path(path))
            self._running[level] = comparison, writer(comparison, level)  # type: ignore[arg-type]

    def feed(self, content: bytes) -> None:
        """Compress the next part of the content at the levels still in question."""
        for at in range(0, len(content), _PIECE):
            for level, (comparison, packer) in list(self._running.items()):
                packer.write(content[at : at + _PIECE])
                if not comparison.same:
                    self._drop(level)
            if not self._running:
                return

    def result(self, behind: bytes) -> tuple[Gzip, int]:
        """Options with which canonical gzip and the bytes `behind` it give the very file, and its CRC32; or the default ones."""
        found = None
        for level, (comparison, packer) in list(self._running.items()):
            packer.close()
            comparison.write(behind)
            if comparison.finish() and found is None:
                found = Gzip(level, exact=True, after=len(behind)), comparison.crc32
        self._running.clear()
        return found or (Gzip(DEFAULT_LEVEL, after=len(behind)), 0)

    def close(self) -> None:
        """Give up."""
        for level in list(self._running):
            self._drop(level)

    def _drop(self, level: int) -> None:
        comparison, packer = self._running.pop(level)
        comparison.same = False
        packer.close()
        comparison.finish()
