"""A folder of .voxz files as the files that they were, for any program: a read-only file system (FUSE).

`scan.nii.voxz` appears as `scan.nii`, an archive of several files as a folder, everything else as it is. Names and sizes are
known from the front of a file; reading decodes only the bricks that are asked for. Decoded bricks are kept for all readers
together, up to a bound, so going back in a file, or two programs reading it, decode nothing twice.

A request never waits longer than a time-out: it is answered by a thread of its own, and after that time with EIO. Damage is EIO,
too, and a line in the log, which names the file and the cause.
"""

import errno
import functools
import logging
import os
import stat
import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as LateError
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from voxz.adapters.stored_gzip import read_stored, stored_size
from voxz.container.reader import Reader
from voxz.errors import MissingDependencyError, UsageError
from voxz.image.brick_cache import Kept
from voxz.image.restored_part import RestoredParts
from voxz.io.gzip_stream import content_name
from voxz.io.output import header_path
from voxz.threads import thread_count

ENDING = ".voxz"

CACHE_BYTES = 512 << 20
TIMEOUT = 60.0
"""Seconds."""

MOST_OPEN = 256
"""Archives whose index is kept."""

MOST_REQUESTS = 64
"""Requests that are answered at once; others wait for their turn, as long as the time-out."""

log = logging.getLogger("voxz.mount")

Result = TypeVar("Result")


@dataclass(frozen=True)
class Entry:
    """A file, or a folder with `names`; `read` takes offset and size."""

    status: os.stat_result
    size: int = 0
    read: Callable[[int, int], bytes] | None = None
    names: Callable[[], list[str]] | None = None


class Tree:
    """What is shown of a folder."""

    def __init__(self, root: Path, *, cache_bytes: int = CACHE_BYTES, threads: int | None = None) -> None:
        self._root, self._threads, self.kept = root, thread_count(threads), Kept(cache_bytes)
        self._open: OrderedDict[Path, tuple[tuple[int, ...], Archive]] = OrderedDict()
        self._lock = threading.Lock()

    def entry(self, path: str) -> Entry:
        """What is at `path`, with ``/`` between its parts; `OSError` if nothing is, `VoxzError` if it is damaged."""
        folder, parts = self._root, [part for part in path.split("/") if part]
        for number, part in enumerate(parts):
            plain, packed = folder / part, folder / (part + ENDING)
            if _is_file(packed) and not plain.exists():
                return self._archive(packed).entry(parts[number + 1 :])
            if not plain.exists() and number == len(parts) - 1 and (owner := _image_of(plain)) is not None:
                return self._archive(owner).companion(part)
            if part.endswith(ENDING) and _is_file(plain) and not (folder / part.removesuffix(ENDING)).exists():
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
            folder = plain
        status = folder.stat()
        if stat.S_ISDIR(status.st_mode):
            return Entry(status, names=lambda: list(self._names(folder)))
        return Entry(status, status.st_size, lambda offset, size: _read_plain(folder, offset, size))

    def _names(self, folder: Path) -> Iterator[str]:
        there = {path.name for path in folder.iterdir()}
        for name in there:
            shown = name.removesuffix(ENDING)
            if shown == name or shown in there or not shown or not _is_file(folder / name):
                yield name
                continue
            yield shown
            if shown.lower().endswith(".img"):
                yield from self._companions(folder / name, there)

    def _companions(self, path: Path, there: set[str]) -> list[str]:
        try:
            return [name for name in self._archive(path).companions if name not in there]
        except Exception as error:
            log.warning("%s: %s", path, error)
            return []

    def _archive(self, path: Path) -> "Archive":
        about = path.stat()
        identity = (about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns)
        with self._lock:
            known = self._open.get(path)
            if known is not None and known[0] == identity:
                self._open.move_to_end(path)
                return known[1]
        archive = Archive(path, about, self.kept, self._threads)
        with self._lock:
            known = self._open.get(path)
            if known is not None and known[0] == identity:
                return known[1]
            self._open[path] = identity, archive
            self._open.move_to_end(path)
            if len(self._open) > MOST_OPEN:
                self._open.popitem(last=False)
        return archive


class Archive:
    """A .voxz file: a file, the two of a pair, or a folder."""

    def __init__(self, path: Path, status: os.stat_result, kept: Kept, threads: int) -> None:
        self._path, self._status = path, status
        self._parts = RestoredParts(Reader(path), kept, threads)
        self._files = self._parts.files
        self._folder: dict[str, Any] | None = None
        if self._parts.named:
            self._folder = {}
            for number, file in enumerate(self._files):
                name = content_name(file.name) if file.gzip else file.name
                inner, (*above, last) = self._folder, name.split("/")
                for part in above:
                    inner = inner.setdefault(part, {})
                if last in inner:
                    log.error("%s: %s is not shown, its name without .gz is taken", path, file.name)
                inner.setdefault(last, number)

    @property
    def companions(self) -> list[str]:
        """Name of the header of a pair."""
        if self._parts.named or len(self._files) != 2:
            return []
        data = Path(self._path.name.removesuffix(ENDING))
        return [header_path(data, self._files[1].name).name]

    def companion(self, name: str) -> Entry:
        """The header of a pair."""
        if name not in self.companions:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
        return self._file(1)

    def entry(self, inside: list[str]) -> Entry:
        """What is at a path within the archive, or the archive itself."""
        found: Any = 0 if self._folder is None else self._folder
        for part in inside:
            if not isinstance(found, dict):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), part)
            if part not in found:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), part)
            found = found[part]
        return Entry(self._status, names=lambda: list(found)) if isinstance(found, dict) else self._file(found)

    def _file(self, number: int) -> Entry:
        length = self._parts.size(number)
        shown = self._path.name.removesuffix(ENDING)
        if not self._parts.named and len(self._files) and content_name(shown) != shown and self._files[number].gzip:
            crc32, content = self._files[number].crc32, functools.partial(self._parts.read, number)
            return Entry(self._status, stored_size(length), functools.partial(read_stored, content, length, crc32))
        return Entry(self._status, length, functools.partial(self._parts.read, number))


def answered(work: Callable[[], Result], path: str, seconds: float, turns: threading.Semaphore) -> Result:
    """Result of `work`, of a thread of its own; `OSError` with EIO, and a line in the log, if it fails or takes too long."""
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)
        finally:
            turns.release()

    if not turns.acquire(timeout=seconds):
        log.error("%s: no turn within %g s, too many requests are waiting", path, seconds)
        raise OSError(errno.EIO, os.strerror(errno.EIO), path)
    threading.Thread(target=run, daemon=True).start()
    try:
        return future.result(seconds)
    except LateError:
        log.warning("%s: no answer within %g s", path, seconds)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EISDIR):
            raise
        log.warning("%s: %s", path, error)
    except BaseException as error:
        log.warning("%s: %s", path, error)
    raise OSError(errno.EIO, os.strerror(errno.EIO), path)


def mount(
    folder: str | os.PathLike[str],
    mountpoint: str | os.PathLike[str],
    *,
    cache_bytes: int = CACHE_BYTES,
    threads: int | None = None,
    timeout: float = TIMEOUT,
) -> None:
    """Show `folder` at `mountpoint`, and return when that is unmounted (``fusermount3 -u``, ``umount``).

    Parameters
    ----------
    cache_bytes : decoded bricks to keep, for all files together
    timeout : seconds after which a request is answered with EIO

    Raises
    ------
    UsageError
        One of them is no folder, or lies within the other.
    MissingDependencyError
        FUSE is not installed.
    OSError
        It cannot be mounted.
    """
    root, place = Path(folder).resolve(), Path(mountpoint).resolve()
    for path in (root, place):
        if not path.is_dir():
            raise UsageError(f"{path} is not a folder; give the folder to show, and an empty one to show it at")
    if root == place or root in place.parents or place in root.parents:
        raise UsageError(f"{place} lies within {root}, or the other way round; mount it elsewhere")
    try:
        import mfusepy  # noqa: PLC0415 - an extra
    except (ImportError, OSError) as error:
        raise MissingDependencyError(f"mounting needs FUSE 3 and mfusepy ({error}); pip install 'voxz[mount]'") from None
    tree, turns = Tree(root, cache_bytes=cache_bytes, threads=threads), threading.BoundedSemaphore(MOST_REQUESTS)

    class Requests(mfusepy.Operations):  # type: ignore[misc]  # untyped
        use_ns = True

        def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
            return answered(lambda: _attributes(tree.entry(path)), path, timeout, turns)

        def readdir(self, path: str, fh: int) -> list[str]:
            def names() -> list[str]:
                entry = tree.entry(path)
                if entry.names is None:
                    raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
                return [".", "..", *entry.names()]

            return answered(names, path, timeout, turns)

        def open(self, path: str, flags: int) -> int:
            if flags & (os.O_WRONLY | os.O_RDWR):
                raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)
            return 0

        def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
            def part() -> bytes:
                entry = tree.entry(path)
                if entry.read is None:
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
                return entry.read(offset, size)

            return answered(part, path, timeout, turns)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            mfusepy.FUSE(Requests(), str(place), foreground=True, ro=True, fsname="voxz", subtype="voxz")
        except RuntimeError as error:
            raise OSError(errno.EIO, f"it cannot be mounted ({error}); is the folder a mount already?", str(place)) from None


def _attributes(entry: Entry) -> dict[str, Any]:
    status, folder = entry.status, entry.names is not None
    kind = stat.S_IFDIR if folder else stat.S_IFREG
    mode = status.st_mode & 0o555
    if folder:
        mode |= (mode & 0o444) >> 2  # who may read an archive may enter it
    times = {"st_atime": status.st_atime_ns, "st_mtime": status.st_mtime_ns, "st_ctime": status.st_ctime_ns}
    return {
        "st_mode": kind | mode,
        "st_size": entry.size,
        "st_nlink": 2 if folder else 1,
        "st_uid": status.st_uid,
        "st_gid": status.st_gid,
        **times,
    }


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _image_of(header: Path) -> Path | None:
    """The compressed image that a header belongs to, by their names."""
    for ending, image in ((".hdr", ".img"), (".hdr.gz", ".img"), (".HDR", ".IMG"), (".HDR.GZ", ".IMG")):
        owner = header.with_name(header.name.removesuffix(ending) + image + ENDING)
        if header.name.endswith(ending) and _is_file(owner):
            return owner
    return None


def _read_plain(path: Path, offset: int, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(size)
