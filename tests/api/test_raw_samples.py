"""Samples without a header: what the user says about them makes a volume of them, and every byte comes back."""

import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import voxz
from samples import contents, nifti, smooth
from voxz.errors import UsageError
from voxz.io.raw import layout_of

VOLUME = smooth((10, 9, 8))


def back(packed: Path, name: str = "back.raw") -> bytes:
    voxz.decompress(packed, packed.with_name(name), force=True)
    return packed.with_name(name).read_bytes()


@pytest.mark.parametrize("order", ["F", "C"])
@pytest.mark.parametrize("dtype", ["int16", "<i2", ">u2", "uint8", "float32", "complex64", "bool"])
def test_raw_samples_are_a_volume(tmp_path: Path, dtype: str, order: str) -> None:
    volume = (VOLUME % 2 if dtype == "bool" else VOLUME // 9).astype(np.dtype(dtype))
    (tmp_path / "a.raw").write_bytes(volume.tobytes())
    shape = "8x9x10" if order == "F" else "10x9x8"
    voxz.compress(tmp_path / "a.raw", tmp_path / "a.voxz", raw=f"{shape},{dtype},{order}")
    with voxz.open(tmp_path / "a.voxz") as image:
        assert image.dtype == volume.dtype
        assert np.array_equal(image[...], volume.T if order == "F" else volume)
    assert voxz.info(tmp_path / "a.voxz").original == "raw"
    assert back(tmp_path / "a.voxz") == volume.tobytes()


@pytest.mark.parametrize("ending", ["raw", "raw.gz", "img", "nii"])
def test_names_and_gzip_do_not_matter(tmp_path: Path, ending: str) -> None:
    (tmp_path / "a.hdr").write_bytes(nifti((8, 9, 10), pair=True)[0])
    data = gzip.compress(VOLUME.tobytes(), mtime=0) if ending.endswith("gz") else VOLUME.tobytes()
    (tmp_path / f"a.{ending}").write_bytes(data)
    voxz.compress(tmp_path / f"a.{ending}", tmp_path / "a.voxz", raw="8x9x10,int16,F")
    again = back(tmp_path / "a.voxz", f"back.{ending}")
    assert (gzip.decompress(again) if ending.endswith("gz") else again) == VOLUME.tobytes()


def test_a_lossy_file_keeps_its_bound_and_its_mark(tmp_path: Path) -> None:
    (tmp_path / "a.raw").write_bytes(VOLUME.tobytes())
    voxz.compress(tmp_path / "a.raw", tmp_path / "a.voxz", raw="8x9x10,int16,F", target=voxz.MaxError(3))
    once = back(tmp_path / "a.voxz")
    assert np.abs(np.frombuffer(once, "<i2", VOLUME.size) - VOLUME.ravel().astype(np.int64)).max() <= 3
    voxz.compress(tmp_path / "back.raw", tmp_path / "b.voxz", raw="8x9x10,int16,F")
    assert back(tmp_path / "b.voxz") == once
    assert voxz.info(tmp_path / "b.voxz").lossy_before


@pytest.mark.parametrize(
    ("size", "raw", "words"),
    [
        (1440, "8x9x11,int16,F", "a.raw has 1440 bytes, but 8x9x11 samples of int16 take 1584; give the shape"),
        (1440, "8x9x9,int16,F", "a.raw has 1440 bytes, but 8x9x9 samples of int16 take 1296; give the shape"),
        (1440, "8x9x10,int16", "expected SHAPE,DTYPE,ORDER such as 512x512x300,int16,F"),
        (1440, "8x9x10,int16,A", "the order is F if the first axis varies fastest, C if the last one does"),
        (1440, "8x9x10,short12,F", "'short12' is no type of NumPy"),
        (1440, "8x9x10,U4,F", "cannot be stored"),
        (1440, "8x0x10,int16,F", "no axis has the length 0"),
        (1440, "8*9*10,int16,F", "expected SHAPE"),
        (1440, "1x1x1x1x1x1x1x720,int16,C", "at most 7 axes"),
        (0, "8x9x10,int16,C", "a.raw has 0 bytes"),
    ],
)
def test_what_is_said_must_fit(tmp_path: Path, size: int, raw: str, words: str) -> None:
    (tmp_path / "a.raw").write_bytes(VOLUME.tobytes()[:size])
    with pytest.raises(UsageError) as found:
        voxz.compress(tmp_path / "a.raw", tmp_path / "a.voxz", raw=raw)
    assert words in str(found.value)
    assert not (tmp_path / "a.voxz").exists()


@pytest.mark.parametrize("shape", ["8x9x9", "8x9x11"])
def test_the_size_inside_gzip_must_fit(tmp_path: Path, shape: str) -> None:
    (tmp_path / "a.raw.gz").write_bytes(gzip.compress(VOLUME.tobytes()))
    with pytest.raises(UsageError, match=r"has 1440 bytes, but .* take"):
        voxz.compress(tmp_path / "a.raw.gz", tmp_path / "a.voxz", raw=f"{shape},int16,F")


def test_raw_files_of_a_folder_with_headers_beside_them(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.raw").write_bytes(VOLUME.tobytes())
    (folder / "a.json").write_text('{"shape": [8, 9, 10]}')
    (folder / "b.bin").write_bytes((VOLUME + 1).tobytes())
    (folder / "b.hdr").write_text("ENVI")
    (folder / "c.nii").write_bytes(nifti((8, 9, 10))[1])
    voxz.compress(folder, tmp_path / "a.voxz", raw="8x9x10,int16,F")
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "again")
    assert contents(tmp_path / "again") == contents(folder)
    with voxz.open(tmp_path / "a.voxz") as archive:
        assert [(image.name, image.format) for image in archive.series] == [
            ("a.raw", "raw"),
            ("b.bin", "raw"),
            ("c.nii", "nifti"),
        ]
        assert np.array_equal(archive.series[1][...], VOLUME.T + 1)
    with pytest.raises(UsageError, match=r"no file has the 2880 bytes .*; the nearest size of one without a header is 1440"):
        voxz.compress(folder, tmp_path / "b.voxz", raw="8x9x10,int32,F")


def test_the_command_takes_raw_samples(tmp_path: Path) -> None:
    (tmp_path / "a.raw").write_bytes(VOLUME.tobytes())
    for command in (["compress", "a.raw", "--raw", "8x9x10,int16,F"], ["decompress", "a.raw.voxz", "-o", "b.raw"]):
        subprocess.run([sys.executable, "-m", "voxz", *command], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "b.raw").read_bytes() == VOLUME.tobytes()


def test_the_order_of_bytes_is_said_or_little() -> None:
    assert layout_of("2x3,int16,C").dtype.str == "<i2"
    assert layout_of("2x3,>i2,c").dtype.str == ">i2"
