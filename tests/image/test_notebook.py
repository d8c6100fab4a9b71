"""What an image says about itself in a console and in a notebook."""

import base64
import io
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import voxz
from samples import nifti, smooth, write_nifti
from voxz.image import notebook

VOLUME = smooth((8, 20, 24))


def pictures(image: voxz.Image) -> dict[str, tuple[NDArray[Any], float]]:
    """Pixels of each picture by its name, and its width to height on the page."""
    import matplotlib.image

    found = re.findall(r'<img alt="(\w+)" width="(\d+)" height="(\d+)" src="data:image/png;base64,([^"]*)"', image._repr_html_())
    return {
        name: (matplotlib.image.imread(io.BytesIO(base64.b64decode(data)), "png"), int(width) / int(height))
        for name, width, height, data in found
    }


def packed(path: Path) -> voxz.Image:
    voxz.compress(path, path.with_suffix(".voxz"), level=1, force=True)
    return voxz.open(path.with_suffix(".voxz"))


def test_a_line_and_a_table(tmp_path: Path) -> None:
    image = packed(write_nifti(tmp_path / "a.nii", VOLUME))
    ratio = f"{VOLUME.nbytes / (tmp_path / 'a.voxz').stat().st_size:.2f} : 1"
    assert repr(image) == f"<voxz.Image 24 x 20 x 8, int16, 2 x 3 x 4 mm, predictive, {ratio}>"
    assert image.voxel_size == (2.0, 3.0, 4.0)
    page = image._repr_html_()
    for words in ("24 x 20 x 8", "int16", "2 x 3 x 4 mm", "predictive", ratio):
        assert words in page
    assert "<script" not in page
    image.close()
    assert repr(image).startswith("<voxz.Image 24 x 20 x 8")
    with voxz.open(voxz.encode(VOLUME)) as array:
        assert array.voxel_size is None
        assert repr(array).startswith("<voxz.Image 8 x 20 x 24, int16, predictive")


def test_slices_of_nifti_lie_as_the_body_does(tmp_path: Path) -> None:
    """The affine of these files is a positive diagonal: x to the right, y to the front, z up."""
    shown = pictures(packed(write_nifti(tmp_path / "a.nii", VOLUME)))
    assert list(shown) == ["axial", "coronal", "sagittal"]
    low, high = np.percentile(np.concatenate([VOLUME[4].ravel(), VOLUME[:, 10].ravel(), VOLUME[:, :, 12].ravel()]), (1, 99))
    for name, part, sizes in (
        ("axial", VOLUME[4, ::-1], (3, 2)),
        ("coronal", VOLUME[::-1, 10], (4, 2)),
        ("sagittal", VOLUME[::-1, :, 12], (4, 3)),
    ):
        pixels, proportion = shown[name]
        expected = np.clip((part - low) / (high - low), 0, 1)
        assert np.allclose(pixels, expected, atol=0.51 / 255), name
        assert proportion == pytest.approx(part.shape[1] * sizes[1] / (part.shape[0] * sizes[0]), rel=0.03)


def test_axes_that_run_the_other_way_are_turned(tmp_path: Path) -> None:
    data = bytearray(nifti((24, 20, 8), samples=VOLUME.tobytes())[1])
    struct.pack_into("<12f", data, 280, -2, 0, 0, 0, 0, 0, 4, 0, 0, -3, 0, 0)  # to the left, down, to the front
    struct.pack_into("<f", data, 124, 40.0)
    struct.pack_into("<f", data, 128, 10.0)
    struct.pack_into("<2f", data, 112, 2.0, 5.0)
    struct.pack_into("<2h", data, 252, 0, 1)
    (tmp_path / "a.nii").write_bytes(data)
    shown = pictures(packed(tmp_path / "a.nii"))
    part = VOLUME[:, 10, ::-1][::-1]  # rows: front first; columns: left first
    assert np.allclose(shown["axial"][0], np.clip((part - 2.5) / 15, 0, 1), atol=0.51 / 255), "in the window of the header"


def test_arrays_colour_and_what_has_no_picture(tmp_path: Path) -> None:
    with voxz.open(voxz.encode(VOLUME)) as image:
        shown = pictures(image)
        low, high = np.percentile(np.concatenate([VOLUME[4].ravel(), VOLUME[:, 10].ravel(), VOLUME[:, :, 12].ravel()]), (1, 99))
        assert np.allclose(shown["axial"][0], np.clip((VOLUME[4] - low) / (high - low), 0, 1), atol=0.51 / 255)
    (tmp_path / "a.nii").write_bytes(nifti((6, 5, 4), "rgb")[1])
    assert pictures(packed(tmp_path / "a.nii"))["axial"][0].shape == (5, 6, 3)
    broken = np.where(VOLUME > 30, np.nan, VOLUME)
    for array in (VOLUME[0], VOLUME > 9, VOLUME.astype(complex), broken, np.stack([VOLUME] * 2)):
        with voxz.open(voxz.encode(array)) as image:
            assert pictures(image)
    for array in (VOLUME[0, 0], np.zeros(()), np.zeros((0, 3, 3)), VOLUME.astype(np.int64)[:1, :1]):
        with voxz.open(voxz.encode(array)) as image:
            assert not pictures(image)
            assert "<table>" in image._repr_html_()


def test_slices_that_cost_much_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with voxz.open(voxz.encode(smooth((200, 128, 128)), codec="stored")) as image:
        brick = image.chunks[0] * image.chunks[1] * image.chunks[2]
        monkeypatch.setattr(notebook, "MOST_SAMPLES", 200 * 128 * 128 - 1)
        assert brick < 200 * 128 * 128
        assert list(pictures(image)) == ["axial"]


def test_an_archive_names_its_volumes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_nifti(tmp_path / f"in/{name}.nii", VOLUME)
    voxz.compress(tmp_path / "in", tmp_path / "in.voxz", level=1)
    with voxz.open(tmp_path / "in.voxz") as archive:
        assert archive.is_archive
        assert repr(archive) == "<voxz.Image archive of 2 files, 2 volumes>"
        assert "<th>series[1]</th><td>b.nii: 24 x 20 x 8, int16, nifti</td>" in archive._repr_html_()
        one = archive.series[0]
        assert not one.is_archive
        assert repr(one).startswith("<voxz.Image 24 x 20 x 8, int16, 2 x 3 x 4 mm, predictive, ")
        assert float(repr(one).split()[-3]) > VOLUME.nbytes / (tmp_path / "in.voxz").stat().st_size
        with pytest.raises(voxz.UsageError, match=r"choose one: series\[0\] to series\[1\]"):
            archive.shape  # noqa: B018
