"""SimpleITK: the same samples in the same place as when ITK reads the file that it was, and metadata that come back."""

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

import voxz
from phantoms import head, labels
from voxz.adapters.sitk import from_sitk

sitk = pytest.importorskip("SimpleITK")

AFFINE = nibabel.affines.from_matvec(
    np.array([[0.8, 0.1, 0.0], [-0.1, 0.8, 0.2], [0.0, -0.2, 0.8]]) @ np.diag([1.0, -1.5, 2.5]), [12, -40, 7]
)
"""Nearly orthogonal axes; ITK makes them orthogonal, so the test does first."""


def orthogonal() -> Any:
    u, _, v = np.linalg.svd(AFFINE[:3, :3] / np.linalg.norm(AFFINE[:3, :3], axis=0))
    return nibabel.affines.from_matvec(u @ v @ np.diag([1.0, 1.5, 2.5]), [12, -40, 7])


@pytest.mark.parametrize("kind", ["scan", "series", "scaled", "floats", "labels"])
def test_as_itk_reads_the_original(kind: str, tmp_path: Path) -> None:
    samples: Any = (labels if kind == "labels" else head)((10, 20, 22)).transpose(2, 1, 0)
    samples = samples.astype(np.float32) / 3 if kind == "floats" else samples
    samples = np.stack([samples, samples + 1], axis=-1) if kind == "series" else samples
    image = nibabel.Nifti1Image(samples, orthogonal())
    image.header.set_xyzt_units("mm", "sec")
    if kind == "scaled":
        image.header.set_slope_inter(0.25, -1024)
    if kind == "series":
        image.header.set_zooms((*image.header.get_zooms()[:3], 2.5))
    image.to_filename(tmp_path / "scan.nii")
    voxz.compress(tmp_path / "scan.nii", tmp_path / "scan.nii.voxz", level=1)
    found, expected = voxz.open(tmp_path / "scan.nii.voxz").to_sitk(), sitk.ReadImage(tmp_path / "scan.nii")
    assert np.array_equal(sitk.GetArrayFromImage(found), sitk.GetArrayFromImage(expected))
    if kind != "scaled":
        assert found.GetPixelID() == expected.GetPixelID()
    for name in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection"):
        assert np.allclose(getattr(found, name)(), getattr(expected, name)(), atol=1e-5), name


@pytest.mark.parametrize("shape", [(9, 20, 22), (20, 22), (3, 9, 20, 22)])
def test_there_and_back(shape: tuple[int, ...], tmp_path: Path) -> None:
    image = sitk.GetImageFromArray(np.random.default_rng(0).integers(-50, 2000, shape).astype(np.int16), isVector=False)
    axes = image.GetDimension()
    image.SetSpacing([0.5, 0.75, 3.0, 2.0][:axes])
    image.SetOrigin([-10.0, 20.0, 5.0, 0.0][:axes])
    turn = np.eye(axes)
    turn[:2, :2] = [[0.6, -0.8], [0.8, 0.6]]
    image.SetDirection(turn.ravel().tolist())
    image.SetMetaData("0008|0060", "MR")
    image.SetMetaData("note", "é")
    from_sitk(image, tmp_path / "a.nii.voxz", level=1)
    with voxz.open(tmp_path / "a.nii.voxz") as packed:
        found = packed.to_sitk()
    assert np.array_equal(sitk.GetArrayFromImage(found), sitk.GetArrayFromImage(image))
    for name in ("GetSpacing", "GetOrigin", "GetDirection"):
        assert np.allclose(getattr(found, name)(), getattr(image, name)(), atol=1e-5), name
    assert {key: found.GetMetaData(key) for key in found.GetMetaDataKeys()} == {"0008|0060": "MR", "note": "é"}


def test_colours_and_what_itk_does_not_have(tmp_path: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 255, (6, 10, 12, 3), np.uint8)
    image = sitk.GetImageFromArray(colours, isVector=True)
    from_sitk(image, tmp_path / "rgb.nii.voxz")
    found = voxz.open(tmp_path / "rgb.nii.voxz").to_sitk()
    assert np.array_equal(sitk.GetArrayFromImage(found), colours)
    with pytest.raises(voxz.UnsupportedError, match="no colours"):
        from_sitk(sitk.GetImageFromArray(colours.astype(np.float32), isVector=True), tmp_path / "vectors.nii.voxz")
    with pytest.raises(voxz.UnsupportedError, match="2 to 5 axes"):
        voxz.open(voxz.encode(np.arange(9))).to_sitk()
