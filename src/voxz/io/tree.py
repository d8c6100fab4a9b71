"""Looking through the files that go into an archive: what each is, where its samples lie, and which arrays they make together.

Every file is read once to find its checksums and to try its packings, which count only if packing again gives the same bytes.
What no reader knows, or what contradicts itself, is verbatim: it never stops the rest. Samples are not kept: they are read again
when their array is coded, and a file that is another one by then is an error.
"""

import contextlib
import hashlib
import io
import itertools
import os
import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from voxz.container.files import FOLDER, PLAIN
from voxz.container.pieces import LONGEST
from voxz.errors import (
    CorruptError,
    PersonalDataWarning,
    PlainBytesWarning,
    TruncatedError,
    UnsupportedError,
    UsageError,
    VoxzError,
)
from voxz.io.arrange import arrange
from voxz.io.foreign_file import ABOVE, HEAD_BYTES, WHOLE, Beside, ForeignFile, Reader, Space, Stretch
from voxz.io.gzip_members import MemberSearch, Repacking
from voxz.io.gzip_stream import MAGIC, Content, ContentFile, content_name
from voxz.io.packings import WITHOUT_SAMPLES, packing
from voxz.io.raw import FORMAT as RAW
from voxz.io.raw import said
from voxz.threads import map_ordered
from voxz.volume.layout import MOST_AXES, Layout

Source = str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | Mapping[str, Path]
"""A folder, or files and folders, or files by the names that they have in the archive."""

LARGEST_ITEM = 1 << 30
"""Bytes of samples that are unpacked, or put into another order, at once; larger ones are verbatim."""

_PART = 1 << 22
_BUFFER = 1 << 18


@dataclass(frozen=True, slots=True)
class Item:
    """A stretch of samples in a file, and how its packing is done again."""

    stretch: Stretch
    how: bytes = b""

    @property
    def plain(self) -> bool:
        """Whether the bytes of the file are the samples of the array."""
        return self.stretch.packing == "raw" and not self.stretch.view.split


@dataclass(slots=True)
class TreeFile:
    """A file of an archive.

    Attributes
    ----------
    name : path within the folder, with ``/``
    stamp : what changes when the file does
    size, crc32, sha256 : of its content
    repacking : how the content becomes a .gz file again; None if it was none, or is kept as it was
    held : its content, where that is in memory
    items : in file order
    space, facts, personal, series : what its reader says
    fault : why there are no items, where a reader knows its format
    """

    name: str
    path: Path
    stamp: tuple[int, ...]
    mode: int = 0
    mtime_ns: int = 0
    format: str = PLAIN
    size: int = 0
    crc32: int = 0
    sha256: bytes = b""
    repacking: Repacking | None = None
    held: bytes | None = None
    items: tuple[Item, ...] = ()
    space: Space | None = None
    facts: dict[str, str] = field(default_factory=dict)
    personal: frozenset[str] = frozenset()
    series: str = ""
    detached: dict[str, tuple[Stretch, ...]] = field(default_factory=dict)
    fault: VoxzError | None = None

    @contextlib.contextmanager
    def content(self) -> Iterator[BinaryIO]:
        """Its content, unpacked. `TruncatedError` if it is not the file that was looked at."""
        if self.held is not None:
            yield io.BytesIO(self.held)
            return
        if self.stamp and _stamp(self.path) != self.stamp:
            raise TruncatedError(f"{self.path} was changed while it was read; wait until it is complete and try again")
        with self.path.open("rb") as raw:
            yield raw if self.repacking is None else _unpacked(raw, self.path)


def _unpacked(file: BinaryIO, path: Path) -> BinaryIO:
    return io.BufferedReader(ContentFile(file, str(path)), _BUFFER)


@dataclass(slots=True)
class TreeArray:
    """An array that files make together: its items, as numbers of a file and of its item, in memory order."""

    layout: Layout
    items: list[tuple[int, int]]


class Tree:
    """Files, in the order in which they are stored, and their arrays.

    Attributes
    ----------
    files : those that share an array follow each other in its order; the ones without samples come last
    arrays : in the order of the files
    named : whether the names of the files are kept
    series : the series that all of them belong to; empty if there is none, or they were not parted by it
    """

    def __init__(self, found: list[TreeFile], named: bool = True, source: Source | None = None, series: str = "") -> None:
        self.files, self.arrays = _arranged(found)
        self.named, self.series, self._source = named, series, source

    @classmethod
    def of(cls, source: Source, threads: int, named: bool = True, raw: Layout | None = None) -> "Tree":
        """Look through a folder, or a list of files and folders; if not `named`, at one file whose name is not kept.

        Files of the size of `raw` that nothing else is known about hold such samples; `UsageError` if there are none.
        """
        listed = _listed(source) if named else {"": Path(cast(str, source))}
        if not listed:
            raise UsageError("there are no files to archive; give a folder that has some")
        known: dict[object, Any] = {}

        def scanned(pair: tuple[str, Path]) -> TreeFile:
            return _scanned(*pair, known, whole=named, any_content=named or raw is not None)

        found = list(map_ordered(scanned, list(listed.items()), threads))
        _join_detached({file.name: file for file in found})
        if raw is not None:
            _take_raw(found, raw)
        tree = cls(found, named, source)
        _warn_of_personal_data(tree.files)
        return tree

    @classmethod
    def held(cls, files: Sequence[TreeFile], named: bool, most: int) -> "Tree":
        """Look through files that are in memory, and find the same as in a folder, in at most so many bytes of samples a file."""
        contents = {str(file.path): file.held or b"" for file in files}
        known: dict[object, Any] = {}
        for file in files:
            with contextlib.suppress(CorruptError, UnsupportedError):
                _take_known(file, _parsed_held(file, contents), known, most)
        _join_detached({str(file.path): file for file in files})
        return cls(list(files), named)

    def by_series(self) -> "list[Tree]":
        """A tree for each series, in the order of the names of their first files, and one for what belongs to none."""
        parts: dict[str, list[TreeFile]] = {}
        for file in sorted(self.files, key=lambda file: (not file.series, file.name)):
            parts.setdefault(file.series, []).append(file)
        return [Tree(files, self.named, None, series) for series, files in parts.items()]

    def refuse_changed(self) -> None:
        """Raise `TruncatedError` if files came, went or changed since they were listed."""
        listed = {file.name: file.path for file in self.files} if self._source is None else _listed(self._source, again=True)
        now = {name: _stamp(path) for name, path in listed.items() if path.exists()}
        then = {file.name: file.stamp for file in self.files}
        if now != then:
            changed = sorted(name for name in now.keys() | then.keys() if now.get(name) != then.get(name))
            raise TruncatedError(f"{changed[0]} was changed while the folder was read; wait until it is complete and try again")


def _join_detached(files: dict[str, TreeFile]) -> None:
    """Give detached samples to the files that have them, by their paths."""
    for path, file in files.items():
        for name, stretches in file.detached.items():
            other = files.get(str(PurePosixPath(path).parent / name))
            if other is not None and not other.items:
                other.items = _proven(other, _placed(stretches, other))
                other.format, other.space, other.facts = file.format, file.space, file.facts
        file.detached = {}


def _take_raw(files: list[TreeFile], layout: Layout) -> None:
    unknown = [file for file in files if not file.items and file.format != FOLDER]
    chosen = [file for file in unknown if file.size == layout.nbytes]
    if not chosen:
        sizes = sorted({file.size for file in unknown}, key=lambda size: abs(size - layout.nbytes))
        nearest = f"; the nearest size of one without a header is {sizes[0]}" if sizes else ""
        raise UsageError(f"no file has the {layout.nbytes} bytes that {said(layout)} take{nearest}")
    for file in chosen:
        file.items, file.format = _proven(file, [Stretch(0, file.size, layout)]), RAW


def _warn_of_personal_data(files: Sequence[TreeFile]) -> None:
    """One warning about all files."""
    holders = [file for file in files if file.personal]
    if holders:
        kinds = ", ".join(sorted(frozenset().union(*(file.personal for file in holders))))
        warnings.warn(
            f"{len(holders)} of {len(files)} files may tell who a person is ({kinds}); all of it is kept, nothing is removed",
            PersonalDataWarning,
            stacklevel=4,
        )


def _listed(source: Source, *, again: bool = False) -> dict[str, Path]:
    """Files, and empty folders (with a ``/`` at their end), by name; what is left out is told, unless it is listed `again`."""
    if isinstance(source, Mapping):
        return dict(source)
    if not isinstance(source, str | os.PathLike):
        found: dict[str, Path] = {}
        for entry in source:
            inside = (
                {f"{Path(entry).name}/{name}": path for name, path in _listed(entry, again=again).items()}
                if Path(entry).is_dir()
                else None
            )
            for name, path in (inside or {Path(entry).name: Path(entry)}).items():
                if name in found and found[name] != path:
                    raise UsageError(f"two of the files are named {name}; give the folder that they lie in, or rename one")
                found[name] = path
        return found
    root, found = Path(source), {}
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


def _scanned(name: str, path: Path, equals: dict[object, Any], whole: bool, any_content: bool) -> TreeFile:
    """A file, looked at; gzip is undone if it may have `any_content`, or one of a known format, and of a `whole` one if exact.

    What it has in common with those before is taken from `equals`.
    """
    status = path.stat()
    file = TreeFile(name, path, _stamp(path), status.st_mode & 0o7777, status.st_mtime_ns)
    if path.is_dir():
        file.format, file.sha256 = FOLDER, hashlib.sha256().digest()
        return file
    head = _read_through(file, whole, any_content)
    try:
        _take_known(file, _parsed(file, head), equals)
    except (CorruptError, UnsupportedError) as fault:
        file.fault = fault
        if whole:
            warnings.warn(f"{path}: {fault}; kept as plain bytes", PlainBytesWarning, stacklevel=2)
    return file


def _take_known(file: TreeFile, known: ForeignFile | None, equals: dict[object, Any], most: int | None = None) -> None:
    """Keep what a reader said of a file, if its samples take no more bytes than `most`."""
    if known is None or (
        most is not None and sum(part.layout.nbytes for part in itertools.chain(*known.stretches.values())) > most
    ):
        return
    inner = file.path.name
    known = _shared(known, "" if known.series else str(PurePosixPath(file.name).parent), equals)
    file.items = _proven(file, known.stretches.get(inner, ()))
    file.format, file.space, file.facts, file.personal = known.format, known.space, known.facts, known.personal
    file.series = known.series
    file.detached = {other: stretches for other, stretches in known.stretches.items() if other != inner}
    file.fault = None if file.items else _nothing_to_code(file)


def _nothing_to_code(file: TreeFile) -> VoxzError:
    """Why a file has no items, although its reader has read it."""
    if file.detached:
        names = ", ".join(list(file.detached)[:3]) + ", ..." * (len(file.detached) > 3)
        words = f"is a header whose samples lie in {names}; give them all with -o NAME.voxz, as one archive"
        return UnsupportedError(f"{file.path} {words}")
    return UnsupportedError(f"{file.path} is of the format {file.format}, but has no samples that voxz can take out of it")


def _shared(known: ForeignFile, folder: str, equals: dict[object, Any]) -> ForeignFile:
    """The file with keys that only files of the same folder share; what `equals` has an equal of is taken from there.

    Slices of a series differ in little: a hundred thousand of them must not hold it all a hundred thousand times.
    """

    def one(value: Any) -> Any:
        return equals.setdefault(value, value)

    def slim(part: Stretch) -> Stretch:
        key = None if part.key is None else one((folder, part.key))
        return replace(part, key=key, layout=one(part.layout), view=one(part.view))

    stretches = {name: tuple(map(slim, parts)) for name, parts in known.stretches.items()}
    facts = equals.setdefault(("facts", *known.facts.items()), known.facts)
    return replace(known, stretches=stretches, facts=facts, personal=one(known.personal), series=one(known.series))


def _read_through(file: TreeFile, whole: bool, any_content: bool) -> bytes:
    """Find its checksums, and how its gzip is done again; return its first bytes."""
    with file.path.open("rb") as raw:
        if raw.peek(len(MAGIC))[: len(MAGIC)] == MAGIC and (any_content or _known_within(raw, file.path)):
            with contextlib.closing(MemberSearch(file.path)) as members, contextlib.suppress(CorruptError):
                content = Content(raw, str(file.path), members)
                head = _summed(file, content)
                file.repacking = members.result(content)
                if file.repacking.gzip.exact or not whole:
                    return head
            raw.seek(0)
            file.repacking = None
        return _summed(file, raw)


def _known_within(raw: BinaryIO, path: Path) -> bool:
    """Whether the content of a gzip file may be of a known format: another one need not be read through."""
    head = b""
    with contextlib.suppress(CorruptError):
        head = _unpacked(raw, path).read(HEAD_BYTES)
    raw.seek(0)
    return reader_of(head, content_name(path.name)) is not None


def reader_of(head: bytes, name: str) -> Reader | None:
    """The reader of the format of a file; None if there is none."""
    from voxz.io.readers import READERS  # noqa: PLC0415 - a dozen modules that only folders need

    return next((module for module in READERS.values() if module.recognise(head, name)), None)


def _summed(file: TreeFile, content: BinaryIO | Content) -> bytes:
    digest, head = hashlib.sha256(), b""
    file.crc32 = file.size = 0
    while part := content.read(_PART):
        head += part[: HEAD_BYTES - len(head)]
        digest.update(part)
        file.crc32, file.size = zlib.crc32(part, file.crc32), file.size + len(part)
    file.sha256 = digest.digest()
    return head


def _parsed(file: TreeFile, head: bytes) -> ForeignFile | None:
    """What the reader of its format says; None if there is none."""
    with file.content() as content, contextlib.ExitStack() as stack:
        return _parsed_as(file, content, head, lambda name: beside(file.path.parent, name, stack))


def _parsed_held(file: TreeFile, contents: dict[str, bytes]) -> ForeignFile | None:
    """The same of a file in memory, whose neighbours are, too."""
    held = file.held or b""
    return _parsed_as(file, io.BytesIO(held), held[:HEAD_BYTES], lambda name: _beside_held(file.path.parent / name, contents))


def _parsed_as(file: TreeFile, content: BinaryIO, head: bytes, opened: Beside) -> ForeignFile | None:
    name = file.path.name
    plain = content_name(name) if file.repacking else name
    reader = reader_of(head, plain)
    if reader is None:
        return None
    known = parsed_by(reader, content, file.size, plain, opened)
    if plain != name and plain in known.stretches:
        known.stretches[name] = known.stretches.pop(plain)
    return known


def parsed_by(reader: Reader, content: BinaryIO, size: int, name: str, opened: Beside) -> ForeignFile:
    """What a reader says of the content of a file, whose neighbours are `opened` if it may see them."""

    def inside(other: str) -> BinaryIO:
        *folders, last = parts = other.split("/")
        above = bool(folders) and set(folders) == {".."} and last in ABOVE
        if not above and any(Path(part).name != part for part in parts):
            raise UnsupportedError(f"its samples are in {other}, which is not beside it")
        return opened(other)

    with np.errstate(all="ignore"):  # what overflows in a header is infinite, and infinite places are none
        return reader.parse(content, size, name, inside)


def beside(folder: Path, name: str, stack: contextlib.ExitStack) -> BinaryIO:
    """A file on disk, unpacked if it does not lie below the `folder`; `UnsupportedError` if it is not there."""
    place = folder / name
    if not place.is_file():
        raise UnsupportedError(f"its samples are in {place.name}, which is not beside it")
    raw = place.open("rb")
    if len(Path(name).parts) > 1 and ".." not in name:
        return raw
    stack.enter_context(raw)
    return _unpacked(raw, place) if raw.peek(len(MAGIC))[: len(MAGIC)] == MAGIC else raw


def _beside_held(place: Path, contents: dict[str, bytes]) -> BinaryIO:
    """A file in memory; `UnsupportedError` if it is not there."""
    name = os.path.normpath(place)
    if name not in contents:
        raise UnsupportedError(f"its samples are in {place.name}, which is not beside it")
    return io.BytesIO(contents[name])


def _proven(file: TreeFile, stretches: Sequence[Stretch]) -> tuple[Item, ...]:
    """The stretches whose samples give back the bytes of the file."""
    items, end = [], 0
    with file.content() as content:
        for stretch in stretches:
            empty = not stretch.length or not (stretch.layout.nbytes or stretch.packing in WITHOUT_SAMPLES)
            if empty or stretch.start < end or stretch.start + stretch.length > file.size:
                continue
            item = Item(stretch)
            if item.plain:
                items += [item] if stretch.length == stretch.layout.nbytes else []
            elif max(stretch.length, stretch.layout.nbytes) <= LARGEST_ITEM:
                content.seek(stretch.start)
                data = content.read(stretch.length)
                how = _how(data, stretch)
                items += [] if how is None else [replace(item, how=how)]
            end = stretch.start + stretch.length
    return tuple(items)


def _placed(stretches: Sequence[Stretch], file: TreeFile) -> list[Stretch]:
    """Stretches of a detached file, whose size its header need not say; members of gzip are undone already."""
    undone = file.repacking is not None and all(stretch.packing == "deflate" for stretch in stretches)
    if not undone:
        return [replace(stretch, length=file.size) if stretch.length == WHOLE else stretch for stretch in stretches]
    lengths = [stretch.layout.nbytes for stretch in stretches]
    starts = itertools.accumulate(lengths, initial=0)
    return [
        replace(stretch, start=start, length=length, packing="raw")
        for stretch, start, length in zip(stretches, starts, lengths, strict=False)
    ]


def _how(data: bytes, stretch: Stretch) -> bytes | None:
    """What packing again needs; None if it would not give `data`."""
    if stretch.packing == "raw":
        return b"" if len(data) == stretch.layout.nbytes == (stretch.view.samples or 0) * stretch.layout.dtype.itemsize else None
    module, layout = packing(stretch.packing), packed_layout(stretch.layout)
    found = module.unpack(data, layout, *stretch.options)
    if found is None or len(found[0]) != layout.nbytes or len(found[1]) > LONGEST:
        return None
    return found[1] if module.pack(found[0], found[1], layout) == data else None


def packed_layout(layout: Layout) -> Layout:
    """Layout as packings know it, when a file is written and when it is restored: without axes of 1 that are slowest."""
    memory = list(layout.memory_shape)
    while memory and memory[0] == 1:
        del memory[0]
    return replace(layout, shape=tuple(memory[::-1] if layout.first_axis_fastest else memory))


def samples_of(data: bytes, item: Item) -> NDArray[np.generic]:
    """Samples of an item in the order of its array, from its bytes in the file."""
    stretch = item.stretch
    if stretch.packing != "raw":
        found = packing(stretch.packing).unpack(data, packed_layout(stretch.layout), *stretch.options)
        if found is None or found[1] != item.how:
            raise TruncatedError("a file was changed while it was read; wait until it is complete and try again")
        data = found[0]
    return stretch.view.apply(np.frombuffer(data, stretch.layout.dtype))


def _arranged(files: list[TreeFile]) -> tuple[list[TreeFile], list[TreeArray]]:
    """Files in the order of their arrays, and those."""
    groups: dict[object, list[tuple[int, int]]] = {}
    for number, file in enumerate(files):
        for place, item in enumerate(file.items):
            stretch = item.stretch
            if stretch.packing in WITHOUT_SAMPLES:
                continue
            alone = stretch.key is None or (len(stretch.layout.shape) + 1 > MOST_AXES and not stretch.joined)
            groups.setdefault((number, place) if alone else (stretch.key, stretch.layout), []).append((number, place))
    arrays: list[TreeArray] = []
    first: dict[int, tuple[int, int]] = {}
    for members in groups.values():
        layout = files[members[0][0]].items[members[0][1]].stretch.layout
        order, axes = arrange([files[number].items[place].stretch.position for number, place in members])
        axes = axes if len(layout.shape) + len(axes) <= MOST_AXES else (len(members),)
        if len(members) > 1:
            joined = files[members[0][0]].items[members[0][1]].stretch.joined
            layout = _lengthened(layout, axes) if joined else _stacked(layout, axes)
        items = [members[k] for k in order]
        for rank, (number, _) in enumerate(items):
            first.setdefault(number, (len(arrays), rank))
        arrays.append(TreeArray(layout, items))
    last = (len(arrays), 0)

    def place_of(number: int) -> tuple[int, int, str, str]:
        name = files[number].name
        return *first.get(number, last), "" if number in first else PurePosixPath(name).suffix.lower(), name

    ordered = sorted(range(len(files)), key=place_of)
    renumbered = {old: new for new, old in enumerate(ordered)}
    for array in arrays:
        array.items = [(renumbered[number], place) for number, place in array.items]
    return [files[number] for number in ordered], arrays


def _stacked(layout: Layout, axes: tuple[int, ...]) -> Layout:
    """Layout of items that make more axes, slowest first."""
    return replace(layout, shape=(*layout.shape, *axes[::-1]) if layout.first_axis_fastest else (*axes, *layout.shape))


def _lengthened(layout: Layout, axes: tuple[int, ...]) -> Layout:
    """Layout of items that follow each other along their slowest axis, which the last of the `axes` lengthens."""
    slowest = len(layout.shape) - 1 if layout.first_axis_fastest else 0
    longer = replace(layout, shape=tuple(n * axes[-1] if k == slowest else n for k, n in enumerate(layout.shape)))
    return _stacked(longer, axes[:-1])


def _stamp(path: Path) -> tuple[int, ...]:
    """What changes when a file is written to or replaced; of a folder, that it is one."""
    status = path.stat()
    return (0,) if path.is_dir() else (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
