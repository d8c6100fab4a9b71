"""Words about files that were gzip as a whole, also where an archive says odd things of them."""

import zlib
from types import SimpleNamespace
from typing import cast

from voxz.container.catalogue import NAMED, Catalogue, CatalogueBuilder
from voxz.container.files import Samples, StoredFile, Verbatim
from voxz.container.pieces import Chunk
from voxz.container.reader import Reader
from voxz.image.gzip_facts import gzip_files


def reader_of(*files: StoredFile) -> Reader:
    """An archive with these files, whose verbatim bytes begin as gzip does."""
    builder = CatalogueBuilder(NAMED)
    for file in files:
        builder.add_file(file)
    pieces = [length for file in files for length in file.pieces]
    if pieces:
        builder.add_chunk(Chunk(len(pieces), sum(pieces), 5, zlib.crc32(b"chunk")))
    catalogue = Catalogue(builder.pack(), 5 if pieces else 0)
    archive = SimpleNamespace(files=catalogue, piece=lambda number: b"\x1f\x8b and more")
    return cast(Reader, archive)


def test_a_file_without_bytes_of_its_own_is_no_gzip() -> None:
    """Damage can make such files: named as gzip, of no known format, and all samples."""
    samples = StoredFile("a.gz", "bytes", 0, (Samples(0, 0, 10, 20),))
    assert gzip_files(reader_of(samples)) == {}
    assert gzip_files(reader_of(samples, StoredFile("b.gz", "bytes", 0, (Verbatim(40),)))) == {"b.gz": "verbatim"}
