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
from voxz.container.cursor import Cursor
from voxz.container.header import CRC, MAGIC, PREFIX, VERSION, ArrayHeader, Entry, Front
from voxz.container.reader import Reader
from voxz.entropy.varint import varint

ARRAY = smooth((5, 12, 14))
BLOBS = {codec: voxz.encode(ARRAY, codec=codec, level=2) for codec in ("predictive", "stored", "labels")}
FRONT_AT, ARRAYS_AT = PREFIX.size, PREFIX.size + Front.layout().size


def parts_of(blob: bytes) -> tuple[Front, ArrayHeader, Entry, bytes]:
    """Front, header, index entry and payload of a file of one array in one brick."""
    front = Front.unpack(blob[FRONT_AT:ARRAYS_AT])
    cursor = Cursor(blob[ARRAYS_AT : front.length - CRC.size])
    return front, ArrayHeader.unpack(cursor), Entry.unpack(cursor.take(Entry.layout().size)), blob[front.length :]


def joined(front: Front, middle: bytes, payload: bytes) -> bytes:
    """A file with a sound checksum and the right lengths."""
    length = ARRAYS_AT + len(middle) + CRC.size
    whole = PREFIX.pack(MAGIC, *VERSION) + replace(front, length=length, file_length=length + len(payload)).pack() + middle
    return whole + CRC.pack(zlib.crc32(whole)) + payload


def with_front(blob: bytes, **changes: Any) -> bytes:
    """Return the file with other fields in its front, and a sound checksum."""
    front = replace(Front.unpack(blob[FRONT_AT:ARRAYS_AT]), **changes)
    whole = blob[:FRONT_AT] + front.pack() + blob[ARRAYS_AT : front.length - CRC.size]
    return whole + CRC.pack(zlib.crc32(whole)) + blob[len(whole) + CRC.size :]


def with_entry(blob: bytes, payload: bytes | None = None, **changes: int) -> bytes:
    """Return the file with another index entry or payload, and a sound checksum."""
    front, header, entry, before = parts_of(blob)
    return joined(front, header.pack() + replace(entry, **changes).pack(), before if payload is None else payload)


def array_header(shape: tuple[int, ...] = (5, 12, 14), extent: tuple[int, ...] = (1, 5, 12, 14), **changes: int) -> bytes:
    """Header of the array of a blob, with some fields changed."""
    fields = {"dtype": 4, "flags": 0, "channels": 1, "axes": len(shape), "level": 2, "target": 0} | changes
    return bytes(fields.values()) + b"".join(map(varint, (*shape, *extent, 0))) + bytes(32)


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
    payload = bytearray(parts_of(blob)[3])
    for _ in range(data.draw(st.integers(1, 4))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    damaged = with_entry(blob, bytes(payload), crc32=zlib.crc32(payload))
    with contextlib.suppress(voxz.CorruptError, voxz.UnsupportedError):
        assert np.array_equal(voxz.decode(damaged, threads=1), ARRAY)


def test_something_appended() -> None:
    with pytest.raises(voxz.CorruptError, match="something was appended"):
        voxz.decode(BLOBS["stored"] + b"\0")


def test_other_files_are_refused() -> None:
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
        {"dtype": 0},
        {"dtype": 99},
        {"flags": 4},
        {"axes": 8},
        {"axes": 2},
        {"channels": 0},
        {"channels": 5},
        {"target": 1},
        {"target": 9},
        {"level": 77},
        {"extent": (0, 1, 1, 1)},
        {"extent": (1, 1, 1, 1)},
        {"extent": (1 << 33, 5, 12, 14)},
        {"shape": (1 << 60,) * 7},
        {"shape": (5, 12, 14, 2)},
        {"shape": (1 << 20, 1 << 10, 1 << 10), "extent": (1, 1 << 20, 1 << 10, 1 << 10)},
    ],
    ids=str,
)
def test_impossible_headers(changes: dict[str, Any]) -> None:
    front, _, entry, payload = parts_of(BLOBS["stored"])
    same = joined(front, array_header() + entry.pack(), payload)
    assert Reader(same).arrays[0].layout.shape == ARRAY.shape
    with pytest.raises(voxz.CorruptError):
        voxz.decode(joined(front, array_header(**changes) + entry.pack(), payload))


@pytest.mark.parametrize(
    "changes",
    [
        {"arrays": 0},
        {"arrays": 2},
        {"arrays": (1 << 32) - 1},
        {"catalogue_length": 1},
        {"catalogue_raw_length": 1},
        {"catalogue_length": (1 << 32) - 1},
        {"length": 70},
        {"length": 0},
    ],
    ids=str,
)
def test_impossible_fronts(changes: dict[str, Any]) -> None:
    with pytest.raises(voxz.VoxzError):
        voxz.verify(with_front(BLOBS["stored"], **changes))


@pytest.mark.parametrize("changes", [{"crc32": 5}, {"length": 7}, {"length": (1 << 32) - 1}], ids=str)
def test_impossible_entries(changes: dict[str, Any]) -> None:
    with pytest.raises(voxz.CorruptError):
        voxz.decode(with_entry(BLOBS["stored"], **changes))


def test_an_unknown_codec_asks_for_a_newer_version() -> None:
    with pytest.raises(voxz.UnsupportedError, match=r"file format 1\.0 does not have"):
        voxz.decode(with_entry(BLOBS["stored"], codec=250))


def test_tables_come_before_bricks() -> None:
    """Room for what bricks share: a reader that needs none of the tables passes them by."""
    front, header, entry, payload = parts_of(BLOBS["stored"])
    table = Entry(0, zlib.crc32(b"table"), 5)
    blob = joined(front, replace(header, tables=1).pack() + table.pack() + entry.pack(), b"table" + payload)
    assert np.array_equal(voxz.decode(blob), ARRAY)
    with Reader(blob) as reader:
        assert reader.arrays[0].table(0) == b"table"


def test_wrong_checksum_of_the_whole_is_noticed() -> None:
    front, header, entry, payload = parts_of(BLOBS["stored"])
    wrong = joined(front, replace(header, samples_sha256=bytes(32)).pack() + entry.pack(), payload)
    with pytest.raises(voxz.CorruptError, match="SHA-256"):
        voxz.decode(wrong)


def test_wrong_checksum_of_the_files_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "a.nii").write_bytes(nifti((8, 8))[1])
    voxz.compress(tmp_path / "a.nii", tmp_path / "a.voxz")
    with pytest.raises(voxz.CorruptError, match="SHA-256"):
        voxz.verify(with_front((tmp_path / "a.voxz").read_bytes(), files_sha256=bytes(32)))


def test_a_file_says_nothing_about_its_maker(tmp_path: Path) -> None:
    (tmp_path / "secret-name.nii").write_bytes(nifti((8, 8))[1])
    for name in ("one.voxz", "two.voxz"):
        voxz.compress(tmp_path / "secret-name.nii", tmp_path / name)
    assert (tmp_path / "one.voxz").read_bytes() == (tmp_path / "two.voxz").read_bytes()
    assert b"secret" not in (tmp_path / "one.voxz").read_bytes()
