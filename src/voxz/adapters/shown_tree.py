"""A folder of .voxz files as the files that they were: what a mount shows.

`scan.nii.voxz` appears as `scan.nii`, an archive of several files as a folder, everything else as it is. An archive that is
called after one of its files, as those of a header and its samples are (`scan.nhdr.voxz`), appears as these files. Names and
sizes are known from the front of a file; reading decodes only the bricks that are asked for. Decoded bricks are kept for all
readers together, up to a bound, so going back in a file, or two programs reading it, decode nothing twice.
"""

import contextlib
import errno
import functools
import logging
import os
import stat
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voxz.adapters.stored_gzip import read_stored, stored_size
from voxz.container.files import FOLDER
from voxz.container.reader import Reader
from voxz.errors import CorruptError, VoxzError
from voxz.image.brick_cache import Kept
from voxz.image.restored_part import RestoredParts
from voxz.io.gzip_stream import LARGEST_HEADER, content_name, unpacked
from voxz.io.output import header_path
from voxz.threads import thread_count

ENDING = ".voxz"

CACHE_BYTES = 512 << 20

MOST_OPEN = 256
"""Archives whose index is kept."""

_SETTLED = 2 * 10**9
"""Nanoseconds after which a folder that was changed has another time if it is changed again."""

log = logging.getLogger("voxz.mount")


@dataclass(frozen=True)
class Entry:
    """A file, or a folder with `names`; `read` takes offset and size."""

    status: os.stat_result
    size: int = 0
    read: Callable[[int, int], bytes] | None = None
    names: Callable[[], list[str]] | None = None


class ShownTree:
    """What is shown of a folder; `gz` as in `mount`."""

    def __init__(self, root: Path, *, cache_bytes: int = CACHE_BYTES, threads: int | None = None, gz: bool = False) -> None:
        self._root, self._threads, self._gz, self.kept = root, thread_count(threads), gz, Kept(cache_bytes)
        self._open: OrderedDict[Path, tuple[tuple[int, ...], Archive]] = OrderedDict()
        self._beside: OrderedDict[Path, tuple[int, dict[str, Path]]] = OrderedDict()
        self._lock = threading.Lock()

    def entry(self, path: str) -> Entry:
        """What is at `path`, with ``/`` between its parts; `OSError` if nothing is, `VoxzError` if it is damaged."""
        folder, parts = self._root, [part for part in path.split("/") if part]
        for number, part in enumerate(parts):
            plain = folder / part
            if not plain.exists() and (owner := self._owner(folder, part)) is not None:
                return self._archive(owner).entry(parts[number:])
            if part.endswith(ENDING) and _is_file(plain) and self._primary(plain) is not None:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
            folder = plain
        status = folder.stat()
        if stat.S_ISDIR(status.st_mode):
            return Entry(status, names=lambda: self._names(folder))
        return Entry(status, status.st_size, lambda offset, size: _read_plain(folder, offset, size))

    def _owner(self, folder: Path, name: str) -> Path | None:
        """The archive that shows `name` in a folder."""
        for stem in dict.fromkeys((name, name.removesuffix(".gz"))):
            packed = folder / (stem + ENDING)
            if _is_file(packed) and self._primary(packed) == name:
                return packed
        return self._companions(folder).get(name) if folder.is_dir() else None

    def _names(self, folder: Path) -> list[str]:
        """Names in a folder."""
        shown = []
        for path in folder.iterdir():
            primary = self._primary(path) if path.name.endswith(ENDING) and _is_file(path) else None
            shown.append(path.name if primary is None else primary)
        return list(dict.fromkeys((*shown, *self._companions(folder))))

    def _primary(self, packed: Path) -> str | None:
        """The name under which an archive is shown; None if there is a file or a folder of that name: it appears as it is."""
        name = packed.name.removesuffix(ENDING)
        if self._gz:
            with contextlib.suppress(VoxzError, OSError):  # told to whoever reads the file
                name = self._archive(packed).primary
        return None if not name or packed.with_name(name).exists() else name

    def _companions(self, folder: Path) -> dict[str, Path]:
        """What archives show in their folder beside the name that they are called after; known until the folder changes."""
        changed, now = folder.stat().st_mtime_ns, time.time_ns()
        with self._lock:
            known = self._beside.get(folder)
        if known is not None and known[0] == changed:
            return known[1]
        found: dict[str, Path] = {}
        for path in sorted(folder.iterdir()):
            if path.name.endswith(ENDING) and _is_file(path) and self._primary(path) is not None:
                try:
                    companions = self._archive(path).companions
                except Exception as error:
                    log.warning("%s: %s", path, error)
                    continue
                found |= {name: path for name in companions if name not in found and not (folder / name).exists()}
        with self._lock:
            if now - changed > _SETTLED:  # else a change in the same tick of the clock would not be seen
                self._beside[folder] = changed, found
                if len(self._beside) > MOST_OPEN:
                    self._beside.popitem(last=False)
        return found

    def _archive(self, path: Path) -> "Archive":
        about = path.stat()
        identity = (about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns)
        with self._lock:
            known = self._open.get(path)
            if known is not None and known[0] == identity:
                self._open.move_to_end(path)
                return known[1]
        archive = Archive(path, about, self.kept, self._threads, self._gz)
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
    """A .voxz file: a file, the two of a pair, or files with names of their own.

    Attributes
    ----------
    primary : the name that it is shown under
    companions : further names beside that one
    """

    def __init__(self, path: Path, status: os.stat_result, kept: Kept, threads: int, gz: bool = False) -> None:
        self._path, self._status, self._gz = path, status, gz
        self._parts = RestoredParts(Reader(path), kept, threads)
        self._files = self._parts.files
        name = path.name.removesuffix(ENDING)
        if self._parts.named:
            members = self._members()
            self._shown, self.primary = (members if name in members else {name: members}), name
        else:
            names = [name, *(header_path(Path(name), file.name).name for file in self._files[1:2])]
            self._shown = {self._shown_name(number, each): number for number, each in enumerate(names)}
            self.primary = next(iter(self._shown))
            if names[1:] and content_name(self.primary) == self.primary and (header := self._header_content(names[1])):
                self._shown = {self.primary: 0, content_name(names[1]): header}
        self.companions = [other for other in self._shown if other != self.primary]

    def _header_content(self, name: str) -> bytes | None:
        """Content of the header of a pair, if its `name` says that it is gzip: data that are shown as their content need it."""
        if content_name(name) == name or self._parts.size(1) > LARGEST_HEADER:
            return None
        with contextlib.suppress(CorruptError):
            return unpacked(self._parts.read(1, 0, self._parts.size(1)))
        return None

    def _members(self) -> dict[str, Any]:
        """Numbers of the files, in folders."""
        top: dict[str, Any] = {}
        for number, file in enumerate(self._files):
            inner, (*above, last) = top, self._shown_name(number, file.name.rstrip("/")).split("/")
            for part in above:
                inner = inner.setdefault(part, {}) if isinstance(inner, dict) else inner
            if not isinstance(inner, dict) or (last in inner and file.format != FOLDER):
                log.error("%s: %s is not shown, its name is taken", self._path, file.name)
                continue
            inner.setdefault(last, {} if file.format == FOLDER else number)
        return top

    def _shown_name(self, number: int, name: str) -> str:
        """What a file of this name is shown as: gzip is undone, unless it is asked for or a single file keeps its name."""
        if not len(self._files) or not self._files[number].gzip:
            return name
        if self._gz:
            return name if content_name(name) != name else name + ".gz"
        return content_name(name) if self._parts.named else name

    def entry(self, inside: list[str]) -> Entry:
        """What is at a path that begins with a name that it shows."""
        found: Any = self._shown
        for part in inside:
            if not isinstance(found, dict):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), part)
            if part not in found:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), part)
            found = found[part]
        if isinstance(found, dict):
            return Entry(self._status, names=lambda: list(found))
        if isinstance(found, bytes):
            return Entry(self._status, len(found), lambda offset, size: found[offset : offset + size])
        return self._file(found, self._gz if self._parts.named else content_name(inside[-1]) != inside[-1])

    def _file(self, number: int, packed: bool) -> Entry:
        """A file; as gzip without compression if it is `packed` and was gzip."""
        length, content = self._parts.size(number), functools.partial(self._parts.read, number)
        if packed and len(self._files) and self._files[number].gzip:
            read = functools.partial(read_stored, content, length, self._files[number].crc32)
            return Entry(self._status, stored_size(length), read)
        return Entry(self._status, length, content)


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _read_plain(path: Path, offset: int, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(size)
