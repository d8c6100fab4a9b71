"""An archive of a folder: damage to what it says about its files, and to the pieces that these are put together from."""

import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import voxz
from benchmarks.file_parts import FileParts
from benchmarks.fuzz.damage import damaged_bytes, damaged_number, damaged_text
from benchmarks.fuzz.packed import KINDS as PACKED_KINDS
from benchmarks.fuzz.packed import NAME, assembled, damaged_parts
from benchmarks.fuzz.seed import MOST_BYTES, Files, Seed
from voxz.container.catalogue import ATTRIBUTES, NAMED, CatalogueBuilder
from voxz.container.files import Samples, Segment, StoredFile, Verbatim
from voxz.container.pieces import Chunk, PieceWriter
from voxz.container.reader import Reader
from voxz.io.packings import PACKINGS
from voxz.volume.view import IDENTITY, View

KINDS = (*PACKED_KINDS, "segment", "piece", "gzip", "name", "note")
NAMES = ("../a", "/a", "a/../../b", "", ".", "a\0b", "a/b/", "x" * 300, "\udcff", "a\nb", "CON")
FOLDER = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where files are written: in memory, where that can be."""


@dataclass
class Entry:
    """A file of an archive and its pieces."""

    file: StoredFile
    pieces: list[bytes]

    def with_piece(self, number: int, piece: bytes) -> None:
        """Put another piece in the place of one, and its length into the segment that it belongs to."""
        self.pieces[number] = piece
        gzip, place = self.file.gzip, number
        if gzip and gzip.before:
            if place == 0:
                self.file = replace(self.file, gzip=replace(gzip, before=len(piece)))
                return
            place -= 1
        segments = list(self.file.segments)
        owners = [at for at, segment in enumerate(segments) if isinstance(segment, Verbatim) or segment.how]
        if place < len(owners):
            segment = segments[owners[place]]
            length = len(piece)
            segments[owners[place]] = Verbatim(length) if isinstance(segment, Verbatim) else replace(segment, how=length)
            self.file = replace(self.file, segments=tuple(segments))
        elif gzip:
            self.file = replace(self.file, gzip=replace(gzip, after=len(piece)))


@dataclass(frozen=True)
class Archive:
    """A sound archive, taken apart."""

    name: str
    parts: FileParts
    entries: tuple[tuple[StoredFile, tuple[bytes, ...]], ...]
    notes: tuple[tuple[int, bytes], ...]
    attributes: bool
    kinds: tuple[str, ...] = KINDS

    @classmethod
    def of(cls, name: str, blob: bytes) -> "Archive":
        """Take an archive apart."""
        with Reader(blob) as reader:
            files = reader.files
            entries = tuple((files[number], tuple(reader.pieces(number))) for number in range(len(files)))
            return cls(name, FileParts.of(blob), entries, tuple(files.notes), files.attributes)

    @property
    def family(self) -> str:
        """By the format of the first file."""
        return f"archive of {next((file.format for file, _ in self.entries), 'nothing')}"

    @property
    def files(self) -> Files:
        """The archive."""
        return {NAME: assembled(self.parts)}

    def damaged(self, kind: str, others: Sequence[Seed], rng: Random) -> Files:
        """An archive with damage of one kind and sound checksums."""
        if kind in PACKED_KINDS:
            return {NAME: assembled(damaged_parts(self.parts, kind, others, rng))}
        entries, notes = [Entry(file, list(pieces)) for file, pieces in self.entries], list(self.notes)
        if kind == "note" and notes:
            number, text = rng.choice(notes)
            notes = [(number, (damaged_text if rng.random() < 0.7 else damaged_bytes)(text, rng))]
        else:
            donors = [entry for seed in others if isinstance(seed, Archive) for entry in seed.entries]
            _damage(rng.choice(entries), kind, donors or list(self.entries), rng)
        return {NAME: assembled(_with_files(self.parts, entries, notes, self.attributes))}

    def with_piece(self, file: int, number: int, piece: bytes) -> bytes:
        """The archive with another piece of a file."""
        entries = [Entry(stored, list(pieces)) for stored, pieces in self.entries]
        entries[file].with_piece(number, piece)
        return assembled(_with_files(self.parts, entries, self.notes, self.attributes))

    def read(self, files: Files, rng: Random) -> str:
        """Read the archive in one of the ways there are."""
        return read_archive(files[NAME], rng)


def read_archive(blob: bytes, rng: Random) -> str:
    """Read an archive in one of the ways there are; the outcome is a name."""
    how = rng.randrange(4)
    try:
        if how == 0:
            voxz.info(blob)
            voxz.verify(blob, threads=1)
        elif how == 1:
            _look(blob, rng)
        else:
            with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
                (Path(folder) / "in").mkdir()  # an archive whose file lost its name is restored to a file
                try:
                    voxz.decompress(blob, Path(folder) / "in" / "out", threads=1)
                finally:
                    _refuse_strays(Path(folder))
    except voxz.VoxzError as error:
        return type(error).__name__
    return "samples"


def _look(blob: bytes, rng: Random) -> None:
    """Open the volumes of an archive, and one of its files."""
    with voxz.open(blob, threads=1, max_bytes=MOST_BYTES) as archive:
        for image in archive.series[:3]:
            with image:
                _ = image.name, image.affine, image.scaling, image.facts, image.seconds, image.loss, image.shape
                if image.nbytes <= MOST_BYTES:
                    image.to_nibabel() if rng.random() < 0.5 else image[...]
        if archive.members:
            archive.read(rng.choice(archive.members))


def _refuse_strays(folder: Path) -> None:
    """Raise `AssertionError` if anything lies outside of the folder that was named, or is unfinished."""
    assert {path.name for path in folder.iterdir()} <= {"in"}, "a file lies outside of the folder"
    inside = folder / "in"
    if inside.is_dir():
        assert {path.name for path in inside.iterdir()} <= {"out"}, "a file lies beside the folder"
        assert not list(inside.rglob("*.part")), "an unfinished file was left"


def _damage(entry: Entry, kind: str, donors: Sequence[tuple[StoredFile, tuple[bytes, ...]]], rng: Random) -> None:
    """Damage what an archive says about a file."""
    file = entry.file
    if kind == "name":
        entry.file = replace(file, name=rng.choice(NAMES), format=rng.choice(("bytes", "folder", "dicom", "x", file.format)))
    elif kind == "gzip" and file.gzip:
        field = rng.choice(("level", "memory_level", "strategy"))
        number = damaged_number(getattr(file.gzip, field), rng)
        settings = replace(file.gzip, **{field: number})  # type: ignore[arg-type]
        entry.file = replace(file, gzip=settings, gzip_crc32=rng.randrange(1 << 32))
    elif kind == "piece" and entry.pieces:
        number = rng.randrange(len(entry.pieces))
        pieces = rng.choice(donors)[1] if rng.random() < 0.2 else ()
        entry.with_piece(number, rng.choice(pieces) if pieces else damaged_bytes(entry.pieces[number], rng))
    elif file.segments:
        at = rng.randrange(len(file.segments))
        changed = _damaged_segment(file.segments[at], donors, rng)
        entry.file = replace(file, segments=(*file.segments[:at], changed, *file.segments[at + 1 :]))
    else:
        entry.file = replace(file, crc32=rng.randrange(1 << 32), mode=rng.randrange(1 << 16), mtime_ns=damaged_number(0, rng))


def _damaged_segment(segment: Segment, donors: Sequence[tuple[StoredFile, tuple[bytes, ...]]], rng: Random) -> Segment:
    if isinstance(segment, Verbatim):
        length = segment.length
        return Verbatim(damaged_number(length, rng)) if rng.random() < 0.5 else Samples(0, 0, length, length)
    how = rng.randrange(4)
    if how == 0:
        field = rng.choice(("array", "first", "count", "length", "how"))
        return replace(segment, **{field: damaged_number(getattr(segment, field), rng)})  # type: ignore[arg-type]
    if how == 1:
        return replace(segment, packing=rng.choice([*PACKINGS.values(), 99]))
    views = [part.view for file, _ in donors for part in file.segments if isinstance(part, Samples)]
    if how == 2:
        return replace(segment, view=rng.choice([*views, IDENTITY, View((segment.count,), (0,), frozenset({0}))]))
    split = tuple(damaged_number(length, rng) for length in segment.view.split)
    return replace(segment, view=View(split, segment.view.order, segment.view.reversed))


def _with_files(parts: FileParts, entries: Sequence[Entry], notes: Sequence[tuple[int, bytes]], attributes: bool) -> FileParts:
    """The parts of an archive with other files: a new catalogue, and new chunks of pieces."""
    catalogue = CatalogueBuilder(NAMED | ATTRIBUTES * attributes)
    chunks: list[bytes] = []

    def add(pieces: int, raw_length: int, payload: bytes) -> None:
        chunks.append(payload)
        catalogue.add_chunk(Chunk(pieces, raw_length, len(payload), zlib.crc32(payload)))

    writer = PieceWriter(add)
    for entry in entries:
        catalogue.add_file(entry.file)
        writer.add_file([piece for piece in entry.pieces if piece])
    writer.finish()
    catalogue.notes = list(notes)
    return replace(parts, catalogue=catalogue.pack(), pieces=b"".join(chunks))
