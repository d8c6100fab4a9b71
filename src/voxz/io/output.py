"""Files that are either complete or absent: written under another name, flushed to disk, then renamed.

The unfinished file lies beside its destination, ends in ``.part`` and is readable by its owner only. A process locks its
own, so that the next one that writes the same destination can tell what a dead process left behind, on any machine that shares
the folder, and removes it. Mode, owner and time of the input are taken over before the rename, as gzip, xz and zstd do.

What is no regular file (a device, a FIFO) keeps its place: it gets the bytes as a stream once all of them are known. A symbolic
link is followed to its target.
"""

import contextlib
import errno
import hashlib
import os
import shutil
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, cast

from voxz.errors import CorruptError, UsageError
from voxz.io.gzip_stream import ENDINGS
from voxz.locks import locked

if TYPE_CHECKING:
    from voxz.io.gzip_members import Repacking

LONGEST_NAME = 255
"""Bytes of a file name on every common file system."""

_PART = ".part"
_TOKEN = 8
"""Digits that tell several writers of one destination apart."""

_NO_ROOM = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
"""Errors of writing, which do not say to which file."""

_NO_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EPERM, errno.EBADF, errno.ENOSYS}
"""Errors of a file system on which a folder cannot be synced; others mean that the disk failed."""


class Attributes(NamedTuple):
    """What a file takes over from another: mode, times in ns, and owner and group where they are known."""

    mode: int
    atime_ns: int
    mtime_ns: int
    owner: int = -1
    group: int = -1

    @classmethod
    def of(cls, status: os.stat_result) -> "Attributes":
        """Those of a file that is there."""
        return cls(status.st_mode, status.st_atime_ns, status.st_mtime_ns, status.st_uid, status.st_gid)


@contextlib.contextmanager
def complete_file(
    path: str | os.PathLike[str],
    force: bool,
    like: Attributes | os.stat_result | None = None,
    read_back: bool = False,
    alone: bool = True,
    mode: int | None = None,
) -> Iterator[BinaryIO]:
    """Open a file beside `path` that takes its name when the block ends well and vanishes when it does not.

    Parameters
    ----------
    force : replace what is there
    like : mode, owner and times of the input, which are taken over; None: those of any new file
    read_back : read the renamed file from the disk and compare it with what was written; if it differs, the old file comes
        back and `CorruptError` is raised
    alone : what dead writers of this destination left is removed, and the folder synced; whoever writes many files into a folder
        looks after it once (`remove_stale`)
    mode : that of any new file here (`new_mode`), for whoever has asked already

    Raises
    ------
    UsageError
        `path` is a folder, or is there already.
    OSError
        The file cannot be written, or the disk fails; what was there is still there.
    """
    path = Path(os.path.realpath(path)) if Path(path).is_symlink() else Path(path)
    refuse_overwrite(path, force)
    if is_stream(path):
        with _stream_to(path) as file:
            yield file
        return
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "the output's folder is not there; make it first", str(path.parent))
    if alone:
        remove_stale(path.parent, [path.name])
    temporary = _part_name(path)
    try:
        with _private(temporary) as file:
            yield file
            file.flush()
            _take_over(file.fileno(), Attributes.of(like) if isinstance(like, os.stat_result) else like, mode)
            os.fsync(file.fileno())
            if read_back:
                _put_in_place(file, temporary, path, force)
            else:
                _rename(temporary, path, force)
                if alone:
                    _sync_folder(path.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and error.errno in _NO_ROOM and error.filename is None:
            error.filename = os.fspath(path)
        raise


def refuse_overwrite(path: Path, force: bool) -> None:
    """Raise `UsageError` if `path` is a folder, or is there and must not be replaced."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder; give the name of a file")
    if not force and path.exists() and not is_stream(path):
        raise UsageError(f"{path} is there already; use -f (force=True) to replace it")


def is_stream(path: str | os.PathLike[str]) -> bool:
    """Whether `path` is there and neither a regular file nor a folder: a device, a FIFO, a socket."""
    try:
        mode = Path(path).stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


@contextlib.contextmanager
def output(
    destination: str | os.PathLike[str], force: bool, like: os.stat_result | None = None, read_back: bool = False
) -> Iterator[BinaryIO]:
    """`complete_file`, or for ``-`` a file whose content goes to standard output when the block ends well."""
    if os.fspath(destination) != "-":
        with complete_file(destination, force, like, read_back) as file:
            yield file
        return
    if sys.stdout is None:
        raise UsageError("standard output is closed; give a file with -o")
    with temporary_file() as spool:
        yield spool
        spool.seek(0)
        shutil.copyfileobj(spool, sys.stdout.buffer)
        sys.stdout.buffer.flush()


@contextlib.contextmanager
def _stream_to(path: Path) -> Iterator[BinaryIO]:
    """A file whose content goes into the device or FIFO at `path` when the block ends well."""
    with temporary_file() as file:
        yield file
        file.seek(0)
        with path.open("wb") as stream:
            shutil.copyfileobj(file, stream)


def _stem(name: str) -> str:
    """What the names of the unfinished files of a destination begin with; short enough for names of any length."""
    room = LONGEST_NAME - len("..") - _TOKEN - len(_PART)
    if len(os.fsencode(name)) > room:
        name = "voxz-" + hashlib.sha256(os.fsencode(name)).hexdigest()[:32]
    return f".{name}."


def _part_name(path: Path) -> Path:
    return path.with_name(_stem(path.name) + os.urandom(_TOKEN // 2).hex() + _PART)


def remove_stale(folder: Path, names: Iterable[str], *, alive: bool = False) -> None:
    """Remove unfinished files of the destinations of these names in a folder, if their writers are dead, or `alive`, too."""
    stems = set(map(_stem, names))
    for name in os.listdir(folder):  # noqa: PTH208 - a folder that cannot be listed is an error here, too
        if name.endswith(_PART) and name[: -_TOKEN - len(_PART)] in stems:
            with contextlib.suppress(OSError):
                descriptor = os.open(folder / name, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
                try:
                    if alive or locked(descriptor):
                        (folder / name).unlink()
                finally:
                    os.close(descriptor)


@contextlib.contextmanager
def _private(path: Path) -> Iterator[BinaryIO]:
    """A new file that only its owner may read, locked as long as it is open."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        locked(descriptor)
        if os.fstat(descriptor).st_nlink:
            break
        os.close(descriptor)  # another process took it for stale between the two calls
    with open(path, "w+b", opener=lambda *_: descriptor) as file:
        yield file


def _put_in_place(file: BinaryIO, temporary: Path, path: Path, force: bool) -> None:
    """Rename a finished, synced file, and keep the old one until the new one is found whole on the disk."""
    written = _digest(file)
    kept = _second_name(path)
    try:
        _rename(temporary, path, force)
        _sync_folder(path.parent)
        _refuse_different(path, written)
    except BaseException:
        if kept is not None:
            kept.replace(path)
        elif not temporary.exists():
            path.unlink()
        raise
    if kept is not None:
        kept.unlink()


def _refuse_different(path: Path, digest: bytes) -> None:
    with path.open("rb") as file:
        if _digest(file) != digest:
            raise CorruptError(f"{path} reads back differently from what was written: the disk is failing; the input was kept")


def _rename(temporary: Path, path: Path, force: bool) -> None:
    """Give a file its name; without `force` nothing is replaced, not even what another process has just put there."""
    if not force:
        try:
            os.link(temporary, path)
        except FileExistsError:
            raise UsageError(f"{path} is there already; use -f (force=True) to replace it") from None
        except OSError:
            refuse_overwrite(path, force)  # no hard links here
        else:
            temporary.unlink()
            return
    temporary.replace(path)


def _second_name(path: Path) -> Path | None:
    """A second name for the file at `path`, under which it outlives its replacement; None if it has none or cannot have one."""
    kept = _part_name(path)
    try:
        os.link(path, kept)
    except OSError:
        return None
    return kept


def _digest(file: BinaryIO) -> bytes:
    """SHA-256 of a file from its first byte on; afterwards its pages are dropped, so that the next reader asks the disk."""
    file.seek(0)
    digest = hashlib.sha256()
    while part := file.read(1 << 20):
        digest.update(part)
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return digest.digest()


def _take_over(descriptor: int, like: Attributes | None, new: int | None) -> None:
    """Give an open file the mode, the owner (where allowed) and the times of the input; the group's rights go with the group.

    Without one, it gets the mode of any `new` file.
    """
    if not hasattr(os, "fchown"):
        return
    mode = (new_mode() if new is None else new) if like is None else like.mode & 0o777
    if like is not None:
        with contextlib.suppress(OSError):
            os.fchown(descriptor, like.owner, -1)
        try:
            os.fchown(descriptor, -1, like.group)
        except OSError:
            mode &= ~0o070 | (mode & 0o007) << 3
    with contextlib.suppress(OSError):  # a file system without rights or times
        os.fchmod(descriptor, mode)
        if like is not None:
            os.utime(descriptor, ns=(like.atime_ns, like.mtime_ns))


def new_mode() -> int:
    """Mode of new files."""
    return 0o666 & ~_umask()


def _umask() -> int:
    """Rights that new files do not get."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the file system allows it."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise


@contextlib.contextmanager
def temporary_file() -> Iterator[BinaryIO]:
    """Open a file that vanishes when the block ends, and that may be opened again by its name, on Windows, too."""
    import tempfile  # noqa: PLC0415 - start-up time

    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "file").open("w+b") as file:
        yield file


@contextlib.contextmanager
def packer(destination: str | os.PathLike[str], file: BinaryIO, repacking: "Repacking | None" = None) -> Iterator[BinaryIO]:
    """Gzip in front of `file`, canonical unless told otherwise, if the destination's name asks for it."""
    if Path(destination).suffix.lower() not in ENDINGS:
        yield file
        return
    from voxz.io.gzip_members import Repacking, gzip_again  # noqa: PLC0415 - start-up time

    with gzip_again(file, repacking or Repacking(), destination) as packed:
        yield cast(BinaryIO, packed)


def header_path(data: Path, ending: str) -> Path:
    """Return the name of the header beside the data file of a pair; an `ending` of anything else raises `CorruptError`."""
    if ending.lower() not in (".hdr", ".hdr.gz"):
        raise CorruptError(f"the header of a pair is said to end in {ending!r}; it can end in .hdr or .hdr.gz")
    name = data.name[:-3] if data.name.lower().endswith(".gz") else data.name
    return data.with_name(name.rpartition(".")[0] + ending)
