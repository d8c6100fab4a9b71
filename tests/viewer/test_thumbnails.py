"""Thumbnails of files that the list of a folder shows."""

import gzip
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray

import voxz
from phantoms import head
from voxz.viewer import thumbnail as thumbnails
from voxz.viewer.thumbnail import thumbnail

SCAN = head((10, 40, 44)).T
SAGITTAL = np.array([[0, 0, 2.0, 0], [1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
COLOURS = np.dtype([(name, "u1") for name in "RGB"])


@pytest.mark.parametrize(
    ("samples", "affine"),
    [
        (SCAN, np.diag([1.0, 1.0, 2.0, 1.0])),
        (SCAN.astype(np.float32) / 7, SAGITTAL),
        (SCAN, None),
        (SCAN[:, :, 5], np.eye(4)),
        ((SCAN % 256).astype(np.uint8).repeat(3).view(COLOURS).reshape(SCAN.shape), np.diag([-1.0, 1, 1, 1])),
    ],
    ids=["axial", "sagittal floats", "no place", "a picture", "colours"],
)
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_a_scan_looks_as_it_does_compressed(
    tmp_path: Path, samples: NDArray[Any], affine: NDArray[Any] | None, ending: str
) -> None:
    scan, packed = tmp_path / f"scan{ending}", tmp_path / "scan.voxz"
    nibabel.Nifti1Image(samples, affine).to_filename(scan)
    voxz.compress(scan, packed, level=1)
    shown = thumbnail(scan)
    assert shown is not None
    assert shown == thumbnail(packed)


def test_what_is_damaged_or_too_large_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan, cut, text = tmp_path / "scan.nii.gz", tmp_path / "cut.nii.gz", tmp_path / "text.nii"
    nibabel.Nifti1Image(SCAN, np.eye(4)).to_filename(scan)
    cut.write_bytes(gzip.compress(gzip.decompress(scan.read_bytes())[:2000]))
    text.write_text("no image")
    assert thumbnail(cut) is None
    assert thumbnail(text) is None
    monkeypatch.setattr(thumbnails, "MOST_READ", SCAN[:, :, :6].nbytes)
    assert thumbnail(scan) is not None, "slices up to the middle one are read"
    monkeypatch.setattr(thumbnails, "MOST_READ", SCAN[:, :, :6].nbytes - 1)
    assert thumbnail(scan) is None
