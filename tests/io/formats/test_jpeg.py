"""JPEG files, alone, in folders and in DICOM: fewer bytes by libjxl, and every one of them back."""

import io
import sys
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from pydicom import uid
from pydicom.encaps import encapsulate
from typer.testing import CliRunner

import voxz
from dicoms import slice_of, written
from samples import contents, nifti, smooth
from voxz.cli.app import app
from voxz.container.files import Samples
from voxz.container.reader import Reader
from voxz.errors import CorruptError, LimitError, MissingDependencyError, RepackingError
from voxz.io.foreign_file import NO_SAMPLES
from voxz.io.packings import jpeg

Y, X = np.mgrid[:320, :400]
PICTURE = (
    (128 + 80 * np.sin(X / 19) * np.cos(Y / 23) + np.random.default_rng(0).normal(0, 8, X.shape)).clip(0, 255).astype(np.uint8)
)
STREAM = bytes(imagecodecs.jpeg8_encode(PICTURE, level=90))

pytestmark = pytest.mark.filterwarnings("ignore::voxz.errors.PersonalDataWarning")


def dicom() -> bytes:
    """Three frames, the last in two fragments."""
    data = slice_of(PICTURE, NumberOfFrames=3)
    data.file_meta.TransferSyntaxUID = uid.JPEGBaseline8Bit
    whole = encapsulate([STREAM, bytes(imagecodecs.jpeg8_encode(PICTURE[::-1].copy(), level=95))])
    halves = encapsulate([STREAM[:2000], STREAM[2000:]], has_bot=False)[8:]
    data.PixelData = whole + halves
    data["PixelData"].VR = "OB"
    return written(data)


def folder(place: Path) -> Path:
    """A JPEG file, a DICOM file, a volume and a text."""
    place.mkdir()
    (place / "a.jpg").write_bytes(STREAM)
    (place / "b.dcm").write_bytes(dicom())
    (place / "c.nii").write_bytes(nifti((20, 30, 10), samples=smooth((10, 30, 20)).tobytes())[1])
    (place / "d.txt").write_bytes(b"text")
    return place


def test_a_folder_comes_back_and_is_smaller(tmp_path: Path) -> None:
    source = folder(tmp_path / "in")
    voxz.compress(source, tmp_path / "a.voxz", level=1)
    voxz.verify(tmp_path / "a.voxz")
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "out")
    assert contents(tmp_path / "out") == contents(source)
    with Reader(tmp_path / "a.voxz") as reader:
        streams = [
            (file.name, part) for file in reader.files for part in file.segments if isinstance(part, Samples) and not part.count
        ]
    lengths = {name: sum(part.length for of, part in streams if of == name) for name, _ in streams}
    assert lengths["a.jpg"] == len(STREAM)
    assert lengths["b.dcm"] > 2 * len(STREAM)
    assert sum(part.how for _, part in streams) < 0.85 * sum(lengths.values())
    with voxz.open(tmp_path / "a.voxz") as archive:
        assert [image.name for image in archive.series] == ["c.nii"]
        for name in ("a.jpg", "b.dcm"):
            assert archive.read(name) == (source / name).read_bytes()


def test_a_file_alone_comes_back(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(STREAM)
    voxz.compress(tmp_path / "a.jpg", tmp_path / "a.voxz")
    assert (tmp_path / "a.voxz").stat().st_size < 0.9 * len(STREAM)
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "b.jpg")
    assert (tmp_path / "b.jpg").read_bytes() == STREAM
    with voxz.open(tmp_path / "a.voxz") as archive:
        assert not len(archive.series)


def test_file_by_file_it_stays_as_it_is(tmp_path: Path) -> None:
    source = folder(tmp_path / "in")
    (source / "a_2.jpg").write_bytes(STREAM)
    for verb, place, target in (("compress", "in", "packed"), ("decompress", "packed", "out")):
        done = CliRunner().invoke(app, [verb, "-r", str(tmp_path / place), "-o", str(tmp_path / target)])
        assert done.exit_code == 0, done.output
    assert (tmp_path / "packed/a.jpg").read_bytes() == STREAM
    assert contents(tmp_path / "out") == contents(source)


def test_without_the_package_the_words_say_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = folder(tmp_path / "in")
    voxz.compress(source, tmp_path / "a.voxz", level=1)
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with pytest.raises(MissingDependencyError, match=r"b\.dcm and 1 more of 4 files: .*pip install 'voxz\[formats\]'"):
        voxz.decompress(tmp_path / "a.voxz", tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"c.nii", "d.txt"}
    voxz.compress(source, tmp_path / "without.voxz", level=1)
    voxz.decompress(tmp_path / "without.voxz", tmp_path / "again")
    assert contents(tmp_path / "again") == contents(source)


def test_another_libjxl_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    found = jpeg.unpack(STREAM, NO_SAMPLES)
    assert found is not None
    monkeypatch.setattr(imagecodecs, "jpegxl_decode_jpeg", lambda data: data[:-1])
    with pytest.raises(RepackingError, match="libjxl"):
        jpeg.pack(b"", found[1], NO_SAMPLES)


def test_damaged_streams_end_in_words() -> None:
    found = jpeg.unpack(STREAM, NO_SAMPLES)
    assert found is not None
    rng = np.random.default_rng(0)
    for _ in range(60):
        data = bytearray(found[1])
        for at in rng.integers(0, 120 if rng.random() < 0.5 else len(data), 2):
            data[at] = rng.integers(256)
        with pytest.raises((CorruptError, RepackingError, LimitError)):
            jpeg.pack(b"", bytes(data[: rng.integers(len(data))]), NO_SAMPLES)
    with pytest.raises(CorruptError):
        jpeg.pack(b"1", found[1], NO_SAMPLES)


@pytest.mark.parametrize("shape", [(1, 1), (8, 64), (333, 111), (120, 160), (90, 160), (1000, 2000)])
def test_the_size_of_a_picture_is_known(shape: tuple[int, int]) -> None:
    stream = bytes(imagecodecs.jpeg8_encode(np.zeros(shape, np.uint8)))
    packed = bytes(imagecodecs.jpegxl_encode_jpeg(stream))
    assert jpeg.pixels_of(packed) == shape[0] * shape[1]


def test_other_streams_stay_as_they_are() -> None:
    lossless = bytes(imagecodecs.jpeg8_encode(PICTURE, lossless=True))
    for data in (lossless, STREAM[:-500], b"\xff\xd8\xff", io.BytesIO().getvalue()):
        assert jpeg.unpack(data, NO_SAMPLES) is None or data == STREAM[:-500]
