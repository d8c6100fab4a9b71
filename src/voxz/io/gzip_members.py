"""Gzip files made again, byte for byte: of each member its header, as it was, and the options of zlib that made it.

`MemberSearch` finds these while a file is read. `Repacking` is what is kept of it: for one member with the *canonical* header (no
name, no time) made by one compressor, options; else a piece that tells all members. `GzipAgain` makes the file.
"""

import contextlib
import os
import warnings
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from voxz.container.cursor import Cursor
from voxz.container.files import Gzip
from voxz.container.pieces import LONGEST
from voxz.entropy.varint import varint
from voxz.errors import CorruptError, PlainBytesWarning, VoxzError
from voxz.io.gzip_stream import Content
from voxz.io.packings.zlib_replay import WINDOW, ZlibOptions
from voxz.io.packings.zlib_search import Finder, Search
from voxz.io.packings.zlib_stream import Wrapper, gzip_header, gzip_how, gzip_levels

DEFAULT_LEVEL = 6
_LONGEST_HEADER = 1 << 16
_TRAILER = 8
_PART = 1 << 20


def canonical_header(level: int) -> bytes:
    """The ten bytes that begin canonical gzip: no name, no time, the level's mark."""
    return b"\x1f\x8b\x08\0\0\0\0\0" + {9: b"\2", 1: b"\4"}.get(level, b"\0") + b"\xff"


@dataclass(frozen=True)
class Repacking:
    """How a content becomes a gzip file again.

    Attributes
    ----------
    crc32 : of the file, if that can be made exactly
    before, after : pieces: what tells the members, empty for a canonical one, and what follows the last of them
    """

    gzip: Gzip = Gzip(DEFAULT_LEVEL)  # noqa: RUF009 - frozen
    crc32: int = 0
    before: bytes = b""
    after: bytes = b""

    def of_content(self) -> "Repacking":
        """Canonical gzip, with what follows: for a content that can only come back in other gzip, or has changed."""
        return Repacking(Gzip(DEFAULT_LEVEL, after=len(self.after)), after=self.after)


class MemberSearch:
    """Watches the `Content` of the .gz file at `path`; after that, `result` tells how to make it again."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._file = Path(path).open("rb")  # noqa: SIM115 - closed by `close`
        self._finder = Finder(1)
        self._search: Search | None = None
        self._header, self._size = b"", 0
        self._members: list[tuple[int, bytes, bytes]] = []
        self._lost = False

    def begin(self, start: int) -> None:
        """A member begins at this byte of the file."""
        if self._lost:
            return
        front = self._read(start, _LONGEST_HEADER)
        self._header, self._size = front[: gzip_header(front)], 0
        self._lost = not self._header
        if self._lost:
            return
        self._start = start + len(self._header)
        self._search_among(self._finder.groups(WINDOW, gzip_levels(self._header)))

    def feed(self, content: bytes) -> None:
        """The next part of its content."""
        self._size += len(content)
        if self._search is not None and not self._search.feed(content) and not self._search_again():
            self._lose()

    def end(self, stop: int) -> None:
        """It ended before this byte."""
        if self._search is None:
            return
        length = stop - _TRAILER - self._start
        found = self._search.result(length)
        while found is None and self._search_again():
            found = self._search.result(length)
        how = self._finder.learnt(found)
        if how is None:
            self._lose()
        else:
            self._members.append((self._size, self._header, how))

    def result(self, content: Content) -> Repacking:
        """How to make the file again, once all of its content is read; if that is not known, canonical gzip of the content."""
        repacking = Repacking(after=content.behind)
        before = _told(self._members)
        if self._lost or len(before) > LONGEST:
            return repacking.of_content()
        options = self._finder.last or ZlibOptions(DEFAULT_LEVEL)
        gzip = Gzip(options.level, options.memory_level, options.strategy, exact=True, after=len(content.behind))
        _, header, how = self._members[0]
        if len(self._members) == 1 and header == canonical_header(gzip.level) and how == options.packed():
            return Repacking(gzip, content.crc32, after=content.behind)
        gzip = Gzip(options.level, exact=True, before=len(before), after=len(content.behind))
        return Repacking(gzip, content.crc32, before, content.behind)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _search_among(self, groups: Sequence[Sequence[ZlibOptions]]) -> Search:
        self._search = Search(lambda at, length: self._read(self._start + at, length), groups)
        return self._search

    def _search_again(self) -> bool:
        """Go on with options that were not tried, as likelier ones went astray late; whether any are left up to here."""
        while self._search is not None and self._search.untried:
            search = self._search_among(self._search.untried)
            if all(search.feed(part) for part in self._content(self._size)):
                return True
        return False

    def _content(self, left: int) -> Iterator[bytes]:
        """So many bytes of the content of the member, from its beginning on."""
        unpacker, at = zlib.decompressobj(-WINDOW), self._start
        while left and (packed := self._read(at, _PART)):
            part = unpacker.decompress(packed, min(left, _PART))
            at, left = at + len(packed) - len(unpacker.unconsumed_tail), left - len(part)
            yield part

    def _lose(self) -> None:
        self._search, self._lost = None, True
        self._members.clear()

    def _read(self, start: int, length: int) -> bytes:
        self._file.seek(start)
        return self._file.read(length)


def _told(members: list[tuple[int, bytes, bytes]]) -> bytes:
    """The piece that tells the members: from the size of the content, the header, and what replaying needs, of each."""
    sizes = [varint(size) for size, _, _ in members[:-1]]
    return varint(len(sizes)) + b"".join(sizes) + b"".join(gzip_how(header, how) for _, header, how in members)


def repacking_of(path: Path) -> Repacking | None:
    """How to make a gzip file again, from reading it; None if it is none, or damaged."""
    with contextlib.closing(MemberSearch(path)) as search, path.open("rb") as file, contextlib.suppress(VoxzError):
        content = Content(file, str(path), search)
        while content.read(_PART):
            pass
        return search.result(content)
    return None


class GzipAgain:
    """Compresses content as it was; `finish` gives the CRC32 of the compressed file."""

    def __init__(self, file: BinaryIO, repacking: Repacking) -> None:
        self._file, self._after = file, repacking.after
        self.crc32 = 0
        gzip = repacking.gzip
        canonical = canonical_header(gzip.level)
        options = ZlibOptions(gzip.level, gzip.memory_level, gzip.strategy)
        self._how = Cursor(repacking.before or _told([(0, canonical, options.packed())]))
        count = self._how.number()
        if count > self._how.left:
            raise CorruptError("a gzip file has more members than it announces")
        self._lengths = [self._how.number() for _ in range(count)]
        self._left = self._lengths.pop(0) if self._lengths else None
        self._member = Wrapper(self._how)

    def write(self, data: bytes, /) -> int:
        """Take in the next part of the content."""
        rest = memoryview(data)
        while self._left is not None and len(rest) >= self._left:
            part, rest = rest[: self._left], rest[self._left :]
            self._put(self._member.write(part) + self._member.finish())
            self._left = self._lengths.pop(0) if self._lengths else None
            self._member = Wrapper(self._how)
        self._left = None if self._left is None else self._left - len(rest)
        self._put(self._member.write(rest))
        return len(data)

    def finish(self) -> int:
        """Write the rest. `CorruptError` if the members do not have the length of the content."""
        self.write(b"")
        if self._left is not None:
            raise CorruptError("the members of a gzip file have more bytes than its content")
        self._put(self._member.finish() + self._after)
        self._how.finish()
        return self.crc32

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self.crc32 = zlib.crc32(data, self.crc32)


@contextlib.contextmanager
def gzip_again(file: BinaryIO, repacking: Repacking, name: str | os.PathLike[str]) -> Iterator[GzipAgain]:
    """Gzip in front of `file`, which `name` is called; warn if this zlib gives other bytes than those that were promised."""
    packer = GzipAgain(file, repacking)
    yield packer
    if packer.finish() != repacking.crc32 and repacking.gzip.exact:
        words = "this zlib packs differently: its content is that of the original, its bytes are not"
        warnings.warn(f"{name}: {words}", PlainBytesWarning, stacklevel=4)
