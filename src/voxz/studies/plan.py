"""What is done with each file of a tree, settled before the first sample is read.

A *unit* is what is done at once, or not at all: an image that is compressed alone, files that make one archive (slices of a
DICOM series, a header and its samples, a Zarr store), a file that is kept as it is. Units are independent of each other, so that
any worker may take any of them.
"""

import hashlib
import os
import re
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Literal

from voxz.io.look import Look, look
from voxz.io.names import PACKED, compressed_name
from voxz.io.source import files_of
from voxz.studies.data_set import data_set_of
from voxz.studies.manifest import MANIFEST
from voxz.threads import map_ordered

Kind = Literal["image", "archive", "file", "link", "folder"]

REST = "other-files" + PACKED
"""The archive of what is kept as it is."""

_STORES = {".zgroup", ".zarray", "zarr.json"}
"""A folder with one of these is a Zarr store: one unit, however many files it has."""


@dataclass(frozen=True)
class Unit:
    """What is done at once.

    Attributes
    ----------
    kind : "image" (compressed alone), "archive" (compressed together), "file", "link" and "folder" (kept as they are)
    sources : paths of its files relative to the tree, with ``/``; the first is the one that it is called after
    destination : path of what it becomes, relative to the output
    size : bytes of its files
    stamp : changes when one of the files does
    mtime_ns : when the last of them was changed, in ns since 1970
    format : as the reader of its format says; empty if that is not known yet
    restored : path of what comes back, relative to the restored tree; empty if that is the path of its file
    fault : why its file is kept as plain bytes, although a reader knows its format
    """

    kind: Kind
    sources: tuple[str, ...]
    destination: str
    size: int = 0
    stamp: str = ""
    mtime_ns: int = 0
    format: str = ""
    restored: str = ""
    fault: str = ""


@dataclass(frozen=True)
class Choice:
    """Which files belong to a study: those that match a pattern of `include` (all, if there is none) and none of `exclude`.

    Patterns are those of a shell; ``*`` also matches ``/``. They are compared with paths relative to the tree, and with names.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def takes(self, path: str) -> bool:
        """Whether a file belongs to it."""

        def matches(patterns: Iterable[str]) -> bool:
            return any(fnmatchcase(path, pattern) or fnmatchcase(path.rpartition("/")[2], pattern) for pattern in patterns)

        return (not self.include or matches(self.include)) and not matches(self.exclude)


def plan(tree: Path, choice: Choice, threads: int, *, pack_rest: bool = False, leave_out: Collection[Path] = ()) -> list[Unit]:
    """Units of a tree, the largest first. Links to what lies within it, and to folders, are kept; others stand for their content.

    Parameters
    ----------
    pack_rest : whether files that are kept as they are become one archive, `REST`
    leave_out : files and folders within the tree that are not part of it, such as the output

    Raises
    ------
    OSError
        A folder or a file cannot be read.
    """
    units: list[Unit] = []
    for folder in _folders(tree, choice, leave_out):
        units += folder.units(threads)
    rest = [unit for unit in units if unit.kind == "file"] if pack_rest else []
    if rest:
        units = [unit for unit in units if unit.kind != "file"]
        units.append(Unit("archive", tuple(sorted(unit.sources[0] for unit in rest)), REST))
    return sorted((_measured(unit, tree) for unit in _distinct(units)), key=lambda unit: (-unit.size, unit.destination))


@dataclass
class _Folder:
    """A folder of the tree: its files by name, links, whether it is a store, and whether it belongs to a BIDS data set."""

    tree: Path
    path: Path
    files: list[str]
    links: list[str]
    store: bool = False
    empty: bool = False
    bids: bool = False

    def units(self, threads: int) -> list[Unit]:
        """Its files, each in one unit."""
        found = [Unit("link", (self._name(name),), self._name(name)) for name in self.links]
        if self.empty:
            found.append(Unit("folder", (self._name(""),), self._name("")))
        if self.store:
            return [*found, Unit("archive", tuple(map(self._name, self.files)), self._name("").rstrip("/") + PACKED)]
        looks = dict(zip(self.files, map_ordered(self._look, self.files, threads), strict=True))
        taken: set[str] = set()
        for build in (self._spread, self._grouped, self._alone):
            for unit in build({name: known for name, known in looks.items() if name not in taken}):
                found.append(unit)
                taken |= {source.rpartition("/")[2] for source in unit.sources}
        return found

    def _look(self, name: str) -> Look | None:
        path = self.path / name
        return look(path) if path.is_file() else None

    def _spread(self, looks: dict[str, Look | None]) -> Iterator[Unit]:
        """Headers with the files of their samples."""
        taken: set[str] = set()
        for name, known in looks.items():
            pair = [path.name for path in files_of(self.path / name)]
            if len(pair) > 1 and not taken.intersection(pair):
                names = tuple(map(self._name, pair))
                yield Unit("image", names, self._name(compressed_name(self.path / pair[0]).name), format="nifti-pair")
                taken.update(pair)
            elif known and known.others and name not in taken and not taken.intersection(known.others):
                others = [other for other in known.others if other in looks]
                yield Unit("archive", tuple(map(self._name, (name, *others))), self._name(name + PACKED), format=known.format)
                taken.update((name, *others))

    def _grouped(self, looks: dict[str, Look | None]) -> Iterator[Unit]:
        """Slices, those of a series or of a stack together."""
        groups: dict[Hashable, list[str]] = {}
        for name, known in looks.items():
            if known and known.group is not None:
                groups.setdefault(known.group, []).append(name)
        for group, names in groups.items():
            known = looks[names[0]]
            if known and (known.format == "dicom" or (len(names) > 1 and not self.bids)):
                yield Unit("archive", tuple(map(self._name, names)), self._name(_title(group, known, names)), format=known.format)

    def _alone(self, looks: dict[str, Look | None]) -> Iterator[Unit]:
        for name, known in looks.items():
            if known is None or known.format == "dicom":
                yield Unit("file", (self._name(name),), self._name(name))
            else:
                packed = name + PACKED if self.bids else compressed_name(self.path / name).name
                yield Unit("image", (self._name(name),), self._name(packed), format=known.format, fault=known.fault)

    def _name(self, name: str) -> str:
        return (self.path / name).relative_to(self.tree).as_posix()


def _title(group: Hashable, known: Look, names: Sequence[str]) -> str:
    """Name of an archive of slices: it stays when other series come and go, and tells of no person."""
    if known.format != "dicom":
        return re.sub(r"\d+", "", names[0]).strip("._-") + PACKED
    modality = re.sub(r"[^A-Za-z0-9]", "", known.modality)
    return f"series-{hashlib.sha256(repr(group).encode()).hexdigest()[:8]}{f'-{modality}' if modality else ''}{PACKED}"


def _folders(tree: Path, choice: Choice, leave_out: Collection[Path]) -> Iterator[_Folder]:
    def failed(error: OSError) -> None:
        raise error

    for place, folders, names in os.walk(tree, onerror=failed):
        here = Path(place)

        def chosen(found: Iterable[str], here: Path = here) -> list[str]:
            kept = (name for name in sorted(found) if name != MANIFEST and here / name not in leave_out)
            return [name for name in kept if choice.takes((here / name).relative_to(tree).as_posix())]

        empty = not folders and not names and here != tree and choice.takes(here.relative_to(tree).as_posix())
        folder_links = [name for name in folders if (here / name).is_symlink()]
        folders[:] = sorted(name for name in folders if name not in folder_links and here / name not in leave_out)
        if here != tree and _STORES.intersection(names):
            folders.clear()
            if inside := chosen(path.relative_to(here).as_posix() for path in here.rglob("*") if path.is_file()):
                yield _Folder(tree, here, inside, [], store=True)
            continue
        wanted = chosen(names)
        links = [name for name in wanted if _is_kept_link(here / name, tree)]
        files, bids = [name for name in wanted if name not in links], data_set_of(here) is not None
        yield _Folder(tree, here, files, links + chosen(folder_links), empty=empty, bids=bids)


def _is_kept_link(path: Path, tree: Path) -> bool:
    return path.is_symlink() and (not path.exists() or path.resolve().is_relative_to(tree.resolve()))


def _distinct(units: list[Unit]) -> Iterator[Unit]:
    """Units with destinations of their own: those that lose one keep the whole name of their file, or are numbered."""
    taken = {unit.destination for unit in units if unit.kind in ("file", "link", "folder")}
    for unit in units:
        if unit.kind in ("file", "link", "folder"):
            yield unit
            continue
        stem = unit.sources[0] if unit.kind == "image" else unit.destination.removesuffix(PACKED)
        name, count = unit.destination, 0
        while name in taken:
            count += 1
            name = f"{stem}{f'-{count}' if count > 1 else ''}{PACKED}"
        taken.add(name)
        yield replace(unit, destination=name)


def _measured(unit: Unit, tree: Path) -> Unit:
    """The unit with the size and the stamp of its files."""
    sources = unit.sources if unit.kind != "folder" else ()
    found = [(source, (tree / source).stat(follow_symlinks=unit.kind != "link")) for source in sources]
    size = 0 if unit.kind == "link" else sum(status.st_size for _, status in found)
    stamp = stamp_of((source, status.st_size, status.st_mtime_ns) for source, status in found)
    return replace(unit, size=size, stamp=stamp, mtime_ns=max((status.st_mtime_ns for _, status in found), default=0))


def stamp_of(files: Iterable[tuple[str, int, int]]) -> str:
    """What changes when a file does: of paths, sizes and times of change in ns."""
    return hashlib.sha256("".join(f"{source}\0{size}\0{time}\0" for source, size, time in files).encode()).hexdigest()[:16]


def member_names(unit: Unit) -> dict[str, str]:
    """Files of an archive: path relative to the tree by the name in the archive, which is relative to the archive's folder."""
    folder = PurePosixPath(unit.destination).parent
    return {PurePosixPath(source).relative_to(folder).as_posix(): source for source in unit.sources}
