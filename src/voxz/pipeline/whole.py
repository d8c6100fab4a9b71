"""Small archives as one piece: the files as they are, packed by LZMA together with the list of them.

Of a few kilobytes, what an array needs beside its samples (header, index, checksums, facts) can be more than prediction wins.
Such files are kept whole: a catalogue without arrays, with the stream of pieces behind it (`catalogue.WITHIN`). Their images are
found again when they are opened, by the readers that would find them when they are compressed:

    file -> whole -> files in memory -> Tree -> archive in memory, samples stored -> image

An archive is kept whole only if that gives the very arrays, and only where it is more than `WORTH` smaller, so that nothing is
ever larger than LZMA makes it by more than that.
"""

import hashlib
import io
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from voxz.codecs.kinds import codec_of
from voxz.codecs.stored import comes_again, estimate
from voxz.container import delta
from voxz.container.catalogue import ATTRIBUTES, NAMED, WITHIN, CatalogueBuilder
from voxz.container.files import FOLDER, PLAIN, StoredFile, Verbatim
from voxz.container.pieces import PieceWriter, Tell
from voxz.container.reader import Reader
from voxz.container.writer import Writer
from voxz.io.gzip_members import Repacking
from voxz.io.tree.tree import Tree
from voxz.io.tree.tree_file import TreeFile
from voxz.limits import BASE
from voxz.pipeline.archive import encode_tree
from voxz.pipeline.decode import pieces_around, read_file
from voxz.pipeline.encode import KEPT, Written
from voxz.pipeline.opened import opened
from voxz.pipeline.plan import Plan

WORTH = 0.01
"""Part of its size by which an archive without images must be smaller."""

_TINY, _SMALL = 1 << 15, 1 << 16
"""Bytes up to which a file, and an archive of several, whose files may repeat each other, is always tried."""

_NEAR = 1.35
"""Above, it is tried if zlib takes no more than so much of it, or something comes again."""

_ALONE = Path("volume.img")
"""Name for the content of a file that has none."""


def smaller(file: BinaryIO, written: Written, plan: Plan) -> Written:
    """Replace an archive that was just written by its whole form, if that is what it is worth."""
    if plan.lossy or plan.level == 1 or plan.codec is not None or plan.brick is not None:
        return written
    if written.contents and not _worth_trying(written.contents, written.file_length):
        return written
    with Reader(file.name) as reader:
        if not len(reader.files) or sum(stored.size for stored in reader.files) > KEPT:
            return written
        contents = written.contents or [read_file(reader, number, 1) for number in range(len(reader.files))]
        if not _worth_trying(contents, written.file_length):
            return written
        tells = (delta.told_by, delta.all_new)[: len(contents)]
        whole = min((_whole(reader, contents, tell) for tell in tells), key=len)
        if len(whole) * (1 + WORTH * bool(reader.arrays)) >= written.file_length or not _same_arrays(reader, whole):
            return written
    file.seek(0)
    file.truncate()
    file.write(whole)
    file.flush()
    return replace(written, headers=(), file_length=len(whole))


def _worth_trying(contents: Sequence[bytes], length: int) -> bool:
    """Whether LZMA, which takes longer than all else does, may come near to the `length` of an archive."""
    if length <= (_TINY if len(contents) == 1 else _SMALL):
        return True
    data, near = b"".join(contents), _NEAR * length
    return estimate(data, near) <= near or comes_again(data)


def _whole(reader: Reader, contents: Sequence[bytes], tell: Tell) -> bytes:
    """An archive in its whole form, its files told by those before."""
    chunks: list[bytes] = []
    pieces = PieceWriter(lambda count, length, told: chunks.append(told), bytes, tell)
    catalogue = CatalogueBuilder(WITHIN | NAMED * reader.files.named | ATTRIBUTES * reader.files.attributes)
    for number, (stored, content) in enumerate(zip(reader.files, contents, strict=True)):
        before, _, after = pieces_around(reader, number)
        catalogue.add_file(replace(stored, segments=(Verbatim(len(content)),) if content else ()))
        pieces.add_file([piece for piece in (before, content, after) if piece])
    pieces.finish()
    file = io.BytesIO()
    Writer(file, []).finish([], catalogue, reader.files_sha256, b"".join(chunks))
    return file.getvalue()


def _same_arrays(reader: Reader, whole: bytes) -> bool:
    """Whether the whole form is opened as the archive that it would take the place of."""
    with opened(whole) as again:
        same = [array.header.layout for array in again.arrays] == [array.header.layout for array in reader.arrays]
        sums = [array.header.samples_sha256 for array in again.arrays] == [array.header.samples_sha256 for array in reader.arrays]
        return same and sums and again.files.notes == reader.files.notes and _listed(again) == _listed(reader)


def _listed(reader: Reader) -> list[tuple[int, StoredFile]]:
    """Files and their sizes; how files are made without any array makes no difference to who opens them."""
    return [(file.size, file if reader.arrays else replace(file, segments=())) for file in reader.files]


def images_of(reader: Reader) -> Reader | None:
    """The archive in memory that compressing the files again would give, its samples stored; None if it has no arrays."""
    archive = with_arrays(reader)
    return None if archive is None else Reader(archive)


def with_arrays(reader: Reader) -> bytes | None:
    """The bytes of that archive."""
    files = list(reader.files)
    if sum(stored.size for stored in files) > KEPT:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what was told when it was compressed
        tree = Tree.held([_held(reader, number, stored) for number, stored in enumerate(files)], reader.files.named, BASE)
        if not tree.arrays or sum(array.layout.nbytes for array in tree.arrays) > BASE:
            return None
        for entry, stored in zip(tree.files, files, strict=True):
            entry.name = stored.name
        memory = io.BytesIO()
        encode_tree(tree, memory, Plan(0, codec_of("stored")), 1, keep_attributes=reader.files.attributes)
    return memory.getvalue()


def _held(reader: Reader, number: int, stored: StoredFile) -> TreeFile:
    """A file of an archive, in memory."""
    content = read_file(reader, number, 1)
    before, _, after = pieces_around(reader, number)
    return TreeFile(
        stored.name or _ALONE.name,
        Path(stored.name) if reader.files.named else _ALONE.with_suffix(stored.name or _ALONE.suffix),
        (),
        stored.mode,
        stored.mtime_ns,
        FOLDER if stored.format == FOLDER else PLAIN,
        stored.size,
        stored.crc32,
        hashlib.sha256(content).digest(),
        Repacking(stored.gzip, stored.gzip_crc32, before, after) if stored.gzip else None,
        content,
    )
