"""The figures of `compare` against their definitions."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import voxz
from samples import smooth, write_nifti
from voxz.compare.figure import places_of


def files(tmp_path: Path, *arrays: NDArray[Any]) -> list[Path]:
    """Save arrays as .npy, the last one as .voxz."""
    paths = [tmp_path / f"{number}.npy" for number in range(len(arrays))]
    for path, array in zip(paths, arrays, strict=True):
        np.save(path, array)
    voxz.compress(paths[-1], tmp_path / "last.voxz", force=True)
    return [*paths[:-1], tmp_path / "last.voxz"]


def test_equal_images(tmp_path: Path) -> None:
    array = smooth((4, 20, 20))
    result = voxz.compare(*files(tmp_path, array, array)).to_dict()
    assert result["identical"]
    assert (result["max_error"], result["rmse"], result["psnr_db"], result["ssim"]) == (0, 0, None, 1)


def test_figures(tmp_path: Path) -> None:
    a = smooth((2, 4, 20, 24))
    b = a + np.random.default_rng(3).integers(-5, 6, a.shape).astype(a.dtype)
    b[1, 2, 3, 4] = a[1, 2, 3, 4] + 100
    result = voxz.compare(*files(tmp_path, a, b)).to_dict()
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
    assert voxz.compare(*files(tmp_path, a, b)).to_dict()["ssim"] == pytest.approx(expected)


def test_extreme_integers_do_not_wrap(tmp_path: Path) -> None:
    a, b = np.full((3, 3), -(1 << 31), np.int32), np.full((3, 3), (1 << 31) - 1, np.int32)
    assert voxz.compare(*files(tmp_path, a, b)).to_dict()["max_error"] == (1 << 32) - 1


def test_nan_equals_nan(tmp_path: Path) -> None:
    a = np.array([[1.0, np.nan, np.inf]])
    assert voxz.compare(*files(tmp_path, a, a.copy())).to_dict()["max_error"] == 0


def test_other_shapes_and_types(tmp_path: Path) -> None:
    with pytest.raises(voxz.UsageError, match="shapes differ"):
        voxz.compare(*files(tmp_path, np.zeros((3, 4)), np.zeros((4, 3))))
    (tmp_path / "complex").mkdir()
    with pytest.raises(voxz.UnsupportedError, match="expected real numbers"):
        voxz.compare(*files(tmp_path / "complex", np.zeros((3, 4), complex), np.zeros((3, 4), complex)))


def test_bias_is_that_of_the_second_image(tmp_path: Path) -> None:
    a = smooth((3, 12, 12))
    result = voxz.compare(*files(tmp_path, a, a + 3)).to_dict()
    assert (result["mean_error"], result["rmse"]) == (3, 3)
    assert result["volumes"][0]["slices_mean_error"] == [3, 3, 3]
    assert result["autocorrelation"] == {"x": None, "y": None, "z": None}


def test_foreground_leaves_out_constant_background(tmp_path: Path) -> None:
    a = np.zeros((2, 6, 32, 32), np.int16)
    a[:, 1:5, 8:24, 8:24] = 500 + smooth((2, 4, 16, 16))
    b = a.copy()
    b[a > 0] += np.random.default_rng(1).choice(np.array([-2, 2], np.int16), np.count_nonzero(a))
    result = voxz.compare(*files(tmp_path, a, b)).to_dict()
    share = np.count_nonzero(a) / a.size
    assert result["foreground_share"] == pytest.approx(share)
    assert result["foreground_psnr_db"] == pytest.approx(10 * np.log10(np.ptp(a).astype(float) ** 2 / 4))
    assert result["psnr_db"] == pytest.approx(result["foreground_psnr_db"] - 10 * np.log10(share))
    assert result["volumes"][1]["foreground_psnr_db"] == pytest.approx(result["foreground_psnr_db"])
    whole = voxz.compare(*files(tmp_path, smooth((4, 9, 9)), smooth((4, 9, 9), seed=2))).to_dict()
    assert (whole["foreground_share"], whole["foreground_psnr_db"]) == (1, whole["psnr_db"])


def test_histogram_of_whole_errors_has_a_bin_for_each(tmp_path: Path) -> None:
    a = np.zeros((4, 10, 10), np.uint8)
    b = a.copy()
    b.flat[:30], b.flat[30:37] = 1, 4
    histogram = voxz.compare(*files(tmp_path, a, b)).to_dict()["histogram"]
    assert histogram == {"edges": [-0.5, 0.5, 1.5, 2.5, 3.5, 4.5], "counts": [363, 30, 0, 0, 7]}


@pytest.mark.parametrize("dtype", ["i4", "f4"])
def test_histogram_of_wide_errors_has_few_bins_and_all_samples(dtype: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    a = np.zeros((4, 20, 20), dtype)
    b = rng.integers(-100_000, 50_000, a.shape).astype(dtype)
    histogram = voxz.compare(*files(tmp_path, a, b)).to_dict()["histogram"]
    assert sum(histogram["counts"]) == a.size
    assert len(histogram["edges"]) == len(histogram["counts"]) + 1 <= 258
    assert histogram["edges"][0] <= b.min() < b.max() <= histogram["edges"][-1]


def test_white_errors_have_no_autocorrelation_and_smooth_ones_have(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    white = rng.normal(2, 5, (3, 12, 40, 40))
    a = np.zeros(white.shape)
    values = voxz.compare(*files(tmp_path, a, white)).to_dict()["autocorrelation"]
    assert list(values) == ["x", "y", "z", "t"]
    assert all(abs(value) < 0.03 for value in values.values())
    blurred = white + np.roll(white, 1, 3)
    values = voxz.compare(*files(tmp_path, a, blurred)).to_dict()["autocorrelation"]
    assert values["x"] == pytest.approx(0.5, abs=0.03)
    assert abs(values["y"]) < 0.03
    alternating = (-1.0) ** np.arange(12)[:, None, None] * np.ones((2, 12, 40, 40))
    values = voxz.compare(*files(tmp_path, a[:2], alternating)).to_dict()["autocorrelation"]
    assert values["z"] == pytest.approx(-1)
    assert values["t"] == pytest.approx(1)


def test_nothing_to_compare(tmp_path: Path) -> None:
    empty = np.zeros((0, 3, 3), np.int16)
    result = voxz.compare(*files(tmp_path, empty, empty)).to_dict()
    assert (result["max_error"], result["psnr_db"], sum(result["histogram"]["counts"])) == (0, None, 0)
    with pytest.raises(voxz.UsageError, match="have no samples"):
        voxz.compare(*files(tmp_path, empty, empty), plot=tmp_path / "a.png")


@pytest.mark.parametrize(
    ("shape", "dtype"), [((8, 30, 24), "i2"), ((2, 5, 12, 30), "u1"), ((40, 30), "f4"), ((1, 1, 7), "i2"), ((3, 16, 16), "b1")]
)
@pytest.mark.parametrize("differs", [False, True])
def test_pictures(shape: tuple[int, ...], dtype: str, differs: bool, tmp_path: Path) -> None:
    a = smooth(shape).astype(dtype)
    b = a.copy()
    b.flat[::3] = a.flat[0]
    picture = tmp_path / "a.png"
    result = voxz.compare(*files(tmp_path, a, b if differs else a), plot=picture).to_dict()
    assert result["identical"] is not differs or dtype == "b1"
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    with pytest.raises(voxz.UsageError, match="is there already; use -f"):
        voxz.compare(*files(tmp_path, a, b), plot=picture)
    voxz.compare(*files(tmp_path, a, b), plot=picture, force=True)
    assert not list(tmp_path.glob(".*.part"))


def test_planes_of_a_ct_are_those_of_the_patient() -> None:
    scan = np.full((9, 20, 24), -1000.0)
    scan[:, 8:14, 9:17] = 40.0
    error = np.zeros(scan.shape)
    error[0, 0] = error[:, 2, 3] = 50.0  # in the air
    error[5, 9, 11] = 3.0
    assert places_of(scan, error, np.ones(scan.shape, bool)) == [5, 9, 11]
    error[scan > 0] = 0
    assert places_of(scan, error, np.ones(scan.shape, bool))[0] == 0, "there are no others"


def test_panels_have_the_proportions_of_the_voxels(tmp_path: Path) -> None:
    import struct

    thick = write_nifti(tmp_path / "thick.nii", smooth((8, 30, 24)))
    np.save(tmp_path / "cubes.npy", smooth((8, 30, 24)))
    heights = []
    for path in (thick, tmp_path / "cubes.npy"):
        voxz.compare(path, path, plot=path.with_suffix(".png"))
        heights.append(struct.unpack(">II", path.with_suffix(".png").read_bytes()[16:24])[1])
    assert heights[0] > heights[1]


def test_pictures_without_matplotlib_name_the_extra(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", smooth((3, 9, 9)))
    script = (
        "import sys; sys.modules['matplotlib'] = None; sys.modules['matplotlib.figure'] = None\n"
        "import voxz\n"
        "voxz.compare(sys.argv[1], sys.argv[1])\n"
        "try: voxz.compare(sys.argv[1], sys.argv[1], plot=sys.argv[1] + '.png')\n"
        "except voxz.MissingDependencyError as error: assert 'voxz[bench]' in str(error)\n"
        "else: raise SystemExit(1)"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "a.npy")], check=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.npy"]
