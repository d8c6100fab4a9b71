"""Streams of libdeflate: made again by imagecodecs, at every level; without it, samples can still be read."""

import io
import sys
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile

import voxz
from samples import smooth
from voxz.errors import MissingDependencyError, RepackingError
from voxz.io.packings import deflate, libdeflate
from voxz.volume.layout import Layout

SAMPLES = np.concatenate([smooth((12, 80, 80)), np.zeros((40, 80, 80), np.int16), smooth((12, 80, 80), seed=1)])
LAYOUT = Layout(SAMPLES.shape, SAMPLES.dtype, first_axis_fastest=False)


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("level", range(libdeflate.HIGHEST + 1))
def test_every_level_is_made_again(level: int, raw: bool) -> None:
    samples = SAMPLES.tobytes()
    data = bytes(imagecodecs.deflate_encode(samples, level=level, raw=raw))
    found = deflate.unpack(data, LAYOUT)
    assert found is not None
    assert found[0] == samples
    assert len(found[1]) < 60
    assert deflate.pack(samples, found[1], LAYOUT) == data


def tiff() -> bytes:
    file, pages = io.BytesIO(), SAMPLES[:4].view(np.uint16)
    tifffile.imwrite(file, pages, photometric="minisblack", compression="deflate", rowsperstrip=16, compressionargs={"level": 1})
    return file.getvalue()


def test_other_streams_are_not_taken_for_it() -> None:
    samples = SAMPLES.tobytes()
    data = bytearray(imagecodecs.deflate_encode(samples, level=6))
    other = bytes(imagecodecs.zlibng_encode(samples, level=1)) if hasattr(imagecodecs, "zlibng_encode") else b""
    data[-1] ^= 1
    assert deflate.unpack(bytes(data[:-9]), LAYOUT) is None
    found = deflate.unpack(other, LAYOUT)
    assert found is None or deflate.pack(samples, found[1], LAYOUT) == other


def test_a_tiff_by_libdeflate_is_an_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.tif").write_bytes(tiff())
    (folder / "b.txt").write_bytes(b"text")
    voxz.compress(folder, tmp_path / "a.voxz", level=1)
    assert (tmp_path / "a.voxz").stat().st_size < len(tiff())
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "out")
    assert (tmp_path / "out/a.tif").read_bytes() == tiff()
    with monkeypatch.context() as patch:
        patch.setattr(libdeflate, "packed", lambda content, level: content[: level + 1])
        with pytest.raises(RepackingError, match=r"cannot make a\.tif of 2 files"):
            voxz.decompress(tmp_path / "a.voxz", tmp_path / "other")
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with pytest.raises(MissingDependencyError, match=r"a\.tif of 2 files: .*pip install 'voxz\[formats\]'"):
        voxz.decompress(tmp_path / "a.voxz", tmp_path / "back")
    assert [path.name for path in (tmp_path / "back").iterdir()] == ["b.txt"]
    with voxz.open(tmp_path / "a.voxz") as archive:
        (image,) = archive.series
        assert np.array_equal(image[...].T, SAMPLES[:4].view(np.uint16))
    voxz.compress(folder, tmp_path / "without.voxz", level=1)
    voxz.decompress(tmp_path / "without.voxz", tmp_path / "again")
    assert (tmp_path / "again/a.tif").read_bytes() == tiff()
