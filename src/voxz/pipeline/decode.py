"""An archive back to its files, and an array back to its samples, slab by slab, with the bricks of a slab on several threads.

Files take their samples from arrays in the order in which the arrays hold them, so each brick is decoded once, and one slab is in
memory. Files that go back and forth between arrays, or within one, are restored too, only slower.
"""

import hashlib
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from voxz.container.files import Samples, StoredFile, Verbatim
from voxz.container.header import files_digest
from voxz.container.reader import Reader, StoredArray
from voxz.errors import CorruptError, LimitError, MissingDependencyError, RepackingError, needs_newer
from voxz.io.foreign_file import NO_SAMPLES
from voxz.io.packings import PACKINGS, WITHOUT_SAMPLES, packing
from voxz.pipeline.samples import Progress
from voxz.pipeline.slabs import inside, slab_place
from voxz.threads import map_ordered
from voxz.volume.layout import Layout

MOST_HELD = 256 << 20
"""Bytes of the slabs of several arrays that are kept, where files take turns between them."""

LARGEST_SEGMENT = 1 << 31
"""Bytes of samples that are packed again, or put into another order, at once."""


class Sink(Protocol):
    """Where the content of a file goes."""

    def write(self, data: bytes, /) -> object:
        """Append bytes."""


Opened = Callable[[StoredFile, tuple[bytes, bytes]], "AbstractContextManager[Sink | None]"]
"""Opens the sink for the content of a file, with the pieces before and after it, of gzip; None if it is only checked. The block
ends well once the content is the right one."""


def slabs(array: StoredArray, threads: int, first: int = 0) -> Iterator[NDArray[np.generic]]:
    """Decode samples from slab number `first` on: arrays in memory order and stored byte order, one slab after the other."""
    groups = list(array.grid.slabs())
    start = sum(map(len, groups[:first]))
    decoded = map_ordered(array.brick, range(start, len(array.bricks)), threads, array.layout.samples)
    for boxes in groups[first:]:
        shape, origin = slab_place(array.grid, boxes)
        if len(boxes) == 1:
            yield np.ascontiguousarray(next(decoded), array.layout.dtype)
            continue
        slab = np.empty(shape, array.layout.dtype)
        for box in boxes:
            slab[inside(box, origin)] = next(decoded)
        yield slab


def check_array(array: StoredArray, threads: int, sink: Sink | None = None, progress: Progress | None = None) -> None:
    """Decode all samples into `sink` (None: nowhere) and compare them with their SHA-256.

    Raises
    ------
    CorruptError
        What was decoded is not what was compressed.
    """
    samples, done = hashlib.sha256(), 0
    for slab in slabs(array, threads):
        data = memoryview(slab.reshape(-1).view(np.uint8).data)
        samples.update(data)
        if sink is not None:
            sink.write(cast(bytes, data))
        done += slab.nbytes
        if progress:
            progress(done, array.layout.nbytes)
    if samples.digest() != array.header.samples_sha256:
        raise CorruptError("the decoded samples do not match their SHA-256; do not use them")


class _Stream:
    """Samples of an array, asked for from the front to the back, or nearly so: one slab is kept."""

    def __init__(self, array: StoredArray, threads: int, summed: bool) -> None:
        self._array, self._threads = array, threads
        sizes = [int(np.prod(slab_place(array.grid, boxes)[0])) for boxes in array.grid.slabs()]
        self._starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        self._digest: hashlib._Hash | None = hashlib.sha256() if summed else None
        self.finished = False  # whether the last sample was taken
        self.rewind(0)

    def rewind(self, number: int) -> None:
        """Forget the slab; go on at this one."""
        self._number, self._slab = number - 1, np.empty(0, self._array.layout.dtype)
        self._slabs = slabs(self._array, self._threads, number)

    @property
    def held(self) -> int:
        """Bytes of the slab that is kept."""
        return self._slab.nbytes

    def parts(self, first: int, count: int) -> Iterator[NDArray[np.generic]]:
        """Samples ``[first, first + count)`` in memory order, part by part."""
        while count:
            number = int(np.searchsorted(self._starts, first, "right")) - 1
            if number < self._number or number > self._number + 1:
                self._digest = None
                self.rewind(number)
            if number == self._number + 1:
                self._slab, self._number = next(self._slabs).reshape(-1), number
                self._take_sum()
            at = first - int(self._starts[number])
            part = self._slab[at : at + count]
            yield part
            first, count = first + part.size, count - part.size
        self.finished = first == self._starts[-1]

    def _take_sum(self) -> None:
        """All slabs in their order give the digest of the samples."""
        if self._digest is None:
            return
        self._digest.update(self._slab.view(np.uint8).data)
        if self._number == self._starts.size - 2 and self._digest.digest() != self._array.header.samples_sha256:
            raise CorruptError("the decoded samples do not match their SHA-256; do not use them")


class _Streams:
    """Streams of the arrays that are in use."""

    def __init__(self, reader: Reader, threads: int, summed: bool) -> None:
        self._reader, self._threads, self._summed = reader, threads, summed
        self._open: dict[int, _Stream] = {}

    def of(self, number: int) -> _Stream:
        """Stream of an array, which becomes the one that was used last."""
        stream = self._open.pop(number, None) or _Stream(self._reader.arrays[number], self._threads, self._summed)
        self._open[number] = stream
        for other in list(self._open)[:-1]:
            held = sum(stream.held for stream in self._open.values())
            if self._open[other].finished or held > MOST_HELD or len(self._open) > 8:
                del self._open[other]
        return stream


def item_layout(array: Layout, count: int) -> Layout:
    """Layout of `count` samples of an array, as packings know it: its fastest axes, as few as hold them, the slowest in part."""
    memory, rest = array.memory_shape, count // array.channels
    shape: tuple[int, ...] = ()
    for longest in reversed(memory):
        if rest == 1:
            break
        part = longest if longest and rest % longest == 0 else rest
        shape, rest = (part, *shape), rest // part if 0 < part <= longest else 0
    if rest != 1 or count % array.channels:
        raise CorruptError(
            f"a file has {count} packed samples of an array of {memory}, which are no part of it along its slowest axes"
        )
    return Layout(shape[::-1] if array.first_axis_fastest else shape, array.dtype, array.first_axis_fastest, array.channels)


class _Restorer:
    """Content of files from segments; if `summed`, samples that pass in their order are compared with their own SHA-256."""

    def __init__(self, reader: Reader, threads: int, advanced: Callable[[int], None], summed: bool = False) -> None:
        self._reader, self._advanced = reader, advanced
        self._streams = _Streams(reader, threads, summed)

    def content(self, file: StoredFile, pieces: Iterator[bytes]) -> Iterator[bytes | memoryview]:
        """Content of a file, part by part, from its samples and its pieces."""
        for segment in file.segments:
            if isinstance(segment, Verbatim):
                data = next(pieces)
                self._advanced(len(data))
                yield data
            elif segment.packing == PACKINGS["raw"] and not segment.view.split:
                yield from self._plain(segment)
            else:
                yield self._packed(segment, next(pieces) if segment.how else b"")

    def _plain(self, segment: Samples) -> Iterator[memoryview]:
        itemsize = self._reader.arrays[segment.array].layout.dtype.itemsize
        if segment.length != segment.count * itemsize:
            raise CorruptError(f"{segment.count} samples of {itemsize} bytes are said to take {segment.length}")
        for part in self._streams.of(segment.array).parts(segment.first, segment.count):
            self._advanced(part.nbytes)
            yield memoryview(part.view(np.uint8).data)

    def _packed(self, segment: Samples, how: bytes) -> bytes:
        layout = layout_of(segment, self._reader)

        def samples() -> NDArray[np.generic]:
            if layout == NO_SAMPLES:
                return np.empty(0, layout.dtype)
            none, parts = np.empty(0, layout.dtype), self._streams.of(segment.array).parts(segment.first, segment.count)
            return np.concatenate([none, *parts], dtype=layout.dtype)  # without a type, it would be in native byte order

        data = repacked(segment, layout, samples, how)
        self._advanced(segment.count * layout.dtype.itemsize)
        return data


def layout_of(segment: Samples, reader: Reader) -> Layout:
    """Layout of the array that a segment has samples of; `NO_SAMPLES` if its packing has none."""
    without = any(segment.packing == PACKINGS[name] for name in WITHOUT_SAMPLES)
    return NO_SAMPLES if without else reader.arrays[segment.array].layout


def repacked(segment: Samples, layout: Layout, samples: Callable[[], NDArray[np.generic]], how: bytes) -> bytes:
    """Bytes of a segment in its file, from its samples in memory order, which are asked for once the segment is sound."""
    size = segment.count * layout.dtype.itemsize
    if max(size, segment.length) > LARGEST_SEGMENT:
        raise LimitError(f"{size} bytes of samples are packed at once, the limit is {LARGEST_SEGMENT}")
    names = [name for name, number in PACKINGS.items() if number == segment.packing]
    if not names:
        raise needs_newer(f"the samples of a file have packing {segment.packing}")
    if segment.view.samples not in (None, segment.count):
        raise CorruptError(f"a view of {segment.view.samples} samples is said to show {segment.count}")
    data = segment.view.undo(samples()).tobytes()
    if names[0] != "raw":
        item = layout if layout == NO_SAMPLES else item_layout(layout, segment.count)
        data = packing(names[0]).pack(data, how, item)
    if len(data) != segment.length:
        raise CorruptError(f"samples packed with {names[0]} take {len(data)} bytes, expected {segment.length}")
    return data


def pieces_around(reader: Reader, number: int) -> tuple[bytes, range, bytes]:
    """Of a file: the piece before its content, the numbers of those within, and the piece after it, of gzip."""
    gzip, pieces = reader.files[number].gzip, reader.files.pieces_of(number)
    first, stop = int(gzip is not None and gzip.before > 0), len(pieces) - int(gzip is not None and gzip.after > 0)
    return (
        (reader.piece(pieces[0]) if first else b""),
        pieces[first:stop],
        (reader.piece(pieces[-1]) if stop < len(pieces) else b""),
    )


def read_file(reader: Reader, number: int, threads: int) -> bytes:
    """Content of one file, without its gzip; only what it needs is decoded. `CorruptError` if it is damaged."""
    file = reader.files[number]
    if file.size > LARGEST_SEGMENT:
        raise LimitError(f"{file.name} has {file.size} bytes, the limit for one read is {LARGEST_SEGMENT}; restore it to a file")
    _, within, _ = pieces_around(reader, number)
    data = b"".join(_Restorer(reader, threads, lambda _: None).content(file, map(reader.piece, within)))
    if zlib.crc32(data) != file.crc32:
        raise CorruptError(f"{file.name or 'what was decoded'} does not match its checksum; do not use it")
    return data


def checked_only(file: StoredFile, around: tuple[bytes, bytes]) -> AbstractContextManager[None]:
    """What `restore` is given where nothing is to be written."""
    del file, around
    return nullcontext()


def _restore_file(reader: Reader, number: int, opened: Opened, restorer: _Restorer) -> tuple[str, int, bytes]:
    """Decode one file into its sink; its name, size and SHA-256."""
    file = reader.files[number]
    before, within, after = pieces_around(reader, number)
    digest, crc32, size = hashlib.sha256(), 0, 0
    with opened(file, (before, after)) as sink:
        for part in restorer.content(file, map(reader.piece, within)):
            digest.update(part)
            crc32, size = zlib.crc32(part, crc32), size + len(part)
            if sink is not None:
                sink.write(cast(bytes, part))
        if crc32 != file.crc32:
            raise CorruptError(f"{file.name or 'what was decoded'} does not match its checksum; do not use it")
    return file.name, size, digest.digest()


def restore(reader: Reader, opened: Opened, threads: int, progress: Progress | None = None, every: bool = False) -> None:
    """Decode all files into their sinks, and compare them, and arrays that no file holds, with their checksums.

    The SHA-256 of the files proves the samples in them; `every` checksum asks for that of the samples as well.

    Raises
    ------
    CorruptError
        What was decoded is not what was compressed; the message names the file.
    RepackingError, MissingDependencyError
        Files cannot be made again here; the others of a folder are restored, and the message names them.
    """
    total = sum(array.layout.nbytes for array in reader.arrays) + reader.files.verbatim_bytes
    done = 0

    def advanced(count: int) -> None:
        nonlocal done
        done += count
        if progress:
            progress(min(done, total), total)

    restorer, listed, faults = _Restorer(reader, threads, advanced, every), [], []
    for number in range(len(reader.files)):
        try:
            listed.append(_restore_file(reader, number, opened, restorer))
        except (RepackingError, MissingDependencyError) as fault:
            if not reader.files.named:
                raise
            faults.append((reader.files[number].name, fault))
    if faults:
        (first, cause), more = faults[0], f" and {len(faults) - 1} more" if len(faults) > 1 else ""
        names = f"{first}{more} of {len(reader.files)} files"
        raise RepackingError(cause.packer, names) if isinstance(cause, RepackingError) else type(cause)(f"{names}: {cause}")
    if listed and files_digest(listed) != reader.files_sha256:
        raise CorruptError("what was decoded does not match the SHA-256 of the original; do not use it")
    for array, count in zip(reader.arrays, reader.files.sample_counts(len(reader.arrays)), strict=True):
        if count < array.samples or not array.samples:
            check_array(array, threads)
            advanced(array.layout.nbytes)
