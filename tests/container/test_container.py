"""Damage never goes unnoticed, and nothing in a file makes its reader run away."""

import contextlib
import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

import voxz
from phantoms import head, labels, ratio_map
from samples import nifti, smooth
from voxz.codecs import registry
from voxz.codecs.fidelity import EXACT
from voxz.container.header import Entry, Header
from voxz.container.writer import CRC, MAGIC, PREFIX, preamble_length

ARRAY = smooth((5, 12, 14))
BLOBS = {codec: voxz.encode(ARRAY, codec=codec, level=2) for codec in ("predictive", "stored", "labels")}
HEADER_AT = PREFIX.size
INDEX_AT = PREFIX.size + Header.layout().size + CRC.size


def with_header(blob: bytes, **changes: object) -> bytes:
    """Return the file with other header fields and a sound checksum."""
    header = Header.unpack(blob[HEADER_AT : INDEX_AT - CRC.size])
    front = blob[:HEADER_AT] + replace(header, **changes).pack()  # type: ignore[arg-type]
    return front + CRC.pack(zlib.crc32(front)) + blob[INDEX_AT:]


def with_entry(blob: bytes, number: int, **changes: int) -> bytes:
    """Return the file with another index entry and a sound checksum."""
    size = Entry.layout().size
    chunks = Header.unpack(blob[HEADER_AT : INDEX_AT - CRC.size]).chunks
    index = bytearray(blob[INDEX_AT : INDEX_AT + chunks * size])
    entry = replace(Entry.unpack(bytes(index[number * size : (number + 1) * size])), **changes)
    index[number * size : (number + 1) * size] = entry.pack()
    return blob[:INDEX_AT] + index + CRC.pack(zlib.crc32(index)) + blob[preamble_length(chunks) :]


@pytest.mark.parametrize("codec", BLOBS)
def test_cut_at_every_byte(codec: str) -> None:
    blob = BLOBS[codec]
    for length in range(1, len(blob)):
        with pytest.raises(voxz.TruncatedError):
            voxz.decode(blob[:length], threads=1)


@pytest.mark.parametrize("codec", BLOBS)
def test_every_byte_matters(codec: str) -> None:
    blob = bytearray(BLOBS[codec])
    for at in range(len(blob)):
        blob[at] ^= 1 << at % 8
        with pytest.raises(voxz.VoxzError):
            voxz.decode(bytes(blob), threads=1)
        blob[at] ^= 1 << at % 8


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(BLOBS)), st.data())
def test_damage_behind_a_sound_checksum(codec: str, data: st.DataObject) -> None:
    """A payload that was damaged before its CRC was made: an error, or the SHA-256 notices."""
    blob = BLOBS[codec]
    start = preamble_length(4)
    payload = bytearray(blob[start:])
    for _ in range(data.draw(st.integers(1, 4))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    damaged = with_entry(blob[:start] + bytes(payload), 3, crc32=zlib.crc32(payload))
    with contextlib.suppress(voxz.CorruptError, voxz.UnsupportedError):
        assert np.array_equal(voxz.decode(damaged, threads=1), ARRAY)


def test_something_appended() -> None:
    with pytest.raises(voxz.CorruptError, match="something was appended"):
        voxz.decode(BLOBS["stored"] + b"\0")


def test_not_ours() -> None:
    with pytest.raises(voxz.UnsupportedError, match=r"not a \.voxz file"):
        voxz.decode(b"something else")
    with pytest.raises(voxz.UnsupportedError, match="empty"):
        voxz.decode(b"")


def test_text_mode_damage_shows() -> None:
    assert MAGIC[0] >= 128
    with pytest.raises(voxz.VoxzError):
        voxz.decode(BLOBS["stored"].replace(b"\r\n", b"\n"))


@pytest.mark.parametrize(("number", "byte", "value"), [(1, 0, 15), (2, 4, 9), (3, 0, 8)])
def test_parameters_of_later_versions_are_named(number: int, byte: int, value: int) -> None:
    made: list[NDArray[Any]] = [head((3, 9, 9)), labels((3, 9, 9)), ratio_map((3, 9, 9))]
    samples = made[number - 1].reshape(1, 3, 9, 9, 1)
    payload = bytearray(registry.module(number).encode_brick(samples, 5, EXACT) or b"")
    payload[byte] = value
    if number == 2:
        payload[:4] = zlib.crc32(payload[4:]).to_bytes(4, "little")
    with pytest.raises(voxz.UnsupportedError, match=f"{value}.* which file format 1.0 does not have"):
        registry.decode_brick(number, bytes(payload), samples.shape, samples.dtype)
    with pytest.raises(voxz.UnsupportedError, match=r"a brick uses codec 99, which file format 1\.0 does not have"):
        registry.decode_brick(99, bytes(payload), samples.shape, samples.dtype)


def test_newer_versions_are_named() -> None:
    blob = bytearray(BLOBS["stored"])
    struct.pack_into("<H", blob, 8, 2)
    with pytest.raises(voxz.UnsupportedError, match=r"file format 2\.0 needs a newer voxz"):
        voxz.decode(bytes(blob))


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 9},
        {"dtype": 0},
        {"dtype": 99},
        {"big_endian": 2},
        {"ndim": 8},
        {"channels": 0},
        {"channels": 5},
        {"target": 1},
        {"level": 77},
        {"reserved": 1},
        {"extent": (0, 1, 1, 1)},
        {"shape": (1 << 60,) * 7},
        {"shape": (5, 12, 14, 2, 1, 1, 1)},
        {"chunks": 3},
        {"chunks": (1 << 32) - 1},
        {"extent": (1, 1, 1, 1)},
        {"shape": (1 << 20, 1 << 10, 1 << 10, 1, 1, 1, 1), "extent": (1, 1 << 20, 1 << 10, 1 << 10)},
    ],
    ids=str,
)
def test_impossible_headers(changes: dict[str, object]) -> None:
    with pytest.raises(voxz.CorruptError):
        voxz.decode(with_header(BLOBS["stored"], **changes))


@pytest.mark.parametrize(
    "changes",
    [{"raw_length": 7}, {"offset": 5}, {"length": 1 << 62}, {"offset": 1 << 63}, {"reserved": 1}, {"kind": 1}, {"kind": 200}],
    ids=str,
)
def test_impossible_entries(changes: dict[str, int]) -> None:
    with pytest.raises(voxz.CorruptError):
        voxz.decode(with_entry(BLOBS["stored"], 3, **changes))


@pytest.mark.parametrize("changes", [{"kind": 9}, {"codec": 250}], ids=str)
def test_unknown_parts_ask_for_a_newer_version(changes: dict[str, int]) -> None:
    with pytest.raises(voxz.UnsupportedError, match=r"a later 1\.x is needed|newer voxz"):
        voxz.decode(with_entry(BLOBS["stored"], 3, **changes))


def test_ancillary_parts_are_ignored() -> None:
    blob = BLOBS["stored"]
    start = preamble_length(4)
    header = Header.unpack(blob[HEADER_AT : INDEX_AT - CRC.size])
    size = Entry.layout().size
    moved = [Entry.unpack(blob[INDEX_AT + n * size :][:size]) for n in range(4)]
    entries = [replace(entry, offset=entry.offset + size) if entry.length else entry for entry in moved]
    entries.append(Entry(200, 7, 0, zlib.crc32(b"note"), len(blob) + size, 4, 4))
    index = b"".join(entry.pack() for entry in entries)
    grown = with_header(blob, chunks=5, file_length=len(blob) + size + 4)
    assert header.chunks == 4
    whole = grown[:INDEX_AT] + index + CRC.pack(zlib.crc32(index)) + blob[start:] + b"note"
    assert np.array_equal(voxz.decode(whole), ARRAY)


def test_wrong_checksum_of_the_whole_is_noticed() -> None:
    with pytest.raises(voxz.CorruptError, match="SHA-256"):
        voxz.decode(with_header(BLOBS["stored"], samples_sha256=bytes(32)))
    with pytest.raises(voxz.CorruptError, match="SHA-256"):
        voxz.verify(with_header(BLOBS["stored"], original_sha256=bytes(32)))


def test_a_file_says_nothing_about_its_maker(tmp_path: Path) -> None:
    (tmp_path / "secret-name.nii").write_bytes(nifti((8, 8))[1])
    for name in ("one.voxz", "two.voxz"):
        voxz.compress(tmp_path / "secret-name.nii", tmp_path / name)
    assert (tmp_path / "one.voxz").read_bytes() == (tmp_path / "two.voxz").read_bytes()
    assert b"secret" not in (tmp_path / "one.voxz").read_bytes()
