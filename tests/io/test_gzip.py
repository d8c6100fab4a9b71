"""What comes back of gzip: the same content always, the same bytes where zlib makes them again."""

import gzip
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import voxz
from samples import digest, nifti, smooth, write_gzip
from voxz.cli.text import info_text
from voxz.container.cursor import Cursor
from voxz.errors import ContentOnlyWarning, CorruptError, PlainBytesWarning
from voxz.io.gzip_members import GzipAgain, repacking_of
from voxz.io.names import compressed_name, restored_name
from voxz.io.packings import zlib_replay

DATA = nifti((40, 40, 100), samples=smooth((100, 40, 40)).tobytes())[1]
BLOCK = 1 << 17

PLAIN_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\3"


def member(content: bytes, level: int = 6, memory_level: int = 8, strategy: int = 0, header: bytes = PLAIN_HEADER) -> bytes:
    """One member by zlib with these options."""
    packer = zlib.compressobj(level, zlib.DEFLATED, -15, memory_level, strategy)
    return header + packer.compress(content) + packer.flush() + trailer(content)


def trailer(content: bytes) -> bytes:
    return struct.pack("<II", zlib.crc32(content), len(content))


def pigz(content: bytes, level: int = 6, alone: bool = False) -> bytes:
    """As pigz packs: blocks that are compressed alone and flushed, the last one to the end."""
    out, before = b"\x1f\x8b\x08\x08\1\2\3\4\0\3scan.nii\0", b""
    for start in range(0, len(content), BLOCK):
        block = content[start : start + BLOCK]
        packer = zlib.compressobj(level, zlib.DEFLATED, -15, 8, 0, before) if before else zlib.compressobj(level, wbits=-15)
        out += packer.compress(block) + packer.flush(zlib.Z_SYNC_FLUSH if start + BLOCK < len(content) else zlib.Z_FINISH)
        before = b"" if alone else block[-(1 << 15) :]
    return out + trailer(content)


def bgzf(content: bytes) -> bytes:
    """Members of 65280 bytes that tell their size, and an empty one."""
    out = b""
    for start in range(0, len(content) + 65280, 65280):
        part = content[start : start + 65280]
        packed = member(part)[10:]
        out += b"\x1f\x8b\x08\4\0\0\0\0\0\xff\6\0BC\2\0" + struct.pack("<H", len(packed) + 17) + packed
    return out


def stored(content: bytes) -> bytes:
    """Blocks without compression, of odd lengths."""
    out, lengths = b"\x1f\x8b\x08\0\0\0\0\0\0\3", [1000, 0, 65535]
    while content_left := len(content) - sum(lengths):
        lengths.append(min(content_left, 40_001))
    at = 0
    for number, length in enumerate(lengths):
        out += struct.pack("<BHH", number == len(lengths) - 1, length, length ^ 0xFFFF) + content[at : at + length]
        at += length
    return out + trailer(content)


def foreign(content: bytes) -> bytes:
    """Deflate that no options give: flushed in the middle."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    return (
        packer.compress(content[:70_001]) + packer.flush(zlib.Z_FULL_FLUSH) + packer.compress(content[70_001:]) + packer.flush()
    )


EVERYTHING = b"\x1f\x8b\x08\x1f\1\2\3\4\4\7" + b"\3\0abc" + b"name\0" + b"comment\0"

HEADERS = {
    "name": b"\x1f\x8b\x08\x08\1\2\3\4\2\xffscan.nii\0",
    "all fields": EVERYTHING + (zlib.crc32(EVERYTHING) & 0xFFFF).to_bytes(2, "little"),
    "other system": b"\x1f\x8b\x08\0\0\0\0\0\0\x13",
}

WAYS: dict[str, Callable[[bytes], bytes]] = {
    **{f"level {level}": lambda content, level=level: member(content, level) for level in range(1, 10)},  # type: ignore[misc]
    **{f"memory 9, level {level}": lambda content, level=level: member(content, level, 9) for level in (1, 6)},  # type: ignore[misc]
    **{f"strategy {n}": lambda content, n=n: member(content, 6, 8, n) for n in (1, 2, 3, 4)},  # type: ignore[misc]
    **{name: lambda content, head=head: member(content, 6, header=head) for name, head in HEADERS.items()},  # type: ignore[misc]
    "nibabel": lambda content: gzip.compress(content, 1),
    "pigz": pigz,
    "pigz -9": lambda content: pigz(content, 9),
    "pigz -i": lambda content: pigz(content, alone=True),
    "two members": lambda content: member(content[:99_999], 1) + member(content[99_999:], 9, 9),
    "bgzf": bgzf,
    "stored": stored,
    "stored, then not": lambda content: stored(content[:200_000]) + member(content[200_000:]),
}


@pytest.mark.parametrize("level", [1, 6, 9])
def test_canonical_gzip_is_identical_and_costs_no_header(level: int, tmp_path: Path) -> None:
    source = write_gzip(tmp_path / "a.nii.gz", DATA, level=level)
    found = repacking_of(source)
    assert found is not None
    assert (found.gzip.level, found.gzip.exact, found.before) == (level, True, b"")
    voxz.compress(source, tmp_path / "a.voxz", level=1)
    facts = voxz.info(tmp_path / "a.voxz").to_dict()
    assert (facts["gzip"], facts["gzip_identical"], facts["gzip_level"]) == (True, True, level)
    assert facts["gzip_files"] == {"": "replayed"}
    assert "gzip bytes         replayed" in info_text(voxz.info(tmp_path / "a.voxz"))
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "b.nii.gz")
    assert digest(tmp_path / "b.nii.gz") == digest(source)


@pytest.mark.parametrize("way", WAYS)
def test_gzip_of_every_kind_is_made_again(way: str, tmp_path: Path) -> None:
    check(way, DATA, tmp_path)


@pytest.mark.parametrize("way", ["level 6", "strategy 2", "pigz", "two members", "bgzf", "stored"])
@pytest.mark.parametrize("content", [DATA[:50_000], bytes(700_000), np.random.default_rng(0).bytes(300_000)])
def test_gzip_of_short_empty_and_random_content_is_made_again(way: str, content: bytes, tmp_path: Path) -> None:
    check(way, content, tmp_path)


def test_levels_that_part_only_behind_noise_are_told_apart(tmp_path: Path) -> None:
    check("level 7", np.random.default_rng(0).bytes(300_000) + DATA, tmp_path)


def check(way: str, content: bytes, tmp_path: Path) -> None:
    """What was found makes the very file, whatever parts the content comes in."""
    if "members" in way or way.startswith("stored"):
        content = content * (1 + 300_000 // len(content))
    source, again = tmp_path / "a.gz", tmp_path / "b.gz"
    source.write_bytes(WAYS[way](content))
    assert gzip.decompress(source.read_bytes()) == content
    found = repacking_of(source)
    assert found is not None
    assert found.gzip.exact
    assert len(found.before) < 40 + len(content) // 1000
    with again.open("wb") as file:
        packer = GzipAgain(file, found)
        for at in range(0, len(content), 77_777):
            packer.write(content[at : at + 77_777])
        assert packer.finish() == found.crc32 == zlib.crc32(source.read_bytes())
    assert again.read_bytes() == source.read_bytes()


@pytest.mark.parametrize("way", ["name", "pigz", "pigz -i", "bgzf", "stored", "nibabel"])
def test_a_volume_in_any_gzip_comes_back_alone_and_in_a_folder(way: str, tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    source = tmp_path / "study/a_b.nii.gz"
    source.write_bytes(WAYS[way](DATA) + b"behind")
    with pytest.warns(voxz.errors.TrailingBytesWarning):
        voxz.compress(source, tmp_path / "a.voxz", level=1)
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "b.nii.gz")
    assert (tmp_path / "b.nii.gz").read_bytes() == source.read_bytes()
    voxz.compress(tmp_path / "study", tmp_path / "study.voxz", level=1)
    facts = voxz.info(tmp_path / "study.voxz")
    assert (facts.arrays, facts.gzip_files) == (1, {"a_b.nii.gz": "replayed"})
    assert "gzip replayed      a_b.nii.gz" in info_text(facts)
    voxz.decompress(tmp_path / "study.voxz", tmp_path / "back")
    assert (tmp_path / "back/a_b.nii.gz").read_bytes() == source.read_bytes()


def test_gzip_of_other_programs_keeps_its_content(tmp_path: Path) -> None:
    source = tmp_path / "a.nii.gz"
    source.write_bytes(foreign(DATA))
    with pytest.warns(ContentOnlyWarning, match=r"a\.nii\.gz: zlib does not make its gzip stream again.*--keep-gz"):
        voxz.compress(source, tmp_path / "a.voxz", level=1)
    facts = voxz.info(tmp_path / "a.voxz")
    assert (facts.gzip, facts.gzip_identical, facts.gzip_files) == (True, False, {"": "content only"})
    assert "gzip bytes         content only" in info_text(facts)
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "b.nii.gz")
    assert digest(tmp_path / "b.nii.gz") == digest(write_gzip(tmp_path / "c.nii.gz", DATA))


def test_gzip_of_other_programs_is_kept_if_asked_for_and_in_folders(tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    source = tmp_path / "study/a.nii.gz"
    source.write_bytes(foreign(DATA))
    with pytest.warns(PlainBytesWarning, match="zlib does not make its gzip stream again; kept as plain bytes"):
        voxz.compress(source, tmp_path / "a.voxz", keep_gz=True)
    assert voxz.info(tmp_path / "a.voxz").gzip_files == {"": "verbatim"}
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "b.nii.gz")
    assert (tmp_path / "b.nii.gz").read_bytes() == source.read_bytes()
    voxz.compress(tmp_path / "study", tmp_path / "study.voxz")
    assert voxz.info(tmp_path / "study.voxz").gzip_files == {"a.nii.gz": "verbatim"}
    voxz.decompress(tmp_path / "study.voxz", tmp_path / "back")
    assert (tmp_path / "back/a.nii.gz").read_bytes() == source.read_bytes()


def test_what_can_be_made_again_is_an_image_also_where_gzip_is_kept(tmp_path: Path) -> None:
    source = write_gzip(tmp_path / "a.nii.gz", DATA, name="a.nii", mtime=9)
    voxz.compress(source, tmp_path / "a.voxz", level=1, keep_gz=True)
    assert voxz.open(tmp_path / "a.voxz").shape == (40, 40, 100)


@pytest.mark.parametrize("pack", [gzip.compress, foreign])
def test_a_single_mgz_is_an_image(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    samples = smooth((40, 30, 50)).astype(np.int16)
    image = nibabel.MGHImage(samples, np.diag([2.0, 3, 4, 1]))
    (tmp_path / "a.mgz").write_bytes(pack(image.to_bytes()))
    packed = compressed_name(tmp_path / "a.mgz")
    if pack is foreign:
        with pytest.warns(ContentOnlyWarning):
            voxz.compress(tmp_path / "a.mgz", packed)
    else:
        voxz.compress(tmp_path / "a.mgz", packed)
    opened = voxz.open(packed)
    assert np.array_equal(opened[...], samples)
    assert opened.affine is not None
    assert np.allclose(np.diag(opened.affine), [2, 3, 4, 1])
    assert restored_name(packed) == tmp_path / "a.mgz"
    voxz.decompress(packed, restored_name(packed), force=True)
    assert gzip.decompress((tmp_path / "a.mgz").read_bytes()) == image.to_bytes()
    voxz.decompress(packed, tmp_path / "a.mgh")
    assert (tmp_path / "a.mgh").read_bytes() == image.to_bytes()


def test_another_zlib_gives_the_content_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "study").mkdir()
    source = write_gzip(tmp_path / "study/a.nii.gz", DATA, name="a.nii")
    voxz.compress(source, tmp_path / "a.voxz", level=1)
    voxz.compress(tmp_path / "study", tmp_path / "study.voxz", level=1)
    compressor = zlib_replay.ZlibOptions.compressor
    monkeypatch.setattr(
        zlib_replay.ZlibOptions, "compressor", lambda self, before=b"": compressor(zlib_replay.ZlibOptions(2), before)
    )
    with pytest.warns(PlainBytesWarning, match=r"b\.nii\.gz: this zlib packs differently: its content is that of the original"):
        voxz.decompress(tmp_path / "a.voxz", tmp_path / "b.nii.gz")
    with pytest.warns(PlainBytesWarning, match="this zlib packs differently"):
        voxz.decompress(tmp_path / "study.voxz", tmp_path / "back")
    for restored in (tmp_path / "b.nii.gz", tmp_path / "back/a.nii.gz"):
        assert restored.read_bytes() != source.read_bytes()
        assert gzip.decompress(restored.read_bytes()) == DATA


@given(st.binary(max_size=60))
def test_damaged_settings_are_errors(data: bytes) -> None:
    try:
        replay = zlib_replay.replay(Cursor(data))
        replay.write(bytes(200_000))
        replay.finish()
    except CorruptError:
        pass


def test_trying_options_of_zlib_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compressing is bounded: all options see 256 kB at most, whatever the length of the file."""
    (tmp_path / "a.gz").write_bytes(foreign(DATA * 9))
    given_bytes = 0
    compressor = zlib_replay.ZlibOptions.compressor

    class Counted:
        def __init__(self, inner: Any) -> None:
            self._inner = inner

        def compress(self, data: bytes) -> bytes:
            nonlocal given_bytes
            given_bytes += len(data)
            out: bytes = self._inner.compress(data)
            return out

        def copy(self) -> "Counted":
            return Counted(self._inner.copy())

        def flush(self, *mode: int) -> bytes:
            out: bytes = self._inner.flush(*mode)
            return out

    monkeypatch.setattr(zlib_replay.ZlibOptions, "compressor", lambda self, before=b"": Counted(compressor(self, before)))
    found = repacking_of(tmp_path / "a.gz")
    assert found is not None
    assert not found.gzip.exact
    assert given_bytes < 60 * 256 * 1024


def test_a_single_file_of_no_known_content_is_not_read_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "a.tar.gz"
    source.write_bytes(gzip.compress(b"no image" * 99_999))
    monkeypatch.setattr("voxz.io.tree.scan.MemberSearch", None)
    with pytest.warns(PlainBytesWarning):
        voxz.compress(source, tmp_path / "a.voxz")
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "b.tar.gz")
    assert (tmp_path / "b.tar.gz").read_bytes() == source.read_bytes()
