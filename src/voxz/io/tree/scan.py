"""Reading a file once: its checksums, how its gzip is done again, and what the reader of its format says of it."""

import contextlib
import hashlib
import io
import itertools
import os
import warnings
import zlib
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from voxz.container.files import FOLDER
from voxz.errors import CorruptError, PlainBytesWarning, UnsupportedError, VoxzError
from voxz.io.foreign_file import HEAD_BYTES, Beside, ForeignFile, Stretch
from voxz.io.gzip_members import MemberSearch
from voxz.io.gzip_stream import MAGIC, Content, buffered_content, content_name
from voxz.io.recognise import beside, parsed_by, reader_of
from voxz.io.tree.listing import stamp
from voxz.io.tree.tree_file import TreeFile

_PART = 1 << 22


def scanned(name: str, path: Path, equals: dict[object, Any], whole: bool, any_content: bool) -> TreeFile:
    """A file, looked at; gzip is undone if it may have `any_content`, or one of a known format, and of a `whole` one if exact.

    What it has in common with those before is taken from `equals`.
    """
    status = path.stat()
    file = TreeFile(name, path, stamp(path), status.st_mode & 0o7777, status.st_mtime_ns)
    if path.is_dir():
        file.format, file.sha256 = FOLDER, hashlib.sha256().digest()
        return file
    head = _read_through(file, whole, any_content)
    try:
        take_known(file, _parsed(file, head), equals)
    except (CorruptError, UnsupportedError) as fault:
        file.fault = fault
        if whole:
            warnings.warn(f"{path}: {fault}; kept as plain bytes", PlainBytesWarning, stacklevel=2)
    return file


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
        head = buffered_content(raw, path).read(HEAD_BYTES)
    raw.seek(0)
    return reader_of(head, content_name(path.name)) is not None


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


def parsed_held(file: TreeFile, contents: dict[str, bytes]) -> ForeignFile | None:
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


def _beside_held(place: Path, contents: dict[str, bytes]) -> BinaryIO:
    """A file in memory; `UnsupportedError` if it is not there."""
    name = os.path.normpath(place)
    if name not in contents:
        raise UnsupportedError(f"its samples are in {place.name}, which is not beside it")
    return io.BytesIO(contents[name])


def take_known(file: TreeFile, known: ForeignFile | None, equals: dict[object, Any], most: int | None = None) -> None:
    """Keep what a reader said of a file, if its samples take no more bytes than `most`."""
    if known is None or (
        most is not None and sum(part.layout.nbytes for part in itertools.chain(*known.stretches.values())) > most
    ):
        return
    inner = file.path.name
    known = _shared(known, "" if known.series else str(PurePosixPath(file.name).parent), equals)
    file.take(known.stretches.get(inner, ()))
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
