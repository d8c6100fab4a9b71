"""The figures of `compare` against their definitions."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import voxz
from samples import smooth


def files(tmp_path: Path, *arrays: NDArray[Any]) -> list[Path]:
    """Save arrays as .npy, the last one as .voxz."""
    paths = [tmp_path / f"{number}.npy" for number in range(len(arrays))]
    for path, array in zip(paths, arrays, strict=True):
        np.save(path, array)
    voxz.compress(paths[-1], tmp_path / "last.voxz")
    return [*paths[:-1], tmp_path / "last.voxz"]


def test_equal_images(tmp_path: Path) -> None:
    array = smooth((4, 20, 20))
    result = voxz.compare(*files(tmp_path, array, array))
    assert result["identical"]
    assert (result["max_error"], result["rmse"], result["psnr_db"], result["ssim"]) == (0, 0, None, 1)


def test_figures(tmp_path: Path) -> None:
    a = smooth((2, 4, 20, 24))
    b = a + np.random.default_rng(3).integers(-5, 6, a.shape).astype(a.dtype)
    b[1, 2, 3, 4] = a[1, 2, 3, 4] + 100
    result = voxz.compare(*files(tmp_path, a, b))
    error = a.astype(float) - b
    data_range = float(np.ptp(a))
    assert not result["identical"]
    assert result["data_range"] == data_range
    assert result["max_error"] == 100
    assert result["rmse"] == pytest.approx(np.sqrt((error**2).mean()))
    assert result["psnr_db"] == pytest.approx(10 * np.log10(data_range**2 / (error**2).mean()))
    assert 0 < result["ssim"] < 1
    assert len(result["volumes"]) == 2
    slices = 10 * np.log10(data_range**2 / (error[1] ** 2).mean(axis=(1, 2)))
    assert result["volumes"][1]["slices_psnr_db"] == pytest.approx(slices)


def test_ssim_of_one_window(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(1, 7, 7)), rng.normal(size=(1, 7, 7))
    c1, c2 = (0.01 * np.ptp(a)) ** 2, (0.03 * np.ptp(a)) ** 2
    covariance = np.cov(a.ravel(), b.ravel())
    expected = (2 * a.mean() * b.mean() + c1) * (2 * covariance[0, 1] + c2)
    expected /= (a.mean() ** 2 + b.mean() ** 2 + c1) * (covariance[0, 0] + covariance[1, 1] + c2)
    assert voxz.compare(*files(tmp_path, a, b))["ssim"] == pytest.approx(expected)


def test_extreme_integers_do_not_wrap(tmp_path: Path) -> None:
    a, b = np.full((3, 3), -(1 << 31), np.int32), np.full((3, 3), (1 << 31) - 1, np.int32)
    assert voxz.compare(*files(tmp_path, a, b))["max_error"] == (1 << 32) - 1


def test_nan_equals_nan(tmp_path: Path) -> None:
    a = np.array([[1.0, np.nan, np.inf]])
    assert voxz.compare(*files(tmp_path, a, a.copy()))["max_error"] == 0


def test_other_shapes_and_types(tmp_path: Path) -> None:
    with pytest.raises(voxz.UsageError, match="got shapes"):
        voxz.compare(*files(tmp_path, np.zeros((3, 4)), np.zeros((4, 3))))
    (tmp_path / "complex").mkdir()
    with pytest.raises(voxz.UnsupportedError, match="expected real numbers"):
        voxz.compare(*files(tmp_path / "complex", np.zeros((3, 4), complex), np.zeros((3, 4), complex)))
