"""What a worker does with one unit: a function of paths and options, which any thread or process may run.

Each tells what became of the unit in a `Record`, also of a failure. Nothing takes a name before it is whole and verified.
"""

import contextlib
import errno
import hashlib
import io
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from zlib import crc32

from voxz import api
from voxz.codecs.codec import Codec
from voxz.codecs.kinds import codec_of
from voxz.container.files import FOLDER, StoredFile
from voxz.container.reader import Reader
from voxz.errors import CorruptError, TruncatedError, UnsupportedError, UsageError, VoxzError
from voxz.io.gzip_stream import ContentFile
from voxz.io.output import complete_file, header_path
from voxz.pipeline.parts import Parts
from voxz.pipeline.plan import Plan
from voxz.pipeline.samples import Progress
from voxz.studies.manifest import DONE, FAILED, Record
from voxz.studies.plan import Unit, member_names, stamp_of
from voxz.target import LOSSLESS, Target
from voxz.volume.bricks import brick_of

_PART = 1 << 20
ATTEMPTS = 3
"""Times that something is tried which may have failed by chance: a disk or a network that was away."""

_PASSING = {
    getattr(errno, name)
    for name in (
        *("EIO", "EAGAIN", "EINTR", "EBUSY", "ENFILE", "EMFILE", "ENOMEM", "ENOLCK", "ESTALE", "EREMOTEIO", "ETIMEDOUT"),
        *("ENETDOWN", "ENETUNREACH", "ENETRESET", "EHOSTDOWN", "EHOSTUNREACH", "ECONNRESET", "ECONNREFUSED", "ECONNABORTED"),
    )
    if hasattr(errno, name)
}
"""Errors of the operating system that may pass."""


@dataclass(frozen=True)
class Wish:
    """How the units of a study are compressed; see `voxz.compress`. With `link`, other files become hard links where possible."""

    target: Target = LOSSLESS
    level: int = api.DEFAULT_LEVEL
    codec: Codec | str | None = None
    brick: str | None = None
    verify: bool = True
    force: bool = False
    remove: bool = False
    link: bool = False


def record_of(unit: Unit) -> Record:
    """What is known of a unit before anything was done."""
    counted = (len(unit.sources), unit.size, unit.stamp, unit.mtime_ns)
    return Record(unit.destination, unit.kind, unit.sources[0], *counted, ours=True, restored=unit.restored)


def holds(unit: Unit, tree: Path, out: Path) -> bool:
    """Whether the destination of a unit is there, and gives back the very files: what a worker left that died before it told."""
    source, place = tree / unit.sources[0], out / unit.destination
    names = member_names(unit) if unit.kind == "archive" else {}
    try:
        if unit.kind == "link":
            return place.is_symlink() and place.readlink() == source.readlink()
        if not place.is_file() or not source.is_file():
            return False
        if unit.kind == "file":
            return sha256_of([place]) == sha256_of([source])
        with Reader(place) as reader:
            stored = list(reader.files)
        sources = [names[file.name] for file in stored] if names else list(unit.sources)
        return len(stored) == len(unit.sources) and all(map(_is_back, (tree / source for source in sources), stored))
    except (VoxzError, OSError, KeyError):
        return False


def is_moved(unit: Unit, tree: Path, out: Path) -> bool:
    """Whether files of a unit are gone since its destination is safe: a worker deleted them, and died before it told."""
    place = out / unit.destination
    if not place.is_file() or all((tree / source).exists() for source in unit.sources):
        return False
    if unit.kind != "archive" and len(unit.sources) == 1:  # its time is that of the file it was made of
        return stamp_of([(unit.sources[0], unit.size, place.stat().st_mtime_ns)]) == unit.stamp
    try:
        with Reader(place) as reader:
            stored = list(reader.files)
    except VoxzError:
        return False
    names = (
        member_names(unit) if unit.kind == "archive" else dict(zip((file.name for file in stored), unit.sources, strict=False))
    )
    sources = [tree / names.get(file.name, "") for file in stored]
    return len(stored) == len(unit.sources) and all(
        not path.exists() or _is_back(path, file) for path, file in zip(sources, stored, strict=True)
    )


def compress_unit(
    unit: Unit,
    tree: Path,
    out: Path,
    wish: Wish,
    threads: int,
    progress: Progress | None = None,
    parts: Parts | None = None,
) -> Record:
    """Make the destination of a unit, of which others may have coded `parts`; one that holds its files already is verified."""
    record = record_of(unit)
    source, destination = tree / unit.sources[0], out / unit.destination

    def compressed() -> Record:
        if (not wish.force and holds(unit, tree, out)) or (wish.remove and is_moved(unit, tree, out)):
            api.verify(destination, threads=threads, progress=progress)
            there, known = [tree / path for path in unit.sources if (tree / path).exists()], _with_facts(record, destination)
            if unit.kind == "image" and len(there) == len(unit.sources):
                known = replace(known, sha256=sha256_of(there))
            for path in there if wish.remove else ():
                path.unlink()
            return known
        if unit.kind == "archive":
            api.compress(
                {name: tree / path for name, path in member_names(unit).items()},
                destination,
                level=wish.level,
                brick=wish.brick,
                threads=threads,
                verify=wish.verify,
                force=wish.force,
                progress=progress,
            )
            if wish.remove:
                _remove_members(unit, tree, destination, threads)
            return _with_facts(record, destination)
        digest = sha256_of(tree / path for path in unit.sources)
        pack = partial(
            api.compress_file,
            source,
            plan=Plan(wish.level, codec_of(wish.codec), wish.target, brick=brick_of(wish.brick)),
            keep_gz=True,
            threads=threads,
            verify=wish.verify,
            remove=wish.remove,
            progress=progress,
            parts=parts,
        )
        if wish.target.loses and not wish.force and destination.is_file():
            _pack_again(pack, destination)
        else:
            pack(destination, force=wish.force)
        if parts is not None:
            parts.remove()
        return replace(_with_facts(record, destination), sha256=digest)

    def kept() -> Record:
        if wish.remove and is_moved(unit, tree, out):
            return replace(record, outcome=DONE, written=destination.stat().st_size, sha256=sha256_of([destination]))
        return _keep(record, source, destination, link=wish.link, force=wish.force, remove=wish.remove)

    return _attempted(record, destination, compressed if unit.kind in ("image", "archive") else kept)


def _pack_again(pack: Callable[..., None], destination: Path) -> None:
    """Compress with loss to a file that has appeared meanwhile: a worker's that died before it told has the same bytes."""
    again = destination.with_name(f".{destination.name}.again")
    try:
        pack(again, force=True)
        if sha256_of([again]) != sha256_of([destination]):
            raise UsageError(f"{destination} is there already; use -f (force=True) to replace it")
    finally:
        again.unlink(missing_ok=True)


def restore_unit(record: Record, out: Path, tree: Path, force: bool, threads: int, progress: Progress | None = None) -> Record:
    """Bring back the files of a unit; those that are there already, and the same, stay.

    `UsageError` in the record if others are in their place, and `force` is not given.
    """
    packed, source = out / record.destination, tree / (record.restored or record.source)
    folder = tree / PurePosixPath(record.destination).parent

    def restored() -> Record:
        _refuse_outside(source, tree)
        if record.kind not in ("image", "archive"):
            return _keep(record, packed, source, force=force, told=record)
        with Reader(packed) as reader:
            named, stored = reader.files.named, list(reader.files)
        places = (
            [folder / file.name for file in stored] if named else [source, *(header_path(source, f.name) for f in stored[1:])]
        )
        there = [_is_back(place, file) for place, file in zip(places, stored, strict=True)]
        if not all(there):
            for place in places:
                _refuse_outside(place, tree)
            again = force or all(back or not os.path.lexists(place) for back, place in zip(there, places, strict=True))
            api.decompress(packed, folder if named else source, threads=threads, force=again, progress=progress)
        return replace(record, outcome=DONE)

    return _attempted(record, source, restored)


def verify_unit(record: Record, out: Path, threads: int, progress: Progress | None = None) -> Record:
    """Compare what a unit became with every checksum that there is."""
    place = out / record.destination

    def verified() -> Record:
        if record.kind in ("image", "archive"):
            api.verify(place, threads=threads, progress=progress)
        elif record.kind == "link":
            if not place.is_symlink() or str(place.readlink()) != record.link:
                raise CorruptError(f"{place} is not the link to {record.link} that it was")
        elif record.kind == "file" and record.sha256 and sha256_of([place]) != record.sha256:
            raise CorruptError(f"{place} is not what was put there: its SHA-256 differs")
        return replace(record, outcome=DONE)

    return _attempted(record, place, verified)


def _attempted(record: Record, place: Path, work: Callable[[], Record]) -> Record:
    """What `work` says, or why it failed; it is done again where that may help."""
    began = time.perf_counter()
    for attempt in range(ATTEMPTS):
        time.sleep(attempt)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            return replace(work(), seconds=round(time.perf_counter() - began, 3), error="")
        except (VoxzError, OSError, MemoryError) as error:
            fault: Exception = error
        if not isinstance(fault, OSError) or fault.errno not in _PASSING:
            break
    words = f"{fault.strerror}: {fault.filename}" if isinstance(fault, OSError) and fault.strerror else str(fault)
    return replace(record, outcome=FAILED, error=words or type(fault).__name__, seconds=round(time.perf_counter() - began, 3))


def _with_facts(record: Record, destination: Path) -> Record:
    facts = api.info(destination)
    return replace(record, outcome=DONE, written=facts.bytes, codec="+".join(facts.codecs), sha256=facts.original_sha256)


def _keep(
    record: Record,
    source: Path,
    destination: Path,
    *,
    link: bool = False,
    force: bool = False,
    remove: bool = False,
    told: Record | None = None,
) -> Record:
    """A file, a link or a folder at another place, as it is; its content must be what was `told`."""
    if record.kind == "folder":
        destination.mkdir(parents=True, exist_ok=True)
        return replace(record, outcome=DONE)
    if record.kind == "link":
        leads = os.fspath(source.readlink())
        _make_link(destination, leads, force)
        return replace(record, outcome=DONE, link=leads)
    if not source.is_file():
        raise UnsupportedError(f"{source} is no regular file and cannot be kept; leave it out with --exclude")
    digest = sha256_of([source])
    if told is not None and told.sha256 and digest != told.sha256:
        raise CorruptError(f"{source} is not what was put there: its SHA-256 differs")
    same = destination.is_file() and sha256_of([destination]) == digest
    if not same and not (link and _linked(source, destination)):
        _copy(source, destination, force, digest)
    if remove and not destination.samefile(source):
        source.unlink()
    return replace(record, outcome=DONE, written=destination.stat().st_size, sha256=digest)


def _copy(source: Path, destination: Path, force: bool, digest: str) -> None:
    with source.open("rb") as file, complete_file(destination, force, source.stat(), read_back=True) as copy:
        found = hashlib.sha256()
        while part := file.read(_PART):
            found.update(part)
            copy.write(part)
        if found.hexdigest() != digest:
            raise TruncatedError(f"{source} was changed while it was read; wait until it is complete and try again")


def _linked(source: Path, destination: Path) -> bool:
    """Try to give a file a second name."""
    try:
        os.link(source, destination)
    except OSError:
        return False
    return True


def _make_link(place: Path, leads: str, force: bool) -> None:
    if place.is_symlink() and os.fspath(place.readlink()) == leads:
        return
    if os.path.lexists(place):
        if not force:
            raise UsageError(f"{place} is there already; use -f (force=True) to replace it")
        place.unlink()
    place.symlink_to(leads)


def _remove_members(unit: Unit, tree: Path, archive: Path, threads: int) -> None:
    """Delete the files of an archive once its bytes, read back from the disk, give them again."""
    api.verify(archive, threads=threads)
    with Reader(archive) as reader:
        stored = {file.name: file for file in reader.files}
    for name, source in member_names(unit).items():
        path = tree / source
        if not _is_back(path, stored[name]):
            raise TruncatedError(f"{path} was changed while it was read; it was not deleted")
        path.unlink()


def _refuse_outside(place: Path, tree: Path) -> None:
    if not place.parent.resolve().is_relative_to(tree.resolve()):
        raise UsageError(
            f"{place} lies behind a link that leads out of the folder; remove the link, or restore to another folder"
        )


def _is_back(place: Path, file: StoredFile) -> bool:
    """Whether what would be restored is in its place already."""
    if file.format == FOLDER or not place.is_file():
        return file.format == FOLDER and place.is_dir()
    with place.open("rb") as content:
        if file.gzip is None:
            return _crc32(content) == file.crc32
        if file.gzip.exact:
            return _crc32(content) == file.gzip_crc32
        with contextlib.suppress(CorruptError):
            return _crc32(io.BufferedReader(ContentFile(content, str(place)))) == file.crc32
    return False


def sha256_of(paths: Iterable[Path]) -> str:
    """Of the content of files, one after the other."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while part := file.read(_PART):
                digest.update(part)
    return digest.hexdigest()


def _crc32(file: BinaryIO) -> int:
    total = 0
    while part := file.read(_PART):
        total = crc32(part, total)
    return total
