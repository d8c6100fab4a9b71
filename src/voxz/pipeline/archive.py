"""A tree of files to an archive: first all arrays, brick by brick, then the verbatim bytes of all files, then the catalogue.

Memory stays near two slabs and a few bricks, and one item where samples are packed or lie in another order.
"""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from voxz.container.catalogue import ATTRIBUTES, DESCRIPTION, NAMED, CatalogueBuilder
from voxz.container.files import Samples, Segment, StoredFile, Verbatim
from voxz.container.header import files_digest
from voxz.container.pieces import LONGEST, PieceWriter
from voxz.container.writer import Writer
from voxz.errors import TruncatedError
from voxz.io.packings import PACKINGS
from voxz.io.tree import Item, Tree, TreeArray, TreeFile, samples_of
from voxz.pipeline.encode import Written, encode_array, header_of
from voxz.pipeline.plan import Plan
from voxz.pipeline.samples import Progress

_PART = 1 << 22


def encode_tree(
    tree: Tree, file: BinaryIO, plan: Plan, threads: int, progress: Progress | None = None, keep_attributes: bool = False
) -> Written:
    """Write all files of `tree` into the seekable `file`."""
    headers = [header_of(array.layout, plan) for array in tree.arrays]
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
        described = [_described(tree, array) for array in tree.arrays]
        catalogue.notes.append((DESCRIPTION, json.dumps(described, separators=(",", ":")).encode()))
    digest = files_digest((entry.name, entry.size, entry.sha256) for entry in tree.files)
    return Written(tuple(headers), writer.finish(headers, catalogue, digest), digest)


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
        array, rank = ranks[number, place]
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
        entry.gzip,
        entry.gzip_crc32,
        entry.mode,
        entry.mtime_ns,
    )


def _verbatim(length: int) -> list[Verbatim]:
    return [Verbatim(min(LONGEST, length - at)) for at in range(0, length, LONGEST)]


def _pieces(entry: TreeFile, stored: StoredFile) -> Iterator[bytes]:
    """Pieces of a file, read again."""
    items: Iterator[Item] = iter(entry.items)
    if not stored.segments:
        return
    with entry.content() as content:
        for segment in stored.segments:
            if isinstance(segment, Verbatim):
                yield _exactly(content, segment.length, entry)
                continue
            how = next(items).how
            content.seek(segment.length, 1)
            if how:
                yield how


def _described(tree: Tree, array: TreeArray) -> dict[str, Any]:
    """What is known about an array."""
    entries = [tree.files[number] for number, _ in array.items]
    facts: dict[str, Any] = {"format": entries[0].format}
    spaces = [entry.space for entry in entries]
    affine = _affine(tree, array)
    if affine is not None:
        facts["affine"] = affine
    if spaces[0] is not None and spaces[0].axes:
        facts["axes"] = list(spaces[0].axes)
    scaling = [pair for space in spaces if space is not None for pair in space.scaling]
    if scaling:
        facts["scaling"] = [list(pair) for pair in (scaling[:1] if len(set(scaling)) == 1 else scaling)]
    if entries[0].facts:
        facts["facts"] = entries[0].facts
    return facts


def _affine(tree: Tree, array: TreeArray) -> list[list[float]] | None:
    """Indices of an array to mm: those of its first file; a third axis that files make leads to the last one of a volume."""
    first = tree.files[array.items[0][0]]
    if first.space is None or first.space.affine is None:
        return None
    affine = np.array(first.space.affine, np.float64)
    item = first.items[array.items[0][1]].stretch.layout
    places = array.layout.shape[2] if array.layout.first_axis_fastest and len(array.layout.shape) > 2 else 1
    if len(item.shape) == 2 and places > 1:
        last = tree.files[array.items[places - 1][0]].space
        if last is None or last.affine is None:
            return None
        affine[:3, 2] = (last.affine[:3, 3] - affine[:3, 3]) / (places - 1)
    return [[float(number) for number in row] for row in affine[:3]]
