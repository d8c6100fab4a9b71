"""Files that are odd, damaged or no images at all: nothing is lost, and what others read is an image."""

import contextlib
import gzip
import io
import os
import threading
from pathlib import Path

import nibabel
import numpy as np
import pytest

import voxz
from samples import nifti
from voxz.errors import PlainBytesWarning, TrailingBytesWarning
from voxz.io.names import compressed_name, restored_name
from voxz.io.output import header_path


def patched(data: bytes, at: int, value: bytes) -> bytes:
    """`data` with other bytes in one place."""
    return data[:at] + value + data[at + len(value) :]


def broken() -> dict[str, tuple[bytes, str]]:
    """Files that contradict themselves, and what is said of them."""
    good = nifti((10, 9, 8))[1]
    far, strange, inside, huge = (bytearray(good) for _ in range(4))
    far[108:112] = np.float32(np.inf).tobytes()
    strange[70:72] = (99).to_bytes(2, "little")
    inside[108:112] = np.float32(100).tobytes()
    huge[40:56] = np.array([7, *[32767] * 7], "<i2").tobytes()
    zipped = gzip.compress(good, mtime=0)
    cases = {
        "empty": (b"", "is empty"),
        "text": (b"hello", "neither NIfTI nor"),
        "cut in its header": (good[:300], "header"),
        "cut": (good[:800], "has 448 bytes of samples, its header announces 1440"),
        "gzip, cut": (zipped[:-9], "ends early"),
        "gzip, flipped": (zipped[:60] + bytes([zipped[60] ^ 255]) + zipped[61:], "gzip"),
        "samples nowhere": (bytes(far), "samples at byte inf"),
        "samples in the header": (bytes(inside), "samples at byte 100"),
        "unknown type": (bytes(strange), "data type 99"),
        "impossible sizes": (bytes(huge), "impossible dimensions"),
    }
    for name, shape in (
        ("negative", "(-30, 20)"),
        ("huge", "(4611686018427387904, 9)"),
        ("open", "(30, 20"),
        ("deep", "(" * 5000),
    ):
        head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
        cases[f"npy, {name}"] = (
            b"\x93NUMPY\1\0" + len(head).to_bytes(2, "little") + head + bytes(99),
            r"npy header cannot be read",
        )
    return cases


def test_a_file_of_another_format_says_why_it_is_kept_as_it_is(tmp_path: Path) -> None:
    head = "NRRD0004\ntype: uint8\ndimension: 2\nsizes: 4 5\nencoding: raw\n"
    for name, text, words in (
        ("cut.nrrd", head + "\n123", "20 bytes"),
        ("a.nhdr", head + "data file: a.raw\n", r"is a header whose samples lie in a\.raw; give them all with -o NAME\.voxz"),
    ):
        (tmp_path / "a.raw").write_bytes(bytes(20))
        (tmp_path / name).write_text(text)
        with pytest.warns(PlainBytesWarning, match=words):
            voxz.compress(tmp_path / name, tmp_path / "a.voxz", force=True)
        with pytest.raises(voxz.VoxzError, match=words):
            voxz.compress(tmp_path / name, tmp_path / "b.voxz", strict=True)
    voxz.compress([tmp_path / "a.nhdr", tmp_path / "a.raw"], tmp_path / "both.voxz")
    assert voxz.open(tmp_path / "both.voxz").series[0].shape == (4, 5)


@pytest.mark.parametrize("case", broken())
def test_what_contradicts_itself_comes_back_byte_for_byte_with_a_warning(case: str, tmp_path: Path) -> None:
    data, words = broken()[case]
    source = tmp_path / "a.nii"
    source.write_bytes(data)
    with pytest.raises(voxz.VoxzError, match=words):
        voxz.compress(source, tmp_path / "strict.voxz", strict=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.nii"]
    with pytest.warns(PlainBytesWarning, match=f"{words}.*kept as plain bytes"):
        voxz.compress(source, tmp_path / "a.voxz")
    voxz.verify(tmp_path / "a.voxz")
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "b.nii.gz")
    assert (tmp_path / "b.nii.gz").read_bytes() == data
    with pytest.raises(voxz.UsageError, match="plain bytes cannot be given a size"):
        voxz.compress(source, tmp_path / "c.voxz", target=voxz.Ratio(4))


def test_a_damaged_pair_comes_back_with_both_files(tmp_path: Path) -> None:
    header, data = nifti((8, 7, 6), pair=True)
    (tmp_path / "a.hdr").write_bytes(header)
    (tmp_path / "a.img").write_bytes(data[:-1])
    with pytest.warns(PlainBytesWarning, match="ends early"):
        voxz.compress(tmp_path / "a.img", tmp_path / "a.voxz", remove=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.voxz"]
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "b.img")
    assert (tmp_path / "b.hdr").read_bytes() == header
    assert (tmp_path / "b.img").read_bytes() == data[:-1]


def odd() -> dict[str, tuple[str, bytes, tuple[int, ...]]]:
    """Headers that break the letter of the format and are read by nibabel, FSL or FreeSurfer: name, bytes, shape."""
    plain, two = nifti((8, 7, 6))[1], nifti((8, 7, 6), version=2)[1]
    four, rest, long = nifti((8, 7, 6, 3))[1], nifti((8, 7, 6), tail=b"rest")[1], nifti((40, 1, 1, 2))[1]
    return {
        "the magic of a pair": ("a.nii", patched(plain, 344, b"ni1\0"), (8, 7, 6)),
        "a fractional offset": ("a.nii", patched(plain, 108, np.float32(352.5).tobytes()), (8, 7, 6)),
        "version 2 without line ends": ("a.nii", patched(two, 8, bytes(4)), (8, 7, 6)),
        "a whole file named .img": ("a.img", plain, (8, 7, 6)),
        "no length of the last axis": ("a.nii", patched(plain, 40, b"\4\0\10\0\7\0\6\0\0\0"), (8, 7, 6, 1)),
        "no length, three volumes": ("a.nii", patched(four, 48, bytes(2)), (8, 7, 6, 3)),
        "no length, and a rest": ("a.nii", patched(rest, 40, b"\4\0\10\0\7\0\6\0\0\0"), (8, 7, 6, 1)),
        "FreeSurfer's -1": ("a.nii", patched(long, 42, b"\xff\xff"), (40, 1, 1, 2)),
    }


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("case", odd())
def test_odd_headers_that_others_read_are_images_and_come_back(case: str, zipped: bool, tmp_path: Path) -> None:
    name, data, shape = odd()[case]
    source = tmp_path / name
    source.write_bytes(gzip.compress(data, mtime=0) if zipped else data)
    voxz.compress(source, tmp_path / "a.voxz")
    assert tuple(voxz.info(tmp_path / "a.voxz").to_dict()["shape"]) == shape
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "b.bin")
    assert (tmp_path / "b.bin").read_bytes() == data


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
def test_a_pipe_with_a_name_is_compressed_as_its_content_would_be(tmp_path: Path) -> None:
    data = gzip_again(nifti((8, 7, 6))[1])
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(data,))
    writer.start()
    voxz.compress(tmp_path / "pipe", tmp_path / "a.voxz", target=voxz.MaxError(1))
    writer.join()
    (tmp_path / "b.nii.gz").write_bytes(data)
    voxz.compress(tmp_path / "b.nii.gz", tmp_path / "b.voxz", target=voxz.MaxError(1))
    assert (tmp_path / "a.voxz").read_bytes() == (tmp_path / "b.voxz").read_bytes()


def test_an_affine_of_nan_opens_as_nibabel_opens_it(tmp_path: Path) -> None:
    data = patched(nifti((8, 7, 6))[1], 280, np.full(12, np.nan, "<f4").tobytes())
    (tmp_path / "a.nii").write_bytes(data)
    voxz.compress(tmp_path / "a.nii", tmp_path / "a.voxz")
    assert voxz.open(tmp_path / "a.voxz").to_nibabel().shape == nibabel.load(tmp_path / "a.nii").shape


@pytest.mark.parametrize("level", [6, 3])
@pytest.mark.parametrize("behind", [b"behind" * 9, bytes(512), b"\x1f"])
def test_bytes_behind_a_gzip_stream_come_back_with_the_image(behind: bytes, level: int, tmp_path: Path) -> None:
    source, content = tmp_path / "a.nii.gz", nifti((40, 40, 9))[1]
    zipped = gzip.compress(content[:9_000], level, mtime=0) + gzip.compress(content[9_000:], level, mtime=0)
    for data in (gzip.compress(content, level, mtime=0) + behind, zipped + behind):
        source.write_bytes(data)
        with pytest.warns(TrailingBytesWarning, match=f"has {len(behind)} bytes behind its gzip stream; they are kept"):
            voxz.compress(source, tmp_path / "a.voxz", force=True)
        facts = voxz.info(tmp_path / "a.voxz").to_dict()
        assert facts["shape"] == [40, 40, 9]
        voxz.decompress(tmp_path / "a.voxz", tmp_path / "b.nii.gz", force=True)
        back = (tmp_path / "b.nii.gz").read_bytes()
        assert back == (data if facts["gzip_identical"] else gzip_again(content) + behind)
        voxz.decompress(tmp_path / "a.voxz", tmp_path / "b.nii", force=True)
        assert (tmp_path / "b.nii").read_bytes() == content


def gzip_again(content: bytes) -> bytes:
    """Canonical gzip of some content."""
    file = io.BytesIO()
    with gzip.GzipFile("", "wb", 6, file, 0) as packer:
        packer.write(content)
    return file.getvalue()


def test_bytes_behind_a_gzip_stream_stay_with_loss_too(tmp_path: Path) -> None:
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(nifti((40, 40, 9))[1]) + b"behind")
    with pytest.warns(TrailingBytesWarning, match="6 bytes"):
        voxz.compress(tmp_path / "a.nii.gz", tmp_path / "a.voxz", target=voxz.MaxError(2))
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "b.nii.gz")
    assert (tmp_path / "b.nii.gz").read_bytes().endswith(b"behind")


def test_what_is_too_long_behind_a_gzip_stream_is_kept_with_all_as_plain_bytes(tmp_path: Path) -> None:
    data = gzip.compress(nifti((8, 7, 6))[1]) + bytes((8 << 20) + 1)
    (tmp_path / "a.nii.gz").write_bytes(data)
    with pytest.warns(PlainBytesWarning, match="more than 8388608 bytes behind its gzip stream"):
        voxz.compress(tmp_path / "a.nii.gz", tmp_path / "a.voxz")
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "b.nii.gz")
    assert (tmp_path / "b.nii.gz").read_bytes() == data


@pytest.mark.parametrize("names", [("S.img", "S.HDR"), ("S.IMG", "S.HDR"), ("S.Img", "S.Hdr"), ("s.IMG.GZ", "s.hdr.Gz")])
@pytest.mark.parametrize("damaged", [False, True])
def test_pairs_come_back_under_the_names_they_had(names: tuple[str, str], damaged: bool, tmp_path: Path) -> None:
    header, data = nifti((9, 8, 7), pair=True)
    files = dict(zip(names, (data[: len(data) - damaged], header), strict=True))
    for name, content in files.items():
        files[name] = gzip_again(content) if name.lower().endswith("gz") else content
        (tmp_path / name).write_bytes(files[name])
    with pytest.warns(PlainBytesWarning) if damaged else contextlib.nullcontext():
        voxz.compress(tmp_path / names[1], tmp_path / "packed", remove=True)
    assert [path.name for path in tmp_path.iterdir()] == ["packed"]
    voxz.decompress(tmp_path / "packed", tmp_path / names[0], remove=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == files


@pytest.mark.parametrize("name", ["SCAN.NII.GZ", "Scan.Nii.gz", "scan.NII", "X.VOXZ", "a.Npy", "noname"])
def test_files_come_back_under_the_names_they_had(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(gzip_again(nifti((9, 8, 7))[1]))
    voxz.compress(tmp_path / name, packed := compressed_name(tmp_path / name), remove=True)
    voxz.decompress(packed, restored_name(packed), remove=True)
    assert [path.name for path in tmp_path.iterdir()] == [name + ".gz" * (".g" not in name.lower())]


def test_the_name_of_a_header_leads_nowhere_else(tmp_path: Path) -> None:
    with pytest.raises(voxz.CorruptError, match="said to end in"):
        header_path(tmp_path / "a.img", "/../../etc/passwd")
