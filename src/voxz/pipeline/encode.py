"""Samples to file and back, slab by slab, with the bricks of a slab on several threads.

Memory stays near two slabs and a few bricks whatever the file's size, and the bytes written do not depend on the
number of threads: bricks are coded independently and written in their order.
"""

import hashlib
import math
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from voxz.codecs import registry
from voxz.container import packed_bytes
from voxz.container.catalogue import CatalogueBuilder
from voxz.container.files import PLAIN, Segment, StoredFile, Verbatim
from voxz.container.files import Samples as StoredSamples
from voxz.container.header import UNITS, ArrayHeader, Loss, files_digest
from voxz.container.loss_mark import mark
from voxz.container.pieces import LONGEST, Chunk, PieceWriter, cut
from voxz.container.writer import Writer, front_length
from voxz.io.gzip_members import Repacking
from voxz.io.source import ending_of
from voxz.pipeline.distortion import Tally, within
from voxz.pipeline.plan import Coded, Plan
from voxz.pipeline.samples import Progress, SampleReader, Samples
from voxz.pipeline.slabs import bricks_of, grid_of, inside, slab_place
from voxz.threads import Last, map_ordered
from voxz.volume.background import find_background
from voxz.volume.bricks import Grid
from voxz.volume.layout import Foreign, Layout

if TYPE_CHECKING:
    from voxz.codecs.wavelet.chosen import Chosen
    from voxz.codecs.wavelet.fast.draft import Draft


def code_brick(brick: NDArray[np.generic], plan: Plan, draft: "Draft | None" = None, kept: "list[Chosen] | None" = None) -> Coded:
    """Code a brick; a lossy one is decoded and measured, and coded losslessly should it break its bound."""
    decoded: registry.Decoded = {}
    return check_brick(brick, plan, code_blindly(brick, plan, draft, kept, decoded), draft, decoded)


def code_blindly(
    brick: NDArray[np.generic],
    plan: Plan,
    draft: "Draft | None" = None,
    kept: "list[Chosen] | None" = None,
    decoded: registry.Decoded | None = None,
) -> Coded:
    """Code a brick, and no more: for its length. Its `draft` and what is `kept` save time; `decoded` is as for the registry."""
    return Coded(*registry.encode_brick(brick, plan.level, plan.codec, plan.fidelity, draft, decoded, kept), brick, Tally())


def check_brick(
    brick: NDArray[np.generic],
    plan: Plan,
    coded: Coded,
    draft: "Draft | None" = None,
    known: registry.Decoded | None = None,
) -> Coded:
    """A brick that was coded blindly, decoded, measured and, should it break its bound, coded losslessly.

    What it decodes to may be `known`.
    """
    if not plan.lossy:
        return coded
    number, payload = coded.number, coded.payload
    decoded = (known or {}).get(payload)
    if decoded is None:
        decoded = registry.decode_brick(number, payload, brick.shape, brick.dtype)
    if not within(brick, decoded, plan.fidelity.bound):
        number, payload = registry.encode_brick(brick, plan.level)
        decoded = brick
    return Coded(number, payload, decoded, tally_of(brick, decoded, plan, draft))


def tally_of(brick: NDArray[np.generic], decoded: NDArray[np.generic], plan: Plan, draft: "Draft | None" = None) -> Tally:
    """Errors of a decoded brick. Its `draft`, if there is one, knows its background, which may not count."""
    background = None
    if not plan.target.counts_background:
        background = find_background(brick) if draft is None else draft.prepared.background
    return Tally.of(brick, decoded, None if background is None else background.mask)


def sharpened(
    brick: NDArray[np.generic], plan: Plan, coded: Coded, squares: float, longest: float, draft: "Draft | None" = None
) -> Coded | None:
    """A coded brick with about so much less squared error, without coding it again; None if that surely takes too many bytes."""
    found = registry.sharpen_brick(coded.number, coded.payload, brick, coded.decoded, squares, longest)
    if found is None:
        return None
    payload, decoded = found
    return Coded(coded.number, payload, decoded, tally_of(brick, decoded, plan, draft))


Coder = Callable[[Iterator[NDArray[np.generic]]], Iterator[Coded]]
"""Gives all bricks of a volume as they are coded, in their order."""


KEPT = 1 << 20
"""Bytes of files up to which their content is kept beside what is written, so that nobody has to decode it again."""


@dataclass(frozen=True)
class Written:
    """A file as it was written.

    Attributes
    ----------
    headers : of its arrays
    files_sha256 : digest of what it restores
    gzip : how a .gz file is made again
    contents : of the files that it restores, if these are at most KEPT bytes, and at hand
    """

    headers: tuple[ArrayHeader, ...]
    file_length: int
    files_sha256: bytes
    gzip: Repacking | None = None
    contents: tuple[bytes, ...] | None = None


def header_of(layout: Layout, plan: Plan, files: int = 1) -> ArrayHeader:
    """Header of an array, that so many `files` make, which is about to be coded."""
    return ArrayHeader(layout, grid_of(layout, plan, files).extent, plan.level, plan.target.number)


def encode_array(
    samples: SampleReader,
    header: ArrayHeader,
    writer: Writer,
    plan: Plan,
    threads: int,
    watch: Callable[[memoryview], None] | None = None,
    progress: Progress | None = None,
    coder: Coder | None = None,
) -> ArrayHeader:
    """Code the bricks of an array; return its header with what was measured. `watch` sees the bytes that decoding will give.

    Where bricks were coded before, as when settling the plan has done it, the `coder` gives them.
    """
    layout, grid = header.layout, header.grid
    tally, digest, done = Tally(), hashlib.sha256(), 0

    def seen(data: memoryview) -> None:
        digest.update(data)
        if watch is not None:
            watch(data)

    coded = _coded(bricks_of(samples, grid, None if plan.lossy else seen), plan, threads, coder, grid)
    for boxes in grid.slabs():
        shape, origin = slab_place(grid, boxes)
        slab = np.empty(shape if plan.lossy else (0,) * 5, layout.dtype)
        for box in boxes:
            brick = next(coded)
            writer.add(brick.number, brick.payload)
            tally += brick.tally
            if plan.lossy:
                slab[inside(box, origin)] = brick.decoded
            done += brick.decoded.nbytes
            if progress:
                progress(done, layout.nbytes)
        if plan.lossy:
            seen(memoryview(slab.reshape(-1).view(np.uint8).data))
    return replace(header, samples_sha256=digest.digest(), loss=_loss(plan, tally) if plan.lossy else None)


def encode_samples(
    samples: Samples,
    file: BinaryIO,
    plan: Plan,
    threads: int,
    progress: Progress | None = None,
    coder: Coder | None = None,
) -> Written:
    """Code a volume, and the file that it came from, into the seekable `file`; a `coder` may know its bricks (`encode_array`)."""
    foreign = samples.foreign
    header = header_of(samples.layout, plan)
    writer = Writer(file, [header])
    content = Sums(KEPT)
    content.add(foreign.head)
    watch = None if foreign.format == "array" else content.add  # no file to restore
    header = encode_array(samples, header, writer, plan, threads, watch, progress, coder)
    tail = _marked(samples.read_tail(), header, foreign, plan)
    content.add(tail)
    gzip = _gzip(samples, plan)
    files = _files(samples.layout, foreign, tail, content, gzip)
    catalogue, chunks = _packed(files)
    for chunk in chunks:
        catalogue.add_chunk(writer.add_pieces(*chunk))
    digest = files_digest((file.name, file.size, sums.sha256) for file, _, sums in files) if files else bytes(32)
    contents = None if content.kept is None else (bytes(content.kept), foreign.companion)[: len(files)]
    return Written((header,), writer.finish([header], catalogue, digest), digest, gzip, contents)


def _gzip(samples: Samples, plan: Plan) -> Repacking | None:
    """How to write a .gz file again; with loss, its bytes differ."""
    found = samples.gzip()
    return found if found is None or plan.exact else found.of_content()


def encode_plain(paths: Sequence[Path], file: BinaryIO, progress: Progress | None = None) -> Written:
    """Write a file of no known format, and the header file that goes with it, to `file`: their bytes are packed by LZMA."""
    file.seek(0)
    file.truncate()
    writer, catalogue = Writer(file, []), CatalogueBuilder()
    pieces = PieceWriter(lambda *chunk: catalogue.add_chunk(writer.add_pieces(*chunk)))
    total, done, listed = sum(path.stat().st_size for path in paths), 0, []
    for name, path in zip(("", *map(ending_of, paths[1:])), paths, strict=True):
        sums, lengths = Sums(), []
        of = -(-path.stat().st_size // LONGEST)
        with path.open("rb") as source:
            while piece := source.read(LONGEST):
                sums.add(piece)
                pieces.add(piece, of)
                lengths.append(len(piece))
                done += len(piece)
                if progress:
                    progress(done, max(done, total))
        catalogue.add_file(StoredFile(name, PLAIN, sums.crc32, tuple(map(Verbatim, lengths))))
        listed.append((name, sum(lengths), sums.sha256))
    pieces.finish()
    digest = files_digest(listed)
    return Written((), writer.finish([], catalogue, digest), digest)


def around(plan: Plan, layout: Layout, foreign: Foreign, tail: bytes, tally: Tally) -> int:
    """Bytes of a lossy file that are not bricks, but for a few that depend on its checksums."""
    header = replace(header_of(layout, plan), loss=_loss(plan, tally))
    catalogue, chunks = _packed(_files(layout, foreign, _marked(tail, header, foreign, plan), Sums(), None))
    for pieces, raw_length, payload in chunks:
        catalogue.add_chunk(Chunk(pieces, raw_length, len(payload), _SOME_SUM))
    raw = catalogue.pack()
    return front_length([header]) + sum(len(payload) for _, _, payload in chunks) + (len(packed_bytes.pack(raw)) if raw else 0)


_SOME_SUM = 0x9E3779B9


def _marked(tail: bytes, header: ArrayHeader, foreign: Foreign, plan: Plan) -> bytes:
    """What follows the samples; with the mark of the losses, if there can be any."""
    marks = header.loss is not None and foreign.format != "array" and not plan.exact
    return tail + mark(header) if marks else tail


FileParts = tuple[StoredFile, list[bytes], "Sums"]
"""A file, its pieces, and the checksums of its content."""


def _files(layout: Layout, foreign: Foreign, tail: bytes, content: "Sums", gzip: Repacking | None) -> list[FileParts]:
    """The files that a volume came from: none for an array, else the data file, and its header if that is one of its own."""
    if foreign.format == "array":
        return []
    samples = StoredSamples(0, 0, layout.nbytes // layout.dtype.itemsize, layout.nbytes)
    head, rest = cut(foreign.head), cut(tail)
    segments: list[Segment] = [*map(_verbatim, head), samples, *map(_verbatim, rest)]
    data = StoredFile(
        "",
        foreign.format,
        content.crc32,
        tuple(segment for segment in segments if segment.length),
        gzip.gzip if gzip else None,
        gzip.crc32 if gzip else 0,
    )
    before, after = ([gzip.before] * bool(gzip.before), [gzip.after] * bool(gzip.after)) if gzip else ([], [])
    files = [(data, before + head + rest + after, content)]
    if foreign.companion:
        sums = Sums()
        sums.add(foreign.companion)
        pieces = cut(foreign.companion)
        header = StoredFile(foreign.companion_ending, foreign.format, sums.crc32, tuple(map(_verbatim, pieces)))
        files.append((header, pieces, sums))
    return files


def _verbatim(data: bytes) -> Verbatim:
    return Verbatim(len(data))


def _packed(files: list[FileParts]) -> tuple[CatalogueBuilder, list[tuple[int, int, bytes]]]:
    """Catalogue of a few files, and their packed pieces: numbers of pieces, bytes they unpack to, payloads."""
    catalogue = CatalogueBuilder()
    chunks: list[tuple[int, int, bytes]] = []
    pieces = PieceWriter(lambda *chunk: chunks.append(chunk))
    for file, parts_of_file, _ in files:
        catalogue.add_file(file)
        pieces.add_file(parts_of_file)
    pieces.finish()
    return catalogue, chunks


class Sums:
    """SHA-256 and CRC32 of bytes that pass; they are `kept` themselves unless there are more than `most`."""

    def __init__(self, most: int = 0) -> None:
        self._sha256 = hashlib.sha256()
        self._most = most
        self.crc32 = 0
        self.kept: bytearray | None = bytearray()

    def add(self, data: bytes | memoryview) -> None:
        """Take in the next bytes."""
        self._sha256.update(data)
        self.crc32 = zlib.crc32(data, self.crc32)
        if self.kept is not None and len(self.kept) + len(data) <= self._most:
            self.kept += data
        else:
            self.kept = None

    @property
    def sha256(self) -> bytes:
        """SHA-256 so far."""
        return self._sha256.digest()


def _loss(plan: Plan, tally: Tally) -> Loss:
    """The record of what was promised and measured."""
    return Loss(
        plan.target.value,
        plan.fidelity.bound,
        tally.largest_error,
        tally.mean_square,
        tally.counted,
        tally.peak,
        plan.noise,
        UNITS[plan.target.unit],
        int(plan.target.counts_background),
    )


def _coded(bricks: Iterator[NDArray[np.generic]], plan: Plan, threads: int, coder: Coder | None, grid: Grid) -> Iterator[Coded]:
    """Coded bricks of a `grid` in their order."""
    if coder is not None:
        return coder(bricks)

    def effort(brick: NDArray[np.generic]) -> float:
        return registry.effort(brick, plan.codec)

    return map_ordered(lambda brick: code_brick(brick, plan), bricks, threads, math.prod(grid.shape), Last(len(grid), effort))
