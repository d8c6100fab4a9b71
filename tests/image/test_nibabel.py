"""nibabel, and what stands on it, sees a compressed image as it sees the file that it was."""

import struct
import warnings
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

import voxz
from benchmarks.fuzz.archives import Archive
from samples import nifti, smooth, write_nifti

SERIES = smooth((5, 8, 20, 24))


def extension(text: bytes, code: int = 44, order: str = "<") -> bytes:
    size = 8 + len(text) + -(8 + len(text)) % 16
    return struct.pack(order + "ii", size, code) + text.ljust(size - 8, b"\0")


def both(path: Path) -> tuple[Any, Any]:
    """The image as nibabel loads it, and through voxz."""
    packed = path.with_suffix(".voxz")
    voxz.compress(path, packed, level=1, force=True)
    return nibabel.load(path), voxz.open(packed).to_nibabel()


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("order", ["<", ">"])
def test_extensions_are_kept(version: int, order: str, tmp_path: Path) -> None:
    some = extension(b'{"SpectrometerFrequency": 1}', order=order) + extension(b"second", 6, order)
    data = nifti((5, 6, 7), order=order, version=version, extension=some)[1]
    (tmp_path / "a.nii").write_bytes(data)
    plain, ours = both(tmp_path / "a.nii")
    assert [e.get_code() for e in ours.header.extensions] == [44, 6]
    assert ours.header.extensions == plain.header.extensions
    nibabel.save(ours, tmp_path / "back.nii")
    back = nibabel.load(tmp_path / "back.nii")
    assert back.header.extensions == plain.header.extensions
    assert np.allclose(back.get_fdata(), plain.get_fdata(), atol=0.01)  # nibabel scales anew


def test_extensions_of_a_pair_are_kept_and_bad_ones_are_told(tmp_path: Path) -> None:
    header, data = nifti((5, 6, 7), pair=True, padding=16, extension=extension(b"hello"))
    (tmp_path / "a.hdr").write_bytes(header)
    (tmp_path / "a.img").write_bytes(data)
    voxz.compress(tmp_path / "a.img", tmp_path / "a.voxz")
    ours = voxz.open(tmp_path / "a.voxz").to_nibabel()
    assert [e.get_content().rstrip(b"\0") for e in ours.header.extensions] == [b"hello"]
    nibabel.save(ours, tmp_path / "back.nii")
    assert np.allclose(nibabel.load(tmp_path / "back.nii").get_fdata(), ours.get_fdata(), atol=0.01)
    (tmp_path / "b.nii").write_bytes(nifti((5, 6, 7), extension=struct.pack("<ii", 64, 44) + bytes(8))[1])
    voxz.compress(tmp_path / "b.nii", tmp_path / "b.voxz")
    with pytest.warns(UserWarning, match="cannot be read and are left out"):
        ours = voxz.open(tmp_path / "b.voxz").to_nibabel()
    assert not ours.header.extensions


def test_the_proxy_is_nibabels(tmp_path: Path) -> None:
    plain, ours = both(write_nifti(tmp_path / "a.nii", SERIES))
    a, b = plain.dataobj, ours.dataobj
    assert isinstance(b, nibabel.arrayproxy.ArrayProxy)
    assert nibabel.is_proxy(b)
    for name in ("shape", "ndim", "dtype", "slope", "inter"):
        assert getattr(a, name) == getattr(b, name), name
    assert np.array_equal(a.get_unscaled(), b.get_unscaled())
    assert np.array_equal(a.reshape((24, 20, -1))[3:5], b.reshape((24, 20, -1))[3:5])
    for index in (np.s_[..., 2], np.s_[3], np.s_[1:9:2, ::-1, 4, 1]):
        assert a[index].dtype == b[index].dtype
        assert np.array_equal(a[index], b[index])
    assert np.array_equal(np.asarray(a), np.asarray(b))
    assert np.asarray(b, np.float32).dtype == np.float32
    assert plain.get_fdata(dtype=np.float32).dtype == ours.get_fdata(dtype=np.float32).dtype
    assert np.array_equal(plain.slicer[2:9, :, 3:4, 1:].get_fdata(), ours.slicer[2:9, :, 3:4, 1:].get_fdata())
    with pytest.raises(ValueError, match="without a copy"):
        np.asarray(b, copy=False)


def test_slices_through_nibabel_decode_only_their_bricks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    voxz.compress(write_nifti(tmp_path / "a.nii", smooth((200, 64, 64))), tmp_path / "a.voxz", codec="stored")
    image = voxz.open(tmp_path / "a.voxz")
    wanted: list[int] = []
    batches = image._array.batches

    def noted(numbers: list[int]) -> Any:
        wanted.extend(numbers)
        return batches(numbers)

    monkeypatch.setattr(image._array, "batches", noted)
    assert image.to_nibabel().slicer[:, :, 100:101].get_fdata().shape == (64, 64, 1)
    assert len(wanted) == 1


def test_maskers_of_nilearn(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from nilearn.maskers import NiftiLabelsMasker, NiftiMasker

        plain, ours = both(write_nifti(tmp_path / "a.nii", SERIES))
        labels = np.ones((24, 20, 8), np.int32)
        labels[12:] = 2
        mask = nibabel.Nifti1Image((labels == 2).astype(np.uint8), plain.affine)
        for masker in (NiftiMasker(mask), NiftiLabelsMasker(nibabel.Nifti1Image(labels, plain.affine))):
            assert np.array_equal(masker.fit_transform(plain), masker.fit_transform(ours))


def test_a_header_that_nibabel_does_not_take_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "a.nii").write_bytes(nifti((5, 6, 7))[1])
    voxz.compress([tmp_path / "a.nii"], tmp_path / "a.voxz", codec="stored")
    archive = Archive.of("a", (tmp_path / "a.voxz").read_bytes())
    head = bytearray(archive.entries[0][1][0])
    head[70:72] = b"\0\0"
    with voxz.open(archive.with_piece(0, 0, bytes(head))) as image:
        assert image.series[0].shape == (5, 6, 7)
        with pytest.raises(voxz.UnsupportedError, match="nibabel does not take this NIfTI header: data code 0"):
            image.series[0].to_nibabel()
