"""What a header, an index or a record says is checked where it is read: `CorruptError`, never an exception of another library."""

import io
import math
import tracemalloc
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import voxz
from samples import nifti, smooth
from voxz.codecs.numbers import CODECS, FLOATS, LABELS, PREDICTIVE, SIREN, STORED, WAVELET
from voxz.container.header import FORMATS, HEAD, TAIL, Entry, Header, Loss
from voxz.container.writer import CRC, PREFIX, preamble_length
from voxz.metrics import psnr
from voxz.volume.layout import DTYPES

ARRAY = smooth((5, 12, 14))
PLAIN = voxz.encode(ARRAY, codec="stored")
LOSSY = voxz.encode(ARRAY, target=voxz.MaxError(2))
HEADER_AT = PREFIX.size
INDEX_AT = PREFIX.size + Header.layout().size + CRC.size


def entries_of(blob: bytes) -> list[Entry]:
    """Index of a file."""
    size, count = Entry.layout().size, Header.unpack(blob[HEADER_AT : INDEX_AT - CRC.size]).chunks
    return [Entry.unpack(blob[INDEX_AT + n * size : INDEX_AT + (n + 1) * size]) for n in range(count)]


def rebuilt(blob: bytes, header: dict[str, Any] | None = None, **chunks: bytes) -> bytes:
    """The file with other header fields, and other bytes for chunks (``c4=`` for kind 4), with sound checksums throughout."""
    found, body, at = [], b"", preamble_length(len(entries_of(blob)))
    for entry in entries_of(blob):
        data = blob[entry.offset : entry.offset + entry.length]
        raw = entry.raw_length
        if f"c{entry.kind}" in chunks:
            content = chunks[f"c{entry.kind}"]
            data, raw = b"\1" + zlib.compress(content), len(content)
        found.append(replace(entry, offset=at + len(body), length=len(data), raw_length=raw, crc32=zlib.crc32(data)))
        body += data
    index = b"".join(entry.pack() for entry in found)
    fields = Header.unpack(blob[HEADER_AT : INDEX_AT - CRC.size])
    front = blob[:HEADER_AT] + replace(fields, file_length=at + len(body), **(header or {})).pack()
    return front + CRC.pack(zlib.crc32(front)) + index + CRC.pack(zlib.crc32(index)) + body


def with_codec(blob: bytes, codec: int, dtype: int) -> bytes:
    """The file with another codec for its bricks and another sample type."""
    size, itemsize = Entry.layout().size, np.dtype(DTYPES[dtype]).itemsize
    found = [replace(e, codec=codec, raw_length=ARRAY.size * itemsize) if e.kind == 0 else e for e in entries_of(rebuilt(blob))]
    whole = rebuilt(blob, {"dtype": dtype})
    index = b"".join(entry.pack() for entry in found)
    return whole[:INDEX_AT] + index + CRC.pack(zlib.crc32(index)) + whole[INDEX_AT + len(found) * size + CRC.size :]


def test_every_codec_refuses_the_sample_types_it_does_not_take() -> None:
    assert set(CODECS.values()) == {STORED, PREDICTIVE, LABELS, FLOATS, WAVELET, SIREN}
    refused = 0
    for number, name in DTYPES.items():
        for codec in (PREDICTIVE, FLOATS, WAVELET, SIREN):
            dtype = np.dtype(name)
            integer, real = dtype.kind in "iu" and dtype.itemsize <= 4, dtype.kind == "f"
            takes = {PREDICTIVE: integer, FLOATS: real or dtype.kind == "c"}.get(codec, integer or real)
            blob = with_codec(PLAIN, codec, number)
            if takes:
                assert voxz.info(blob).dtype[1:] == dtype.str[1:]
            else:
                refused += 1
                for read in (voxz.info, voxz.open, voxz.verify, voxz.decode):
                    with pytest.raises(voxz.CorruptError, match="does not take"):
                        read(blob)
    assert refused > 20


@pytest.mark.parametrize("giant", [1 << 41, 1 << 60, 1 << 63])
def test_an_axis_of_zero_does_not_excuse_giant_ones(giant: int) -> None:
    blob = voxz.encode(np.zeros((0, 3, 2), "u1"))
    assert voxz.decode(blob).shape == (0, 3, 2)
    with pytest.raises(voxz.CorruptError, match="shape"):
        voxz.info(rebuilt(blob, {"shape": (0, giant, 2, 1, 1, 1, 1)}))
    with pytest.raises(voxz.UnsupportedError, match="too large"):
        voxz.encode(np.zeros((0, 1 << 41), "u1"))


@pytest.mark.parametrize("field", ["asked", "bound", "largest_error", "mean_square", "peak", "noise"])
@pytest.mark.parametrize("value", [math.nan, -1e300, -math.inf])
def test_a_record_of_losses_without_numbers_is_damage(field: str, value: float) -> None:
    record = Loss(2.0, 2.0, 1.0, 0.5, 10, 100.0, 0.0)
    sound = voxz.info(rebuilt(LOSSY, c4=record.pack())).loss
    assert sound is not None
    assert sound.asked == 2
    if field == "asked" and value == -1e300:
        return
    changed: Any = {field: value}
    blob = rebuilt(LOSSY, c4=replace(record, **changed).pack())
    for read in (voxz.info, voxz.verify, lambda b: voxz.open(b).loss):
        with pytest.raises(voxz.CorruptError, match="losses"):
            read(blob)


@pytest.mark.parametrize("square", [5e-324, 1e-300, 1e300, math.inf])
@pytest.mark.parametrize("peak", [5e-324, 1e-200, 1e200, math.inf])
def test_extreme_losses_have_a_psnr_or_none(square: float, peak: float) -> None:
    loss = voxz.info(rebuilt(LOSSY, c4=Loss(2.0, 2.0, 1.0, square, 10, peak, 0.0).pack())).loss
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
    fields = {"format": FORMATS[format]}
    blob = rebuilt(PLAIN, fields, c1=head) if format == "nifti" else rebuilt(PLAIN, fields, c2=head)
    with voxz.open(blob) as image:
        assert image[0].shape == ARRAY[0].shape
        assert image.preview(1).ndim == 3
        for read in (lambda: image.header, lambda: image.affine, image.to_nibabel):
            with pytest.raises(voxz.CorruptError, match="NIfTI"):
                read()


@pytest.mark.parametrize("kind", [HEAD, TAIL])
def test_what_unpacks_to_much_is_neither_unpacked_by_info_nor_held_by_decompress(kind: int, tmp_path: Path) -> None:
    (tmp_path / "scan.nii").write_bytes(nifti((6, 5, 4))[1])
    voxz.compress(tmp_path / "scan.nii", tmp_path / "scan.voxz", verify=False)
    blob = rebuilt((tmp_path / "scan.voxz").read_bytes(), **{f"c{kind}": bytes(80 << 20)})  # type: ignore[arg-type]
    tracemalloc.start()
    if kind == HEAD:
        assert voxz.info(blob).header_bytes == 80 << 20
    else:
        with pytest.raises(voxz.LimitError, match="raise max_bytes"):
            voxz.info(blob)
    with pytest.raises(voxz.CorruptError, match="SHA-256"):
        voxz.verify(blob)
    with voxz.open(blob) as image, pytest.raises(voxz.VoxzError):
        image.write_part("x=0", 0, io.BytesIO())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
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
