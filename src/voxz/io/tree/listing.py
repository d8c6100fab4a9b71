"""The files that go into an archive, by the names that they have there."""

import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

from voxz.errors import PlainBytesWarning, UsageError

Source = str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | Mapping[str, Path]
"""A folder, or files and folders, or files by the names that they have in the archive."""


def listed(source: Source, *, again: bool = False) -> dict[str, Path]:
    """Files, and empty folders (with a ``/`` at their end), by name; what is left out is told, unless it is listed `again`."""
    if isinstance(source, Mapping):
        return dict(source)
    if isinstance(source, str | os.PathLike):
        return _within(Path(source), again)
    found: dict[str, Path] = {}
    for entry in map(Path, source):
        inside = {f"{entry.name}/{name}": path for name, path in _within(entry, again).items()} if entry.is_dir() else {}
        for name, path in (inside or {entry.name: entry}).items():
            if name in found and found[name] != path:
                raise UsageError(f"two of the files are named {name}; give the folder that they lie in, or rename one")
            found[name] = path
    return found


def _within(root: Path, again: bool) -> dict[str, Path]:
    """The files in a folder."""
    found: dict[str, Path] = {}
    left_out: list[str] = []
    for folder, folders, names in os.walk(root):
        folders.sort()
        here = Path(folder)
        for name in sorted(names):
            path = here / name
            if path.is_file():
                found[path.relative_to(root).as_posix()] = path
            else:
                left_out.append(f"{path} is no regular file and is left out")
        left_out += [f"{here / name} is a link to a folder and is left out" for name in folders if (here / name).is_symlink()]
        if not folders and not names and here != root:
            found[here.relative_to(root).as_posix() + "/"] = here
    for words in () if again else left_out:
        warnings.warn(words, PlainBytesWarning, stacklevel=2)
    return found


def stamp(path: Path) -> tuple[int, ...]:
    """What changes when a file is written to or replaced; of a folder, that it is one."""
    status = path.stat()
    return (0,) if path.is_dir() else (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
