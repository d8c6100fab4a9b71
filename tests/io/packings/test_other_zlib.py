"""Where zlib packs differently when files are restored: nothing wrong comes back, the rest does, and samples can be read."""

import gzip
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from pydicom import uid

import voxz
from dicoms import slice_of, written
from samples import smooth
from voxz.errors import MissingDependencyError, RepackingError
from voxz.io.packings import zlib_replay, zlib_stream

image_module = pytest.importorskip("PIL.Image")

SAMPLES = (smooth((3, 40, 50)) + 1000).astype("<u2")


def tiff_of_one_strip(picture: np.ndarray) -> bytes:
    """A deflated page, as small as the format allows."""
    strip = zlib.compress(picture.tobytes(), 6)
    height, width = picture.shape
    tags = [(256, width), (257, height), (258, 16), (259, 8), (262, 1), (273, 8), (277, 1), (278, height), (279, len(strip))]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return struct.pack("<2sHI", b"II", 42, 8 + len(strip)) + strip + struct.pack("<H", len(tags)) + entries + bytes(4)


def files() -> dict[str, bytes]:
    """A file of each kind of deflate within a file."""
    raw = SAMPLES.tobytes()
    nrrd = "NRRD0004\ntype: uint16\ndimension: 3\nsizes: 50 40 3\nendian: little\nencoding: gzip\n\n"
    meta = "ObjectType = Image\nNDims = 3\nDimSize = 50 40 3\nElementType = MET_USHORT\nCompressedData = True\n"
    png = io.BytesIO()
    image_module.fromarray(SAMPLES[0]).save(png, "png")
    return {
        "a.nrrd": nrrd.encode() + gzip.compress(raw, 6, mtime=0),
        "a.mha": f"{meta}CompressedDataSize = {len(zlib.compress(raw))}\nElementDataFile = LOCAL\n".encode() + zlib.compress(raw),
        "a.png": png.getvalue(),
        "a.tif": tiff_of_one_strip(SAMPLES[0]),
        "a.dcm": written(slice_of(SAMPLES[0], uid.DeflatedExplicitVRLittleEndian)),
    }


def another_zlib(patch: pytest.MonkeyPatch) -> None:
    compressor = zlib_replay.ZlibOptions.compressor
    level = zlib_replay.ZlibOptions(1, 1)
    patch.setattr(zlib_replay.ZlibOptions, "compressor", lambda self, before=b"": compressor(level, before))


FILES = files()


@pytest.mark.filterwarnings("ignore::voxz.errors.PersonalDataWarning")
@pytest.mark.parametrize("name", FILES)
def test_a_file_is_not_made_and_the_words_say_why(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / name).write_bytes(FILES[name])
    voxz.compress(tmp_path / name, tmp_path / "a.voxz", level=1)
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "same")
    assert (tmp_path / "same").read_bytes() == FILES[name]
    assert voxz.info(tmp_path / "a.voxz").arrays == 1
    another_zlib(monkeypatch)
    with pytest.raises(
        RepackingError, match=r"the zlib of this Python, .* packs differently.*cannot make the file again.*voxz\.open"
    ):
        voxz.decompress(tmp_path / "a.voxz", tmp_path / "back")
    assert not (tmp_path / "back").exists()
    opened = voxz.open(tmp_path / "a.voxz")[...]
    expected = SAMPLES if opened.ndim == 3 else SAMPLES[0]
    assert np.array_equal(opened.T if opened.shape != expected.shape else opened, expected)


@pytest.mark.filterwarnings("ignore::voxz.errors.PersonalDataWarning")
def test_the_rest_of_a_folder_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "study"
    folder.mkdir()
    others = {"notes.txt": b"text", "plain.npy": b"", "a.txt.gz": gzip.compress(b"text" * 999, 6)}
    np.save(folder / "plain.npy", SAMPLES)
    others["plain.npy"] = (folder / "plain.npy").read_bytes()
    for name, data in (others | FILES).items():
        (folder / name).write_bytes(data)
    voxz.compress(folder, tmp_path / "a.voxz", level=1)
    another_zlib(monkeypatch)
    with (
        pytest.warns(voxz.errors.PlainBytesWarning, match=r"a\.txt\.gz: this zlib packs differently"),
        pytest.raises(RepackingError, match=r"cannot make a\..* and 4 more of 8 files again"),
    ):
        voxz.decompress(tmp_path / "a.voxz", tmp_path / "back")
    assert {path.name for path in (tmp_path / "back").iterdir()} == set(others)
    assert (tmp_path / "back/plain.npy").read_bytes() == others["plain.npy"]
    assert gzip.decompress((tmp_path / "back/a.txt.gz").read_bytes()) == b"text" * 999
    with pytest.raises(RepackingError):
        voxz.verify(tmp_path / "a.voxz")


def test_so_it_does_without_the_package_that_packs_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "a.png").write_bytes(FILES["a.png"])
    (folder / "notes.txt").write_bytes(b"text")
    voxz.compress(folder, tmp_path / "a.voxz", level=1)

    def missing(data: bytes, crc32: int) -> bytes:
        raise MissingDependencyError(f"{len(data)} bytes, {crc32}: install it")

    monkeypatch.setattr(zlib_stream, "refuse_repacked", missing)
    with pytest.raises(MissingDependencyError, match=r"a\.png of 2 files: .*install it"):
        voxz.decompress(tmp_path / "a.voxz", tmp_path / "back")
    assert [path.name for path in (tmp_path / "back").iterdir()] == ["notes.txt"]
