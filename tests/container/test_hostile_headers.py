"""What a header, an index or a record says is checked where it is read: `CorruptError`, never an exception of another library."""

import hashlib
import io
import math
import time
import tracemalloc
import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import voxz
from benchmarks.file_parts import FileParts
from samples import smooth
from voxz.codecs.numbers import CODECS, FLOATS, LABELS, PREDICTIVE, SIREN, STORED, WAVELET
from voxz.codecs.predictive import codec as predictive
from voxz.container.catalogue import CatalogueBuilder
from voxz.container.files import Samples, Segment, StoredFile, Verbatim
from voxz.container.header import Loss
from voxz.container.packed_bytes import pack
from voxz.container.pieces import LONGEST, Chunk, PieceWriter, cut
from voxz.entropy.varint import varint
from voxz.metrics import psnr
from voxz.volume.layout import DTYPES

ARRAY = smooth((5, 12, 14))
PLAIN = voxz.encode(ARRAY, codec="stored")
LOSSY = voxz.encode(ARRAY, target=voxz.MaxError(2))


def with_record(loss: Loss) -> bytes:
    """The lossy file with another record of losses."""
    parts = FileParts.of(LOSSY)
    return replace(parts, arrays=replace(parts.header, loss=loss).pack()).assembled()


def with_codec(codec: int, dtype: int) -> bytes:
    """The plain file with another codec for its brick and another sample type."""
    parts = FileParts.of(PLAIN)
    arrays = bytes([dtype]) + parts.arrays[1:]
    return replace(parts, arrays=arrays, entries=tuple(replace(entry, codec=codec) for entry in parts.entries)).assembled()


def with_shape(blob: bytes, shape: tuple[int, ...]) -> bytes:
    """Array header of a file with three axes, with another shape."""
    arrays = FileParts.of(blob).arrays
    old = b"".join(map(varint, FileParts.of(blob).header.layout.shape))
    return arrays[:6] + b"".join(map(varint, shape)) + arrays[6 + len(old) :]


def with_files(*files: tuple[StoredFile, list[bytes]]) -> bytes:
    """The plain file as what such files were made of."""
    catalogue, payloads = CatalogueBuilder(), []

    def write(pieces: int, raw_length: int, payload: bytes) -> None:
        catalogue.add_chunk(Chunk(pieces, raw_length, len(payload), zlib.crc32(payload)))
        payloads.append(payload)

    writer = PieceWriter(write)
    for file, pieces in files:
        catalogue.add_file(file)
        writer.add_file(pieces)
    writer.finish()
    return replace(FileParts.of(PLAIN), pieces=b"".join(payloads), catalogue=catalogue.pack()).assembled()


def volume_file(format: str, head: bytes, tail: bytes = b"") -> bytes:
    """The plain file as a volume with these bytes around its samples."""
    samples = Samples(0, 0, ARRAY.size, ARRAY.nbytes)
    before, after = cut(head), cut(tail)
    segments: list[Segment] = [Verbatim(len(part)) for part in before]
    segments += [samples, *(Verbatim(len(part)) for part in after)]
    return with_files((StoredFile("", format, 0, tuple(segments)), before + after))


def test_every_codec_refuses_the_sample_types_it_does_not_take() -> None:
    assert set(CODECS.values()) == {STORED, PREDICTIVE, LABELS, FLOATS, WAVELET, SIREN}
    refused = 0
    for number, name in DTYPES.items():
        for codec in (PREDICTIVE, FLOATS, WAVELET, SIREN):
            dtype = np.dtype(name)
            integer, real = dtype.kind in "iu" and dtype.itemsize <= 4, dtype.kind == "f"
            takes = {PREDICTIVE: integer, FLOATS: real or dtype.kind == "c"}.get(codec, integer or real)
            blob = with_codec(codec, number)
            if takes:
                assert voxz.info(blob).dtype[1:] == dtype.str[1:]
            else:
                refused += 1
                for read in (voxz.info, voxz.open, voxz.verify, voxz.decode):
                    with pytest.raises(voxz.CorruptError, match="does not take"):
                        read(blob)
    assert refused > 20


@pytest.mark.parametrize("giant", [1 << 41, 1 << 60, (1 << 63) - 1])
def test_an_axis_of_zero_does_not_excuse_giant_ones(giant: int) -> None:
    blob = voxz.encode(np.zeros((0, 3, 2), "u1"))
    assert voxz.decode(blob).shape == (0, 3, 2)
    with pytest.raises(voxz.CorruptError, match="shape"):
        voxz.info(replace(FileParts.of(blob), arrays=with_shape(blob, (0, giant, 2))).assembled())
    with pytest.raises(voxz.UnsupportedError, match="too large"):
        voxz.encode(np.zeros((0, 1 << 41), "u1"))


@pytest.mark.parametrize("field", ["asked", "bound", "largest_error", "mean_square", "peak", "noise"])
@pytest.mark.parametrize("value", [math.nan, -1e300, -math.inf])
def test_a_record_of_losses_without_numbers_is_damage(field: str, value: float) -> None:
    record = Loss(2.0, 2.0, 1.0, 0.5, 10, 100.0, 0.0)
    sound = voxz.info(with_record(record)).loss
    assert sound is not None
    assert sound.asked == 2
    if field == "asked" and value == -1e300:
        return
    changed: Any = {field: value}
    blob = with_record(replace(record, **changed))
    for read in (voxz.info, voxz.verify, lambda b: voxz.open(b).loss):
        with pytest.raises(voxz.CorruptError, match="losses"):
            read(blob)


@pytest.mark.parametrize("square", [5e-324, 1e-300, 1e300, math.inf])
@pytest.mark.parametrize("peak", [5e-324, 1e-200, 1e200, math.inf])
def test_extreme_losses_have_a_psnr_or_none(square: float, peak: float) -> None:
    loss = voxz.info(with_record(Loss(2.0, 2.0, 1.0, square, 10, peak, 0.0))).loss
    assert loss is not None
    found = loss.psnr_db
    assert (found is None) == (math.isinf(square) or math.isinf(peak))
    assert found is None or math.isfinite(found)
    assert psnr(1e-3, 10.0) == pytest.approx(50)


def test_verify_reads_every_byte() -> None:
    for at in range(len(LOSSY)):
        blob = bytearray(LOSSY)
        blob[at] ^= 16
        with pytest.raises(voxz.VoxzError):
            voxz.verify(bytes(blob), threads=1)


@pytest.mark.parametrize("format", ["nifti", "nifti-pair"])
@pytest.mark.parametrize("head", [b"", b"\x5c\1\0\0", bytes(400), b"\x5c\1\0\0" + bytes(300)])
def test_a_header_that_is_not_of_its_format_is_damage(format: str, head: bytes) -> None:
    blob = volume_file(format, head)
    if format == "nifti-pair":
        data = StoredFile("", format, 0, (Samples(0, 0, ARRAY.size, ARRAY.nbytes),))
        header = StoredFile(".hdr", format, 0, tuple(Verbatim(len(part)) for part in cut(head)))
        blob = with_files((data, []), (header, cut(head)))
    with voxz.open(blob) as image:
        assert image[0].shape == ARRAY[0].shape
        assert image.preview(1).ndim == 3
        for read in (lambda: image.header, lambda: image.affine, image.to_nibabel):
            with pytest.raises(voxz.CorruptError, match="NIfTI"):
                read()


@pytest.mark.parametrize("front", [True, False])
def test_what_unpacks_to_much_is_neither_unpacked_by_info_nor_held_by_decompress(front: bool) -> None:
    much = bytes(80 << 20)
    blob = volume_file("nifti", much, b"x") if front else volume_file("nifti", b"x", much)
    del much
    tracemalloc.start()
    if front:
        assert voxz.info(blob).header_bytes == 80 << 20
    else:
        with pytest.raises(voxz.LimitError, match="raise max_bytes"):
            voxz.info(blob)
    with pytest.raises(voxz.CorruptError, match="checksum"):
        voxz.verify(blob)
    with voxz.open(blob) as image, pytest.raises(voxz.VoxzError):
        image.write_part("x=0", 0, io.BytesIO())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 << 20


def bomb(*, front: bool) -> bytes:
    """A file of some 300 kB whose verbatim run of zeros, beside the samples, is 2 GiB long."""
    count = (1 << 31) // LONGEST
    raw, small = varint(0) + bytes(LONGEST), varint(0) + b"x"
    packed, short = pack(raw), pack(small)
    run, one = [(len(raw), packed)] * count, [(len(small), short)]
    catalogue = CatalogueBuilder()
    pieces = run + one if front else one + run
    for length, payload in pieces:
        catalogue.add_chunk(Chunk(1, length, len(payload), zlib.crc32(payload)))
    long, samples, byte = [Verbatim(LONGEST)] * count, Samples(0, 0, ARRAY.size, ARRAY.nbytes), Verbatim(1)
    segments: tuple[Segment, ...] = (*long, samples, byte) if front else (byte, samples, *long)
    catalogue.add_file(StoredFile("", "nifti", 0, segments))
    return replace(FileParts.of(PLAIN), pieces=b"".join(payload for _, payload in pieces), catalogue=catalogue.pack()).assembled()


@pytest.mark.parametrize("front", [True, False])
def test_a_bomb_of_two_gigabytes_costs_no_reader_of_samples_anything(front: bool) -> None:
    blob = bomb(front=front)
    assert len(blob) < 1 << 20
    voxz.decode(PLAIN)
    tracemalloc.start()
    started = time.process_time()
    np.testing.assert_array_equal(voxz.decode(blob), ARRAY)
    with voxz.open(blob) as image:
        np.testing.assert_array_equal(image[...], ARRAY)
        for read in (lambda: image.header, lambda: image.affine, image.to_nibabel):
            with pytest.raises(voxz.VoxzError):
                read()
    if front:
        assert voxz.info(blob).header_bytes == 1 << 31
    else:
        with pytest.raises(voxz.LimitError, match="raise max_bytes"):
            voxz.info(blob)
    seconds, peak = time.process_time() - started, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seconds < 2
    assert peak < 16 << 20


def test_a_limit_is_looked_at_before_anything_is_made() -> None:
    line = voxz.encode(np.zeros(1 << 24, "u1"))
    with voxz.open(line, max_bytes=1000) as image:
        tracemalloc.start()
        with pytest.raises(voxz.LimitError):
            image[...]
        with pytest.raises(voxz.LimitError):
            image.canonical()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 1 << 20


def line(samples: int, brick: int) -> bytes:
    """A constant line, all of whose giant bricks are one payload of some bytes."""
    payload = predictive.encode_brick(np.full((1, 1, 1, 1024, 1), 7, "u1"), 5)
    assert payload is not None
    some, digest = bytes([7]) * (1 << 20), hashlib.sha256()
    for _ in range(samples >> 20):
        digest.update(some)
    parts = FileParts.of(voxz.encode(np.full(1024, 7, "u1")))
    layout = replace(parts.header.layout, shape=(samples,))
    arrays = replace(parts.header, layout=layout, extent=(1, 1, 1, brick), samples_sha256=digest.digest()).pack()
    count = samples // brick
    return replace(
        parts, arrays=arrays, entries=(replace(parts.entries[0], codec=PREDICTIVE),) * count, chunks=(payload,) * count
    ).assembled()


def test_a_line_of_giant_bricks_takes_its_samples_and_a_brick_for_each_thread() -> None:
    blob = line(1 << 28, 1 << 25)
    assert len(blob) < 1000
    with voxz.open(blob, max_bytes=1000) as image, pytest.raises(voxz.LimitError):
        image[...]
    with voxz.open(blob, threads=1, cache_bytes=0) as image:
        tracemalloc.start()
        started = time.process_time()
        whole = image[...]
        seconds, peak = time.process_time() - started, tracemalloc.get_traced_memory()[1]
        voxz.verify(blob, threads=1)
        tracemalloc.stop()
    assert whole.shape == (1 << 28,)
    assert whole.min() == whole.max() == 7
    assert seconds < 2
    assert peak < (1 << 28) + (3 << 25)
