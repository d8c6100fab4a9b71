"""The files of an archive back in a folder: under their names, never outside it, complete or absent, one after the other.

Each file waits for the disk before it takes its name. Several wait at a time, while the next ones are decoded: a disk syncs ten
small files nearly as fast as one.
"""

import contextlib
import os
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol

from voxz.container.catalogue import Catalogue
from voxz.container.files import FOLDER, StoredFile
from voxz.errors import CorruptError, UnsupportedError, UsageError
from voxz.io.gzip_members import Repacking, gzip_again
from voxz.io.output import LONGEST_NAME, Attributes, complete_file, new_mode, remove_stale

if TYPE_CHECKING:
    from concurrent.futures import Future

_FORBIDDEN = "\\:" if os.name == "nt" else ""
"""Characters that a name must not have because they lead elsewhere."""


WAITING = 16
"""Files that wait for the disk at most."""


class Sink(Protocol):
    """What bytes are written to."""

    def write(self, data: bytes, /) -> object:
        """Append bytes."""


class RestoredTree:
    """A folder that files are restored to; made if it is not there. All of them are there when its block ends.

    Raises
    ------
    CorruptError
        A name would lead out of the folder.
    UsageError
        A file is there already, and `force` is not given.
    """

    def __init__(self, folder: str | os.PathLike[str], files: Catalogue, force: bool) -> None:
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - start-up time

        self._root, self._attributes, self._force = Path(folder), files.attributes, force
        self._names: dict[Path, list[str]] = {}
        self._made: set[Path] = set()
        self._mode = new_mode()
        self._waiting: deque[Future[None]] = deque()
        self._pool = ThreadPoolExecutor(WAITING, "voxz-sync")
        if self._root.exists() and not self._root.is_dir():
            raise UsageError(f"{folder} is a file; the archive is restored to a folder")
        names = [file.name for file in files]
        if len(set(names)) != len(names):
            raise CorruptError("two files of the archive have the same name")
        for name in names:
            path = self._path(name)
            if not name.endswith("/") and (path.is_dir() or (not force and os.path.lexists(path))):
                raise UsageError(f"{path} is there already; use -f (force=True) to replace it, or restore to another folder")
            self._names.setdefault(path.parent, []).append(path.name)

    def __enter__(self) -> "RestoredTree":
        return self

    def __exit__(self, fault: type[BaseException] | None, *_: object) -> None:
        self._pool.shutdown()
        while self._waiting and fault is None:
            self._waiting.popleft().result()

    def _path(self, name: str) -> Path:
        """Where a file goes."""
        parts = PurePosixPath(name).parts
        inside = name.rstrip("/") == "/".join(parts) and parts and not name.startswith("/")
        if not inside or any(part in ("..", ".") or "\0" in part or any(c in part for c in _FORBIDDEN) for part in parts):
            raise CorruptError(f"the name {name!r} would lead out of the folder; the archive is damaged or made to do harm")
        if any(len(os.fsencode(part)) > LONGEST_NAME for part in parts):
            raise UnsupportedError(f"the name {name[:40]!r}... is longer than {LONGEST_NAME} bytes, which no file can have here")
        return self._root.joinpath(*parts)

    @contextlib.contextmanager
    def opened(self, file: StoredFile, around: tuple[bytes, bytes]) -> Iterator[Sink | None]:
        """Open a file that takes its name when the block ends well, and vanishes when it does not."""
        path = self._path(file.name)
        self._make(path if file.format == FOLDER else path.parent)
        if file.format == FOLDER:
            yield None
            return
        if path.is_symlink():
            self._refuse_outside(path)
        self._remove_stale(path.parent)
        like = Attributes(file.mode, file.mtime_ns, file.mtime_ns) if self._attributes else None
        with contextlib.ExitStack() as whole:
            raw = whole.enter_context(complete_file(path, self._force, like, alone=False, mode=self._mode))
            if file.gzip is None:
                yield raw
            else:
                with gzip_again(raw, Repacking(file.gzip, file.gzip_crc32, *around), path) as packer:
                    yield packer
            self._complete(whole.pop_all().close)

    def _make(self, folder: Path) -> None:
        """Make a folder that files are restored to, once for all of them."""
        if folder not in self._made:
            folder.mkdir(parents=True, exist_ok=True)
            self._refuse_outside(folder)
            self._made.add(folder)

    def _refuse_outside(self, place: Path) -> None:
        if not place.resolve().is_relative_to(self._root.resolve()):
            raise UsageError(f"{place} is a link that leads out of the folder; remove it, or restore to another folder")

    def _complete(self, file: Callable[[], None]) -> None:
        """Let a file wait for the disk and take its name; raises what went wrong with those before."""
        self._waiting.append(self._pool.submit(file))
        while len(self._waiting) > WAITING or self._waiting[0].done():
            self._waiting.popleft().result()
            if not self._waiting:
                return

    def _remove_stale(self, folder: Path) -> None:
        """Look through a folder once, not again for each of its files."""
        if names := self._names.pop(folder, None):
            remove_stale(folder, names)
