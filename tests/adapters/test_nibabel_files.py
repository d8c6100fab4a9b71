"""nibabel loads and saves .voxz files by their names, and programs that stand on it do, too."""

import subprocess
import sys
import warnings
from pathlib import Path

import nibabel
import numpy as np
import pytest

import voxz
from samples import nifti, smooth, write_nifti
from voxz.nibabel import VoxzImage

SERIES = smooth((4, 8, 20, 24))


@pytest.mark.parametrize("version", [1, 2])
def test_what_is_loaded_is_what_the_plain_file_gives(version: int, tmp_path: Path) -> None:
    comment = bytes([32, 0, 0, 0, 6, 0, 0, 0]) + b"a comment".ljust(24, b"\0")
    (tmp_path / "a.nii").write_bytes(nifti((24, 20, 8, 4), version=version, extension=comment)[1])
    voxz.compress(tmp_path / "a.nii", tmp_path / "a.nii.voxz", level=1)
    plain, ours = nibabel.load(tmp_path / "a.nii"), nibabel.load(tmp_path / "a.nii.voxz")
    assert type(ours) is type(plain)
    assert ours.header == plain.header
    assert ours.header.extensions == plain.header.extensions
    assert np.array_equal(ours.affine, plain.affine)
    assert ours.get_filename() == str(tmp_path / "a.nii.voxz")
    assert isinstance(ours.dataobj, nibabel.arrayproxy.ArrayProxy)
    assert not ours.in_memory
    assert np.array_equal(ours.slicer[2:9, :, 3:4, 1:].get_fdata(), plain.slicer[2:9, :, 3:4, 1:].get_fdata())
    assert np.array_equal(ours.get_fdata(), plain.get_fdata())


def test_what_is_saved_is_what_nibabel_would_write(tmp_path: Path) -> None:
    image = nibabel.load(write_nifti(tmp_path / "a.nii", SERIES))
    scaled = nibabel.Nifti1Image(image.get_fdata() / 7, image.affine, image.header)
    for number, example in enumerate((image, scaled, nibabel.Nifti1Pair(SERIES.T, np.diag([2.0, 3, 4, 1])))):
        nibabel.save(example, tmp_path / f"{number}.nii")
        nibabel.save(example, tmp_path / f"{number}.nii.voxz", level=1)
        voxz.decompress(tmp_path / f"{number}.nii.voxz", tmp_path / "back.nii", force=True)
        assert (tmp_path / "back.nii").read_bytes() == (tmp_path / f"{number}.nii").read_bytes()
    ours = nibabel.load(tmp_path / "0.nii.voxz")
    ours.header["descrip"] = b"second"
    nibabel.save(ours, tmp_path / "0.nii.voxz")  # over the file that it reads from
    assert nibabel.load(tmp_path / "0.nii.voxz").header["descrip"] == b"second"
    assert (tmp_path / "0.nii.voxz").stat().st_mode == (tmp_path / "0.nii").stat().st_mode
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    mgh = nibabel.MGHImage(SERIES[0].T.astype(np.int32), np.diag([2.0, 3, 4, 1]))
    nibabel.save(mgh, tmp_path / "mgh.nii.voxz", level=1)
    assert np.array_equal(nibabel.load(tmp_path / "mgh.nii.voxz").affine, mgh.affine)
    axes = nibabel.cifti2.SeriesAxis(0, 1, 2), nibabel.cifti2.ScalarAxis(["a", "b"])
    with pytest.raises(voxz.UnsupportedError, match="a Cifti2Image is no volume"):
        nibabel.save(nibabel.cifti2.Cifti2Image(np.ones((2, 2), "f4"), axes), tmp_path / "cifti.voxz")


def test_plain_files_never_take_the_name_of_a_compressed_one(tmp_path: Path) -> None:
    voxz.compress(write_nifti(tmp_path / "a.nii", SERIES), tmp_path / "a.nii.voxz", level=1)
    image, before = nibabel.load(tmp_path / "a.nii.voxz"), (tmp_path / "a.nii.voxz").read_bytes()
    with pytest.raises(voxz.UsageError, match=r"nibabel\.save"):
        image.to_file_map()
    assert (tmp_path / "a.nii.voxz").read_bytes() == before
    with pytest.raises(voxz.UnsupportedError, match="NIfTI"):
        nibabel.load(_array(tmp_path / "array.voxz"))


def _array(path: Path) -> Path:
    path.write_bytes(voxz.encode(SERIES))
    return path


def test_the_ending_is_registered_once_and_only_when_asked(tmp_path: Path) -> None:
    voxz.register()
    assert nibabel.imageclasses.all_image_classes.count(VoxzImage) == 1
    voxz.compress(write_nifti(tmp_path / "a.nii", SERIES), tmp_path / "a.nii.voxz", level=1)
    code = (
        "import sys, nibabel, voxz; assert 'voxz.adapters.nibabel' not in sys.modules; voxz.register();"
        "print(nibabel.load('a.nii.voxz').shape)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(24, 20, 8, 4)"


def test_nilearn_reads_and_writes_by_name(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from nilearn.glm.first_level import FirstLevelModel, make_first_level_design_matrix
        from nilearn.image import mean_img
        from nilearn.maskers import NiftiMasker

        write_nifti(tmp_path / "a.nii", smooth((12, 8, 20, 24)))
        voxz.compress(tmp_path / "a.nii", tmp_path / "a.nii.voxz", level=1)
        plain, ours = str(tmp_path / "a.nii"), str(tmp_path / "a.nii.voxz")
        mask = nibabel.Nifti1Image(np.ones((24, 20, 8), np.uint8), nibabel.load(plain).affine)
        assert np.array_equal(NiftiMasker(mask).fit_transform(ours), NiftiMasker(mask).fit_transform(plain))
        assert np.array_equal(mean_img(ours, copy_header=True).get_fdata(), mean_img(plain, copy_header=True).get_fdata())
        design = make_first_level_design_matrix(2.0 * np.arange(12), drift_model=None, add_regs=(np.arange(12) % 2)[:, None])
        maps = [
            FirstLevelModel(t_r=2, mask_img=mask).fit(name, design_matrices=design).compute_contrast(np.array([1, 0]))
            for name in (plain, ours)
        ]
        assert np.array_equal(maps[0].get_fdata(), maps[1].get_fdata())
        nibabel.save(maps[1], tmp_path / "map.nii.voxz")
        assert np.array_equal(nibabel.load(tmp_path / "map.nii.voxz").get_fdata(), maps[0].get_fdata())
