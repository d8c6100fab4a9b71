"""What files are made of: told in columns and pieces, and read again as it was."""

import zlib

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from voxz.container import delta, packed_bytes
from voxz.container.catalogue import ATTRIBUTES, DESCRIPTION, NAMED, Catalogue, CatalogueBuilder
from voxz.container.cursor import Cursor
from voxz.container.files import Gzip, Samples, Segment, StoredFile, Verbatim
from voxz.container.pieces import CHUNK, Chunk, PieceWriter, unpack_chunk
from voxz.errors import CorruptError, UnsupportedError
from voxz.volume.view import mosaic

VIEW = mosaic(2, 3, 4, 5)
SEGMENTS = st.one_of(
    st.builds(Verbatim, st.integers(1, 40)),
    st.builds(Samples, st.integers(0, 3), st.integers(0, 1 << 40), st.integers(1, 1 << 40), st.integers(1, 1 << 40)),
    st.builds(
        Samples, st.just(2), st.integers(0, 99), st.just(120), st.just(240), st.just(VIEW), st.integers(0, 5), st.integers(0, 9)
    ),
)
GZIPS = st.one_of(
    st.none(),
    st.builds(Gzip, st.integers(1, 9), st.integers(1, 9), st.integers(0, 4), st.booleans(), st.integers(0, 9), st.integers(0, 9)),
)
FILES = st.builds(
    lambda name, crc32, segments, gzip, crc, mode, time: StoredFile(
        name, f"format {len(name) % 3}", crc32, tuple(segments), gzip, crc if gzip and gzip.exact else 0, mode, time
    ),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    st.integers(0, (1 << 32) - 1),
    st.lists(SEGMENTS, max_size=5),
    GZIPS,
    st.integers(0, (1 << 32) - 1),
    st.integers(0, 0o777),
    st.integers(0, 1 << 61),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(FILES, min_size=1, max_size=6))
def test_files_are_read_as_they_were(files: list[StoredFile]) -> None:
    builder, offset = CatalogueBuilder(NAMED | ATTRIBUTES), 0
    payloads: list[bytes] = []

    def write(count: int, raw_length: int, payload: bytes) -> None:
        nonlocal offset
        builder.add_chunk(Chunk(count, raw_length, len(payload), zlib.crc32(payload)))
        payloads.append(payload)
        offset += len(payload)

    writer = PieceWriter(write)
    written: list[bytes] = []
    for file in files:
        builder.add_file(file)
        pieces = [bytes([len(written) % 251]) * length for length in file.pieces]
        written += pieces
        writer.add_file(pieces)
    writer.finish()
    builder.notes.append((DESCRIPTION, b"[]"))
    catalogue = Catalogue(builder.pack(), offset)
    assert list(catalogue) == files
    assert catalogue.named
    assert catalogue.notes == [(DESCRIPTION, b"[]")]
    read = [
        piece
        for chunk, payload in zip(catalogue.chunks, payloads, strict=True)
        for piece in unpack_chunk(payload, chunk.raw_length, catalogue.piece_lengths.tolist(), catalogue.piece_counts.tolist())
    ]
    assert read == written
    assert [len(catalogue.pieces_of(number)) for number in range(len(files))] == [len(file.pieces) for file in files]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.data())
def test_pieces_are_told_by_what_they_take_over(reference: bytes, data: st.DataObject) -> None:
    piece = bytearray(reference)
    for _ in range(data.draw(st.integers(0, 5))):
        at = data.draw(st.integers(0, len(piece)))
        piece[at : at + data.draw(st.integers(0, 20))] = data.draw(st.binary(max_size=20))
    steps, new = delta.told_by(reference, bytes(piece))
    cursor, rest = Cursor(steps), Cursor(new)
    assert delta.retold(reference, len(piece), cursor, rest) == bytes(piece)
    assert cursor.left == rest.left == 0


def test_a_piece_may_begin_further_on_in_its_reference() -> None:
    """The first step copies nothing and gives nothing: it only skips."""
    head = bytes(range(256)) * 4
    steps, new = delta.told_by(b"in front" + head, head)
    assert new == b""
    assert delta.retold(b"in front" + head, len(head), Cursor(steps), Cursor(new)) == head


def test_equal_pieces_need_nothing_new() -> None:
    head = bytes(range(256)) * 20
    assert delta.told_by(head, head)[1] == b""
    assert len(delta.told_by(head, head[:900] + b"changed" + head[907:])[1]) <= 7
    assert len(delta.told_by(head, head[:900] + b"longer" + head[900:])[1]) <= 6


@pytest.mark.parametrize("steps", [b"\0\0\0", b"\x05\0\0", b"\0\x09\0", b"\x02\x02\x09", b"\x02", b"\xff" * 12])
def test_steps_that_lead_out_are_refused(steps: bytes) -> None:
    with pytest.raises(CorruptError):
        delta.retold(b"1234", 4, Cursor(steps), Cursor(b"abcdefgh"))


@pytest.mark.parametrize("data", [b"", b"a", b"abc" * 1000, bytes(1 << 20), bytes(range(256)) * 300])
def test_parts_are_packed_and_checked(data: bytes) -> None:
    packed = packed_bytes.pack(data)
    assert packed_bytes.unpack(packed, len(data)) == data
    assert len(packed) <= len(data) + 1
    for length in (len(data) + 1, packed_bytes.LARGEST + 1, *([len(data) - 1] if data else [])):
        with pytest.raises(CorruptError):
            packed_bytes.unpack(packed, length)
    if len(data) > 1:
        with pytest.raises(CorruptError):
            packed_bytes.unpack(packed[:-1], len(data))


def test_long_streams_are_cut_into_chunks() -> None:
    chunks: list[tuple[int, int, bytes]] = []
    writer = PieceWriter(lambda *chunk: chunks.append(chunk))
    for number in range(5):
        writer.add_file([bytes([number]) * (CHUNK // 2)])
    writer.finish()
    assert [count for count, _, _ in chunks] == [2, 2, 1]


@settings(max_examples=300, deadline=None)
@given(st.lists(FILES, min_size=1, max_size=3), st.data())
def test_damaged_catalogues_are_refused_or_read(files: list[StoredFile], data: st.DataObject) -> None:
    builder = CatalogueBuilder()
    for file in files:
        builder.add_file(file)
    packed = bytearray(builder.pack())
    for _ in range(data.draw(st.integers(1, 3))):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    try:
        catalogue = Catalogue(bytes(packed), 1000)
        catalogue.check_samples([10, 20, 1 << 50, 5])
        list(catalogue)
    except (CorruptError, UnsupportedError):
        pass


def test_samples_belong_to_one_file_only() -> None:
    for segments, sound in (
        ((Samples(0, 0, 6, 6), Samples(0, 6, 4, 4)), True),
        ((Samples(0, 0, 6, 6), Samples(0, 5, 5, 5)), False),
        ((Samples(0, 8, 3, 3),), False),
        ((Samples(1, 0, 1, 1),), False),
    ):
        builder = CatalogueBuilder()
        parts_of_file: tuple[Segment, ...] = segments
        builder.add_file(StoredFile("", "x", 0, parts_of_file))
        catalogue = Catalogue(builder.pack(), 0)
        if sound:
            catalogue.check_samples([10])
        else:
            with pytest.raises(CorruptError):
                catalogue.check_samples([10])


def test_a_segment_of_no_bytes_is_damage() -> None:
    builder = CatalogueBuilder(NAMED)
    builder.add_file(StoredFile("a", "bytes", 0, (Verbatim(0),)))
    with pytest.raises(CorruptError, match="segment of no bytes"):
        Catalogue(builder.pack(), 0)
