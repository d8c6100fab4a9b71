"""Where the bytes of a file come from: memory, a path, a file object, or a URL.

Every source is the same three things: its `size`, one range (`read`), many ranges at once (`read_many`). Ranges that lie close
together are read as one, because each request to a remote store costs more than a few thousand bytes. Sources have no position,
so threads and forked processes do not disturb each other.

A source from a path keeps its file open only while it is among the `MOST_OPEN` that were read last, so any number of images can
be open at once. A source from a URL reads the front of the file first and keeps it: header, index and the original's header
lie there.
"""

import os
import stat
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from voxz.errors import CorruptError, MissingDependencyError, UsageError

MOST_OPEN = 64
"""Files that are kept open; the rest are opened again when they are read."""

FRONT = 1 << 16
"""Bytes at the front of a remote file that are read first, and kept."""

REMOTE_GAP = 1 << 16
"""Bytes between two ranges of a remote file that are read along with them rather than asked around."""

LONGEST = 8 << 20
"""Ranges are not joined beyond this many bytes: several requests then run side by side."""

Range = tuple[int, int]
"""Offset and length."""


@runtime_checkable
class FileObject(Protocol):
    """A binary file that is open for reading."""

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move to a byte."""


SourceLike = str | os.PathLike[str] | bytes | bytearray | memoryview | FileObject
"""What can be opened: a path, a URL, bytes, or a file object."""


class ByteSource:
    """Bytes that are read by range."""

    size: int
    gap = 0

    def read(self, offset: int, length: int) -> bytes:
        """Bytes ``[offset, offset + length)``; fewer if the source ends before."""
        raise NotImplementedError

    def read_many(self, ranges: Sequence[Range]) -> list[bytes]:
        """Bytes of each range, in their order; ranges with at most `gap` bytes between them are read as one."""
        joined = _joined(ranges, self.gap)
        parts = self._read_ranges([(start, stop - start) for start, stop, _ in joined])
        result = [b""] * len(ranges)
        for (start, _, members), part in zip(joined, parts, strict=True):
            for number in members:
                offset, length = ranges[number]
                whole = offset == start and length == len(part)
                result[number] = part if whole else part[offset - start : offset - start + length]
        return result

    def _read_ranges(self, ranges: list[Range]) -> list[bytes]:
        return [self.read(offset, length) for offset, length in ranges]

    def close(self) -> None:
        """Release what is open; bytes that were given stay readable."""


class MemorySource(ByteSource):
    """Bytes in memory."""

    def __init__(self, data: bytes | bytearray | memoryview) -> None:
        self._data = memoryview(data).cast("B")
        self.size = len(self._data)

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of a range."""
        return bytes(self._data[offset : offset + length])


class PathSource(ByteSource):
    """A file by its path. Moving to another folder does not matter; replacing the file raises `CorruptError`."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).absolute()
        self._named = os.fspath(path)
        self._identity: tuple[int, ...] | None = None
        self._closed = False
        _FILES.of(self, self._open)

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of a range."""
        if self._closed:
            raise UsageError(f"{self._named} was closed; open it again")
        file, parts = _FILES.of(self, self._open), []
        while length and (part := file.read(offset, min(length, 1 << 30))):
            parts.append(part)
            offset += len(part)
            length -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        """Close the file."""
        self._closed = True
        _FILES.forget(self)

    def __del__(self) -> None:
        _FILES.forget(self)

    def _open(self) -> "_OpenFile":
        try:
            file = _OpenFile(self.path)
        except OSError as error:
            error.filename = self._named
            raise
        about = os.fstat(file.descriptor)
        identity = (about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns)
        if self._identity not in (None, identity):
            raise CorruptError(f"{self._named} was changed while it was open; open it again")
        self._identity, self.size = identity, about.st_size
        return file


class _OpenFile:
    """A descriptor that is closed when the last thread that reads from it lets go."""

    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))
        self._lock = threading.Lock()

    def read(self, offset: int, length: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self.descriptor, length, offset)
        with self._lock:
            os.lseek(self.descriptor, offset, os.SEEK_SET)
            return os.read(self.descriptor, length)

    def __del__(self) -> None:
        if hasattr(self, "descriptor"):
            os.close(self.descriptor)


class _OpenFiles:
    """The files of this process that were read last. Descriptors are a limit of the process, so this is, too."""

    def __init__(self) -> None:
        self._files: OrderedDict[int, _OpenFile] = OrderedDict()
        self._lock = threading.RLock()  # a source may be collected, and forget its file, in the middle of `of`

    def of(self, source: ByteSource, opened: Callable[[], _OpenFile]) -> _OpenFile:
        with self._lock:
            file = self._files.pop(id(source), None) or opened()
            self._files[id(source)] = file
            while len(self._files) > MOST_OPEN:
                self._files.popitem(last=False)
        return file

    def forget(self, source: ByteSource) -> None:
        with self._lock:
            self._files.pop(id(source), None)


_FILES = _OpenFiles()
if hasattr(os, "register_at_fork"):
    # a child must not inherit the lock while another thread of its parent holds it
    os.register_at_fork(after_in_child=lambda: setattr(_FILES, "_lock", threading.RLock()))


class FileObjectSource(ByteSource):
    """A file object that can seek. It stays the caller's: it is moved, and never closed."""

    def __init__(self, file: FileObject) -> None:
        self._file = file
        self._lock = threading.Lock()
        end = file.seek(0, os.SEEK_END)
        self.size = file.tell() if hasattr(file, "tell") else end
        if not isinstance(self.size, int):
            raise UsageError("the file object does not say where it is: its seek must return the position, as those of Python do")

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of a range."""
        parts = []
        with self._lock:
            self._file.seek(offset)
            while length and (part := self._file.read(length)):
                parts.append(part)
                length -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


class UrlSource(ByteSource):
    """A file of a store that fsspec knows: http, s3, gs, memory, zip ..."""

    gap = REMOTE_GAP

    def __init__(self, url: str) -> None:
        self.url = url
        try:
            from fsspec.core import url_to_fs  # noqa: PLC0415 - an extra

            self._files, self._path = url_to_fs(url)
        except ImportError as error:
            raise MissingDependencyError(f"reading {url} needs more packages ({error}); pip install 'voxz[remote]'") from None
        except ValueError as error:
            raise UsageError(f"{url} cannot be opened: {error}") from None
        self._front = b""
        size = self._asked(lambda: self._files.info(self._path)["size"])
        if size is None:  # a server that does not say: all of it is read
            self._front = self._asked(lambda: self._files.cat_file(self._path))
            size = len(self._front)
        self.size = int(size)
        self._front = self._front or self._read_ranges([(0, min(FRONT, self.size))])[0]

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of a range."""
        return self.read_many([(offset, length)])[0]

    def _read_ranges(self, ranges: list[Range]) -> list[bytes]:
        clipped = [(offset, max(0, min(length, self.size - offset))) for offset, length in ranges]
        far = [part for part in clipped if sum(part) > len(self._front)]
        found = iter(self._requested(far) if far else [])
        return [next(found) if sum(part) > len(self._front) else self._front[part[0] : sum(part)] for part in clipped]

    def _requested(self, ranges: list[Range]) -> list[bytes]:
        starts, stops = [offset for offset, _ in ranges], [sum(part) for part in ranges]
        paths = [self._path] * len(ranges)
        parts: list[bytes] = self._asked(lambda: self._files.cat_ranges(paths, starts, stops, on_error="raise"))
        for (offset, length), part in zip(ranges, parts, strict=True):
            if length < len(part) == self.size:  # a server that ignores ranges sent the whole file
                return [part[start:stop] for start, stop in zip(starts, stops, strict=True)]
            if len(part) > length:
                raise CorruptError(f"{self.url} sent {len(part)} bytes for the {length} at {offset}")
        return parts

    def _asked(self, request: Callable[[], Any]) -> Any:
        """Result of a request; whatever the store raises becomes an `OSError` that names the URL."""
        try:
            return request()
        except OSError:
            raise
        except Exception as error:
            raise OSError(f"cannot read {self.url}: {error}") from error


def byte_source(source: SourceLike) -> ByteSource:
    """Source of bytes for what a caller gave.

    Raises
    ------
    OSError
        The file is not there, or cannot be read.
    UsageError
        It is nothing that has bytes, or a text file.
    MissingDependencyError
        A URL needs a package that is not installed.
    """
    if isinstance(source, str) and "://" in source:
        return UrlSource(source)
    if isinstance(source, str | os.PathLike):
        return PathSource(source) if _is_regular(source) else MemorySource(Path(source).read_bytes())
    if not isinstance(source, bytes) and isinstance(source, FileObject):  # the second takes as long as reading a small head
        if isinstance(source.read(0), str):
            raise UsageError("the file is open as text; open it with mode 'rb'")
        seekable = getattr(source, "seekable", None)
        return FileObjectSource(source) if seekable is None or seekable() else MemorySource(source.read())
    try:
        return MemorySource(source)
    except TypeError:
        raise UsageError(f"open a path, a URL, bytes, or a file object (got {type(source).__name__})") from None


def portable(source: SourceLike) -> SourceLike:
    """What another process, in another folder, can open: paths become absolute, buffers bytes."""
    if isinstance(source, str | os.PathLike):
        return source if "://" in os.fspath(source) else str(Path(source).absolute())
    return source if isinstance(source, bytes | FileObject) else bytes(source)


def _is_regular(path: str | os.PathLike[str]) -> bool:
    """Whether a file has a size, unlike pipes and devices; one that is not there has, so that opening it says so."""
    try:
        return stat.S_ISREG(Path(path).stat().st_mode)
    except FileNotFoundError:
        return True


def _joined(ranges: Sequence[Range], gap: int) -> list[tuple[int, int, list[int]]]:
    """Start, stop and numbers of the members of each run of ranges that are read as one."""
    runs: list[tuple[int, int, list[int]]] = []
    for number in sorted(range(len(ranges)), key=lambda k: ranges[k]):
        start, stop = ranges[number][0], sum(ranges[number])
        if runs and start - runs[-1][1] <= gap and stop - runs[-1][0] <= LONGEST:
            first, end, members = runs[-1]
            runs[-1] = (first, max(end, stop), [*members, number])
        else:
            runs.append((start, stop, [number]))
    return runs
