"""xarray opens images by the name of the engine, lazily, with places in mm."""

import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest

import voxz
from phantoms import head, series

xarray = pytest.importorskip("xarray")

VOLUMES = series(3, (6, 20, 30))


def written(folder: Path, affine: np.ndarray) -> Path:
    image = nibabel.Nifti1Image(VOLUMES.T, affine)
    image.header.set_xyzt_units("mm", "sec")
    image.header.set_slope_inter(2, -10)
    nibabel.save(image, folder / "a.nii")
    voxz.compress(folder / "a.nii", folder / "a.nii.voxz", level=1, force=True)
    return folder / "a.nii.voxz"


def test_dims_coordinates_and_attributes(tmp_path: Path) -> None:
    affine = np.array([[-2.0, 0, 0, 90], [0, 3, 0, -40], [0, 0, 4, 7], [0, 0, 0, 1]])
    with xarray.open_dataset(written(tmp_path, affine), engine="voxz") as found:
        image = found["image"]
        assert image.dims == ("x", "y", "z", "t")
        assert image.dtype == np.int16
        assert np.array_equal(image.x, 90 - 2.0 * np.arange(30))
        assert np.array_equal(image.z, 7 + 4.0 * np.arange(6))
        assert image.x.attrs["units"] == "mm"
        assert np.array_equal(np.reshape(image.attrs["affine"], (4, 4)), affine)
        assert np.array_equal(image.isel(z=2, x=slice(3, 20, 4), t=-1), VOLUMES.T[3:20:4, :, 2, -1])
        assert np.array_equal(image.isel(y=[4, 1], x=[0, 5])[..., 0, 0], VOLUMES.T[np.ix_([0, 5], [4, 1])][..., 0, 0])
        assert np.array_equal(image.sel(x=86), VOLUMES.T[2])
        assert np.array_equal(image.values, VOLUMES.T)
        assert np.array_equal(xarray.decode_cf(found)["image"], VOLUMES.T * 2.0 - 10)


def test_oblique_axes_have_distances(tmp_path: Path) -> None:
    affine = np.array([[0.0, -3, 0, 9], [2, 0, 0, 4], [0, 0, 4, 7], [0, 0, 0, 1]])
    with xarray.open_dataset(written(tmp_path, affine), engine="voxz") as found:
        assert np.allclose(found["image"].y, 3.0 * np.arange(20))
        assert "first voxel" in found["image"].y.attrs["long_name"]


def test_arrays_and_archives(tmp_path: Path) -> None:
    (tmp_path / "a.voxz").write_bytes(voxz.encode(head((4, 9, 8))))
    with xarray.open_dataset(tmp_path / "a.voxz") as found:  # by its ending
        assert found["image"].dims == ("dim_0", "dim_1", "dim_2")
        assert np.array_equal(found["image"], head((4, 9, 8)))
    (tmp_path / "study").mkdir()
    for number in (1, 2):
        nibabel.save(nibabel.Nifti1Image(VOLUMES[number].T, np.eye(4)), tmp_path / f"study/{number}.nii")
    voxz.compress(tmp_path / "study", tmp_path / "study.voxz", level=1)
    with xarray.open_dataset(tmp_path / "study.voxz", engine="voxz", series=1) as found:
        assert np.array_equal(found["image"], VOLUMES[2].T)
    for options in ({}, {"series": 2}):
        with pytest.raises(voxz.UsageError, match="series"):
            xarray.open_dataset(tmp_path / "study.voxz", engine="voxz", **options)


def test_xarray_finds_the_engine_without_an_import(tmp_path: Path) -> None:
    (tmp_path / "a.voxz").write_bytes(voxz.encode([1, 2, 3]))
    code = "import sys, xarray; assert 'voxz' not in sys.modules"
    code += "; print(int(xarray.open_dataset('a.voxz', engine='voxz').image.sum()))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=100)
    assert done.stdout.strip() == "6"


def test_without_xarray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xarray", None)
    monkeypatch.delitem(sys.modules, "voxz.adapters.xarray", raising=False)
    with pytest.raises(voxz.MissingDependencyError, match=r"pip install 'voxz\[xarray\]'"):
        __import__("voxz.adapters.xarray")
