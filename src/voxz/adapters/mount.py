"""A folder of .voxz files as the files that they were, for any program: a read-only file system (FUSE).

A request never waits longer than a time-out: it is answered by a thread of its own, and after that time with EIO. Damage is EIO,
too, and a line in the log, which names the file and the cause.
"""

import errno
import os
import stat
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as LateError
from pathlib import Path
from typing import Any, TypeVar

from voxz.adapters.shown_tree import CACHE_BYTES, Entry, ShownTree, log
from voxz.errors import MissingDependencyError, UsageError

TIMEOUT = 60.0
"""Seconds."""

MOST_REQUESTS = 64
"""Requests that are answered at once; others wait for their turn, as long as the time-out."""

_BLOCK = 512
"""Bytes in which a file system counts what a file takes."""

_IDLE = 10
"""Threads that FUSE keeps for the next requests: its own default, which libfuse 3.14 does not find and complains about."""

Result = TypeVar("Result")


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
    gz: bool = False,
    shown: Callable[[], None] | None = None,
) -> None:
    """Show `folder` at `mountpoint`, and return when that is unmounted (``fusermount3 -u``, ``umount``).

    Parameters
    ----------
    cache_bytes : decoded bricks to keep, for all files together
    timeout : seconds after which a request is answered with EIO
    gz : whether files that were gzip have its name and are gzip, without compression; else they appear as their content
    shown : called once the files are there

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
    tree, turns = ShownTree(root, cache_bytes=cache_bytes, threads=threads, gz=gz), threading.BoundedSemaphore(MOST_REQUESTS)
    began = threading.Event()

    class Requests(mfusepy.Operations):  # type: ignore[misc]  # untyped
        use_ns = True

        def init(self, path: str) -> None:
            began.set()
            if shown is not None:
                shown()

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
            options = {"max_idle_threads": _IDLE} if _knows_idle(mfusepy) else {}
            mfusepy.FUSE(Requests(), str(place), foreground=True, ro=True, fsname="voxz", subtype="voxz", **options)
        except RuntimeError as error:
            if began.is_set():  # a signal ended it
                return
            raise OSError(errno.EIO, f"it cannot be mounted ({error}); is the folder a mount already?", str(place)) from None


def _knows_idle(mfusepy: Any) -> bool:
    """Whether libfuse has the option `max_idle_threads`."""
    return bool((mfusepy.fuse_version_major, mfusepy.fuse_version_minor) >= (3, 12))


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
        "st_blocks": -(-entry.size // _BLOCK),  # without any, tar -S takes a file for one hole
        "st_nlink": 2 if folder else 1,
        "st_uid": status.st_uid,
        "st_gid": status.st_gid,
        **times,
    }
