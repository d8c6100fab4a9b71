"""The catalogue: which files there are, and of which segments each is made.

For folders of many thousand files it is written as columns of numbers, which LZMA shrinks to little more than names and
checksums, and kept as columns in memory: a `StoredFile` is made when it is asked for.
"""

import functools
from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from voxz.container import columns, packed_bytes
from voxz.container.columns import Column
from voxz.container.cursor import Cursor
from voxz.container.files import Gzip, Samples, Segment, StoredFile, Verbatim
from voxz.container.pieces import Chunk
from voxz.entropy.varint import varint
from voxz.errors import CorruptError, LimitError, UsageError, needs_newer
from voxz.volume.view import IDENTITY, View

NAMED, ATTRIBUTES, WITHIN = 1, 2, 4
"""Flags: files have names of their own, paths within a folder; permissions and times are kept; the stream of pieces is one chunk,
and lies in the catalogue, behind all else."""

DESCRIPTION = 128
"""Kind of the note that says what the arrays are, as JSON."""

ANCILLARY = 128
"""Notes of kinds from here on may be ignored by a reader that does not know them."""

_VERBATIM = 0
"""Kind of a segment; samples have 1 + the number of their packing."""


class CatalogueBuilder:
    """Collects files and chunks; `pack` gives the bytes of the catalogue."""

    def __init__(self, flags: int = 0) -> None:
        self._flags = flags
        self._names: list[str] = []
        self._formats: dict[str, int] = {}
        self._views: dict[View, int] = {IDENTITY: 0}
        self._gzips: dict[Gzip, int] = {}
        self._columns: dict[str, list[int]] = {name: [] for name in (*_FILE, *_ATTRIBUTES, *_SEGMENT, *_SAMPLES, *_CHUNK)}
        self._sums: dict[str, list[int]] = {name: [] for name in ("file", "gzip", "chunk")}
        self._ends: dict[int, int] = {}
        self._array = self._mtime = 0
        self.notes: list[tuple[int, bytes]] = []

    def add_file(self, file: StoredFile) -> None:
        """Append a file."""
        self._names.append(file.name)
        number = self._gzips.setdefault(file.gzip, 1 + len(self._gzips)) if file.gzip else 0
        self._append(_FILE, self._formats.setdefault(file.format, len(self._formats)), number, len(file.segments))
        self._sums["file"].append(file.crc32)
        self._sums["gzip"] += [file.gzip_crc32] if file.gzip and file.gzip.exact else []
        if self._flags & ATTRIBUTES:
            self._append(_ATTRIBUTES, file.mode, _folded(file.mtime_ns - self._mtime))
            self._mtime = file.mtime_ns
        for segment in file.segments:
            if isinstance(segment, Verbatim):
                self._append(_SEGMENT, _VERBATIM, segment.length)
                continue
            self._append(_SEGMENT, 1 + segment.packing, segment.length)
            if 1 + segment.packing == _NO_SAMPLES:
                self._append(_SAMPLES, 0, 0, 0, 0, segment.how)
                continue
            ahead = segment.first - self._ends.get(segment.array, 0)
            view = self._views.setdefault(segment.view, len(self._views))
            self._append(_SAMPLES, _folded(segment.array - self._array), _folded(ahead), segment.count, view, segment.how)
            self._array, self._ends[segment.array] = segment.array, segment.first + segment.count

    def add_chunk(self, chunk: Chunk) -> None:
        """Append a chunk of the stream of pieces."""
        self._append(_CHUNK, chunk.pieces, chunk.raw_length, chunk.length)
        self._sums["chunk"].append(chunk.crc32)

    def pack(self, within: bytes = b"") -> bytes:
        """Bytes of the catalogue, with a stream that lies within it; empty if there is nothing to say."""
        if not self._names and not self.notes:
            return b""
        views, names = list(self._views)[1:], "\0".join(self._names)
        pieces = [varint(self._flags), _list(map(_packed_text, self._formats)), _list(map(_packed_view, views))]
        pieces += [_list(map(_packed_gzip, self._gzips)), _packed_text(names)]
        pieces += [columns.pack(self._columns[name]) for name in _FILE]
        pieces += [_sums(self._sums["file"]), _sums(self._sums["gzip"])]
        attributes = _ATTRIBUTES if self._flags & ATTRIBUTES else ()
        pieces += [columns.pack(self._columns[name]) for name in (*attributes, *_SEGMENT, *_SAMPLES, *_CHUNK)]
        pieces += [_sums(self._sums["chunk"]), _list(varint(kind) + varint(len(text)) + text for kind, text in self.notes)]
        data = b"".join([*pieces, within])
        if len(data) > packed_bytes.LARGEST:
            raise LimitError(
                f"the list of files takes {len(data)} bytes, the limit is {packed_bytes.LARGEST}; make several archives"
            )
        return data

    def _append(self, names: tuple[str, ...], *numbers: int) -> None:
        for name, number in zip(names, numbers, strict=True):
            self._columns[name].append(number)


_NO_SAMPLES = 14
"""Kind of segments whose packing has no samples (13): their piece is all there is."""

_FILE = ("format", "gzip", "segments")
_ATTRIBUTES = ("mode", "mtime")
_SEGMENT = ("kind", "length")
_SAMPLES = ("array", "first", "count", "view", "how")
_CHUNK = ("pieces", "raw length", "chunk length")
"""Columns in the order of the file."""


class Catalogue(Sequence[StoredFile]):
    """All files, as columns; each is made when it is asked for.

    Attributes
    ----------
    named : whether files have names of their own, paths within a folder
    attributes : whether permissions and times are kept
    chunks : of the stream of pieces, with their places in the file
    within : the bytes that the stream unpacks to, if it lies in the catalogue; else None
    notes : texts of what else is told, by kind
    piece_lengths, piece_counts : of every piece of the stream, its length, and how many pieces its file has
    """

    def __init__(self, data: bytes, chunks_end: int) -> None:
        """Read the bytes of a catalogue, whose chunks end at byte `chunks_end` of the file.

        Raises
        ------
        CorruptError
            It contradicts itself.
        UnsupportedError
            It says something that this version does not know.
        """
        cursor = Cursor(data)
        flags = cursor.number()
        if flags > NAMED | ATTRIBUTES | WITHIN:
            raise needs_newer(f"the list of files has the flags {flags}")
        self.named, self.attributes = bool(flags & NAMED), bool(flags & ATTRIBUTES)
        self._formats = [_text(cursor) for _ in range(cursor.number())]
        self._views = [IDENTITY, *(_view(cursor) for _ in range(cursor.number()))]
        self._gzips = [None, *(_gzip(cursor) for _ in range(cursor.number()))]
        names = _text(cursor)
        read = {name: columns.unpack(cursor) for name in _FILE}
        count = read["format"].size
        self._names = names.split("\0") if count else []
        known = len(self._names) == count and (count or not names) and all(read[name].size == count for name in _FILE)
        if not known or _beyond(read["format"], len(self._formats)) or _beyond(read["gzip"], len(self._gzips)):
            raise CorruptError("the list of files contradicts itself")
        exact = np.array([gzip is not None and gzip.exact for gzip in self._gzips])[read["gzip"]]
        self._crc32 = np.frombuffer(cursor.take(4 * count), "<u4")
        self._gzip_crc32 = np.zeros(count, np.uint32)
        self._gzip_crc32[exact] = np.frombuffer(cursor.take(4 * int(exact.sum())), "<u4")
        read |= {
            name: columns.unpack(cursor) for name in (*(_ATTRIBUTES if self.attributes else ()), *_SEGMENT, *_SAMPLES, *_CHUNK)
        }
        self._columns = read
        sums = np.frombuffer(cursor.take(4 * read["pieces"].size), "<u4")
        self.notes = [(cursor.number(), cursor.take(cursor.number())) for _ in range(cursor.number())]
        self.within = cursor.take(cursor.left) if flags & WITHIN else None
        cursor.finish()
        self._check_columns()
        self._find_samples()
        self._find_pieces()
        self._find_chunks(sums, chunks_end)

    def _check_columns(self) -> None:
        read = self._columns
        samples = read["kind"] != _VERBATIM
        expected = {"kind": int(read["segments"].sum()), "length": read["kind"].size, "raw length": read["pieces"].size}
        expected |= {"chunk length": read["pieces"].size} | dict.fromkeys(_SAMPLES, int(samples.sum()))
        expected |= dict.fromkeys(_ATTRIBUTES, len(self)) if self.attributes else {}
        wrong = any(read[name].size != size for name, size in expected.items())
        if wrong or _beyond(read["view"], len(self._views)) or _beyond(read["segments"], read["kind"].size + 1):
            raise CorruptError("the list of segments contradicts itself")
        if not read["length"][~samples].all():
            raise CorruptError("a file of the archive has a segment of no bytes")
        if float(read["length"].sum(dtype=np.float64)) > columns.LARGEST_SUM:
            raise CorruptError("the files of the archive are impossibly large")
        unknown = [kind for kind, _ in self.notes if kind < ANCILLARY]
        if unknown:
            raise needs_newer(f"the file has a note of kind {unknown[0]}")

    def _find_samples(self) -> None:
        """Undo the differences: arrays follow the one before, samples those before of the same array."""
        read = self._columns
        arrays = np.cumsum(columns.unfolded(read["array"]))
        order = np.argsort(arrays, kind="stable")
        fresh = np.ones(order.size, bool)
        fresh[1:] = arrays[order][1:] != arrays[order][:-1]
        ahead = columns.unfolded(read["first"])[order]
        ahead[1:] += np.where(fresh[1:], 0, read["count"][order][:-1])
        ends = np.cumsum(ahead)
        starts = np.flatnonzero(fresh)
        before = (ends - ahead)[starts]
        first = np.empty(order.size, np.int64)
        first[order] = ends - np.repeat(before, np.diff(np.append(starts, order.size)))
        read["array"], read["first"] = arrays, first
        self._segment_start = np.cumsum(read["segments"]) - read["segments"]
        self._samples_before = np.cumsum(read["kind"] != _VERBATIM) - (read["kind"] != _VERBATIM)

    def _find_pieces(self) -> None:
        read = self._columns
        taken = read["length"].copy()
        taken[read["kind"] != _VERBATIM] = read["how"]
        around = [[0, 0] if gzip is None else [gzip.before, gzip.after] for gzip in self._gzips]
        before, after = np.array(around, np.int64)[read["gzip"]].T
        ends = np.cumsum(read["segments"])
        lengths = np.insert(taken, np.concatenate([self._segment_start, ends]), np.concatenate([before, after]))
        owners = np.repeat(np.arange(len(self)), read["segments"])
        owners = np.insert(owners, np.concatenate([self._segment_start, ends]), np.tile(np.arange(len(self)), 2))
        order = np.argsort(owners, kind="stable")
        lengths, owners = lengths[order], owners[order]
        kept = lengths > 0
        self.piece_lengths, owners = lengths[kept], owners[kept]
        counts = np.bincount(owners, minlength=len(self))
        self.piece_counts = counts[owners]
        self._piece_start = np.cumsum(counts) - counts

    def _find_chunks(self, sums: Column, chunks_end: int) -> None:
        read = self._columns
        pieces, raw, lengths = (read[name] for name in _CHUNK)
        if self.within is not None:
            if pieces.size or (self.within and not self.piece_lengths.size):
                raise CorruptError("the stream of pieces lies within the list of files, but has chunks or no pieces")
            self.chunks, self.chunk_start = [], np.array([0, self.piece_lengths.size])
            return
        there = self.piece_lengths.size
        if _beyond(pieces, there + 1) or int(pieces.sum()) != there or _beyond(raw, packed_bytes.LARGEST + 1):
            raise CorruptError("the list of chunks contradicts the list of segments")
        total = int(lengths.sum(dtype=np.float64))
        if total > chunks_end:
            raise CorruptError(f"the chunks have {total} bytes, more than there are")
        offsets = chunks_end - total + np.cumsum(lengths) - lengths
        rows = zip(pieces.tolist(), raw.tolist(), lengths.tolist(), sums.tolist(), offsets.tolist(), strict=True)
        self.chunks = [Chunk(*row) for row in rows]
        self.chunk_start = np.concatenate([[0], np.cumsum(pieces)])

    @property
    def chunk_bytes(self) -> int:
        """Bytes of all chunks."""
        return sum(chunk.length for chunk in self.chunks)

    @property
    def verbatim_bytes(self) -> int:
        """Bytes of all verbatim segments."""
        return int(self._columns["length"][self._columns["kind"] == _VERBATIM].sum())

    def sample_counts(self, arrays: int) -> list[int]:
        """How many samples of each of so many arrays are in files."""
        array, count = (self._columns[name][self._sampled] for name in ("array", "count"))
        return [int(n) for n in np.bincount(array, count.astype(np.float64), arrays)]

    @functools.cached_property
    def _sampled(self) -> NDArray[np.bool_]:
        """Which segments that are not verbatim hold samples."""
        kinds = self._columns["kind"]
        found: NDArray[np.bool_] = kinds[kinds != _VERBATIM] != _NO_SAMPLES
        return found

    def check_samples(self, sizes: list[int]) -> None:
        """`CorruptError` unless files have samples of arrays (of these `sizes`) only, and each sample is in one file at most."""
        array, first, count = (self._columns[name][self._sampled] for name in ("array", "first", "count"))
        if any(self._columns[name][~self._sampled].any() for name in ("count", "view")):
            raise CorruptError("a segment without samples is said to have some")
        if not array.size:
            return
        limits = np.array([*sizes, 0], np.int64)
        if array.min() < 0 or _beyond(array, len(sizes)) or first.min() < 0 or np.any(first > limits[array] - count):
            raise CorruptError("a file has samples that no array has")
        if np.any(np.bincount(array, count.astype(np.float64), len(sizes) + 1) > limits):
            raise CorruptError("the files have more samples than the arrays")

    def pieces_of(self, number: int) -> range:
        """Numbers of the pieces of a file."""
        end = self._piece_start[number + 1] if number + 1 < len(self) else self.piece_lengths.size
        return range(int(self._piece_start[number]), int(end))

    def number_of(self, name: str) -> int:
        """Number of the file of a name; `UsageError` if there is none."""
        if name not in self._names:
            raise UsageError(f"there is no file {name!r} in the archive")
        return self._names.index(name)

    def files_of(self, array: int) -> list[int]:
        """Numbers of the files that have samples of an array, in their order."""
        owners = np.repeat(np.arange(len(self)), self._columns["segments"])[self._columns["kind"] != _VERBATIM]
        return [int(n) for n in np.unique(owners[self._sampled & (self._columns["array"] == array)])]

    def __len__(self) -> int:
        return len(self._names)

    @overload
    def __getitem__(self, index: int) -> StoredFile: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[StoredFile]: ...
    def __getitem__(self, index: int | slice) -> StoredFile | Sequence[StoredFile]:
        if isinstance(index, slice):
            return [self[n] for n in range(*index.indices(len(self)))]
        number = range(len(self))[index]
        read, start = self._columns, int(self._segment_start[number])
        segments = tuple(self._segment(n) for n in range(start, start + int(read["segments"][number])))
        return StoredFile(
            name=self._names[number],
            format=self._formats[read["format"][number]],
            crc32=int(self._crc32[number]),
            segments=segments,
            gzip=self._gzips[read["gzip"][number]],
            gzip_crc32=int(self._gzip_crc32[number]),
            mode=int(read["mode"][number]) if self.attributes else 0,
            mtime_ns=int(self._times[number]) if self.attributes else 0,
        )

    def __iter__(self) -> Iterator[StoredFile]:
        return (self[number] for number in range(len(self)))

    @functools.cached_property
    def _times(self) -> Column:
        return np.cumsum(columns.unfolded(self._columns["mtime"]))

    def _segment(self, number: int) -> Segment:
        read = self._columns
        kind, length = int(read["kind"][number]), int(read["length"][number])
        if kind == _VERBATIM:
            return Verbatim(length)
        at = int(self._samples_before[number])
        array, first, count, view, how = (int(read[name][at]) for name in _SAMPLES)
        return Samples(array, first, count, length, self._views[view], kind - 1, how)


def _beyond(numbers: Column, end: int) -> bool:
    return bool(numbers.size) and int(numbers.max()) >= end


def _folded(difference: int) -> int:
    return -2 * difference - 1 if difference < 0 else 2 * difference


def _list(items: "Iterator[bytes] | map[bytes]") -> bytes:
    packed = list(items)
    return varint(len(packed)) + b"".join(packed)


def _sums(numbers: list[int]) -> bytes:
    return np.array(numbers, "<u4").tobytes()


def _packed_text(text: str) -> bytes:
    data = text.encode("utf-8", "surrogateescape")
    return varint(len(data)) + data


def _text(cursor: Cursor) -> str:
    return cursor.take(cursor.number()).decode("utf-8", "surrogateescape")


def _packed_view(view: View) -> bytes:
    numbers = (len(view.split), *view.split, *view.order, sum(1 << axis for axis in view.reversed))
    return b"".join(map(varint, numbers))


def _view(cursor: Cursor) -> View:
    axes = cursor.number()
    split = tuple(cursor.number() for _ in range(axes))
    order = tuple(cursor.number() for _ in range(axes))
    mask = cursor.number()
    if mask >> axes:
        raise CorruptError("a view of the file reverses an axis that it does not have")
    return View(split, order, frozenset(axis for axis in range(axes) if mask >> axis & 1))


def _packed_gzip(gzip: Gzip) -> bytes:
    return b"".join(map(varint, (gzip.level, gzip.memory_level, gzip.strategy, gzip.exact, gzip.before, gzip.after)))


def _gzip(cursor: Cursor) -> Gzip:
    level, memory_level, strategy, exact, before, after = (cursor.number() for _ in range(6))
    if not (1 <= level <= 9 and 1 <= memory_level <= 9 and strategy <= 4 and exact <= 1):
        raise CorruptError("impossible options of gzip")
    return Gzip(level, memory_level, strategy, bool(exact), before, after)
