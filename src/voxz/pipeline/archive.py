"""A tree of files to an archive: first all arrays, brick by brick, then the verbatim bytes of all files, then the catalogue.

Memory stays near two slabs and a few bricks, and one item where samples are packed or lie in another order.
"""

import json
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from voxz.container.catalogue import ATTRIBUTES, DESCRIPTION, NAMED, CatalogueBuilder
from voxz.container.files import Samples, Segment, StoredFile, Verbatim
from voxz.container.header import files_digest
from voxz.container.pieces import LONGEST, PieceWriter
from voxz.container.writer import Writer
from voxz.errors import TruncatedError
from voxz.io.packings import PACKINGS
from voxz.io.tree.arrays import TreeArray
from voxz.io.tree.items import Item, samples_of
from voxz.io.tree.tree import Tree
from voxz.io.tree.tree_file import TreeFile
from voxz.pipeline.described import described
from voxz.pipeline.encode import Written, encode_array, header_of
from voxz.pipeline.plan import Plan
from voxz.pipeline.samples import Progress

_PART = 1 << 22


def encode_tree(
    tree: Tree, file: BinaryIO, plan: Plan, threads: int, progress: Progress | None = None, keep_attributes: bool = False
) -> Written:
    """Write all files of `tree` into the seekable `file`."""
    headers = [header_of(array.layout, plan, len({number for number, _ in array.items})) for array in tree.arrays]
    writer, catalogue = Writer(file, headers), CatalogueBuilder(NAMED * tree.named | ATTRIBUTES * keep_attributes)
    total, done = max(1, sum(entry.size for entry in tree.files)), 0

    def advanced(count: int) -> None:
        nonlocal done
        done += count
        if progress:
            progress(min(done, total), total)

    for number, array in enumerate(tree.arrays):
        reader = _ArrayReader(tree, array)
        headers[number] = encode_array(reader, headers[number], writer, plan, threads, lambda data: advanced(len(data)))
    ranks = {item: (number, rank) for number, array in enumerate(tree.arrays) for rank, item in enumerate(array.items)}
    pieces = PieceWriter(lambda *chunk: catalogue.add_chunk(writer.add_pieces(*chunk)))
    for number, entry in enumerate(tree.files):
        stored = _stored(number, entry, ranks)
        catalogue.add_file(stored)
        count = len(stored.pieces)
        for piece in _pieces(entry, stored):
            pieces.add(piece, count)
            advanced(len(piece))
    pieces.finish()
    if tree.arrays:
        facts = [described(tree, array) for array in tree.arrays]
        if tree.named or any(len(fact) > 1 for fact in facts):  # the only file says its format itself
            catalogue.notes.append((DESCRIPTION, json.dumps(facts, separators=(",", ":")).encode()))
    digest = files_digest((entry.name, entry.size, entry.sha256) for entry in tree.files)
    gzip = None if tree.named else tree.files[0].repacking
    return Written(tuple(headers), writer.finish(headers, catalogue, digest), digest, gzip)


class _ArrayReader:
    """Samples of an array, from the files that make it."""

    def __init__(self, tree: Tree, array: TreeArray) -> None:
        self.layout = array.layout
        self._parts = _parts(tree, array)
        self._rest = memoryview(b"")

    def read_samples(self, length: int) -> bytes:
        """Return the next `length` bytes."""
        found = []
        while length:
            if not self._rest:
                self._rest = next(self._parts)
            part, self._rest = self._rest[:length], self._rest[length:]
            found.append(part)
            length -= len(part)
        return b"".join(found)


def _parts(tree: Tree, array: TreeArray) -> Iterator[memoryview]:
    for number, place in array.items:
        entry = tree.files[number]
        item = entry.items[place]
        with entry.content() as content:
            content.seek(item.stretch.start)
            left = item.stretch.length
            while item.plain and left:
                left -= len(part := _exactly(content, min(left, _PART), entry))
                yield memoryview(part)
            if left:
                samples = samples_of(_exactly(content, left, entry), item)
                yield memoryview(np.ascontiguousarray(samples).view(np.uint8).data)


def _exactly(content: BinaryIO, length: int, entry: TreeFile) -> bytes:
    data = content.read(length)
    if len(data) != length:
        raise TruncatedError(f"{entry.path} was cut while it was read; wait until it is complete and try again")
    return data


def _stored(number: int, entry: TreeFile, ranks: dict[tuple[int, int], tuple[int, int]]) -> StoredFile:
    """A file as its segments."""
    segments: list[Segment] = []
    at = 0
    for place, item in enumerate(entry.items):
        stretch = item.stretch
        segments += _verbatim(stretch.start - at)
        array, rank = ranks.get((number, place), (0, 0))
        count = stretch.layout.nbytes // stretch.layout.dtype.itemsize
        packed = PACKINGS[stretch.packing]
        segments.append(Samples(array, rank * count, count, stretch.length, stretch.view, packed, len(item.how)))
        at = stretch.start + stretch.length
    segments += _verbatim(entry.size - at)
    return StoredFile(
        entry.name,
        entry.format,
        entry.crc32,
        tuple(segments),
        entry.repacking.gzip if entry.repacking else None,
        entry.repacking.crc32 if entry.repacking else 0,
        entry.mode,
        entry.mtime_ns,
    )


def _verbatim(length: int) -> list[Verbatim]:
    return [Verbatim(min(LONGEST, length - at)) for at in range(0, length, LONGEST)]


def _pieces(entry: TreeFile, stored: StoredFile) -> Iterator[bytes]:
    """Pieces of a file, read again."""
    gzip = entry.repacking
    if gzip and gzip.before:
        yield gzip.before
    if stored.segments:
        with entry.content() as content:
            yield from _within(content, entry, stored)
    if gzip and gzip.after:
        yield gzip.after


def _within(content: BinaryIO, entry: TreeFile, stored: StoredFile) -> Iterator[bytes]:
    items: Iterator[Item] = iter(entry.items)
    for segment in stored.segments:
        if isinstance(segment, Verbatim):
            yield _exactly(content, segment.length, entry)
            continue
        how = next(items).how
        content.seek(segment.length, 1)
        if how:
            yield how
