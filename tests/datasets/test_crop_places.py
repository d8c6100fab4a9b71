"""Subjects and sides, places of crops, and reading what crops are cut from."""

import sys
from pathlib import Path

import numpy as np
import pytest

import voxz
from phantoms import head
from samples import nifti, write_nifti
from voxz.datasets.crop_options import CropOptions, parse_crop
from voxz.datasets.crop_places import describe, draw
from voxz.datasets.prepare import prepare
from voxz.datasets.subjects import parse_split, split_of, subject_of
from voxz.datasets.volumes import need_tiff, read
from voxz.errors import MissingDependencyError, UnsupportedError, UsageError


def test_places_and_sides_stay_as_they_are() -> None:
    samples = head((40, 40, 40))[None]
    places = [place.position for place in draw(samples, (16, 16, 16), 3, 0, "ab", 0.05, 0.9)]
    assert places == [(4, 20, 13), (5, 0, 7), (11, 22, 19)]
    assert [split_of(f"sub-{n:02}", {"train": 0.8, "test": 0.2}, 0) for n in range(8)] == [
        "test",
        "test",
        "test",
        "train",
        "train",
        "train",
        "train",
        "train",
    ]


def test_the_checksum_of_a_source_is_that_of_voxz(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "a.nii", head((9, 10, 11)))
    voxz.compress(path, tmp_path / "a.nii.voxz")
    packed = read(tmp_path / "a.nii.voxz")
    assert packed.sha256 == read(path).sha256 == voxz.info(tmp_path / "a.nii.voxz").to_dict()["samples_sha256"]
    assert packed.spacing_mm == (4.0, 3.0, 2.0)
    big = write_nifti(tmp_path / "b.nii", head((9, 10, 11)).byteswap(), order=">")
    assert read(big).sha256 == packed.sha256


@pytest.mark.parametrize(("units", "factor"), [(0, 1.0), (1, 1000.0), (2, 1.0), (3, 0.001), (2 | 8, 1.0)])
@pytest.mark.parametrize("version", [1, 2])
def test_spacing_is_in_mm(units: int, factor: float, version: int, tmp_path: Path) -> None:
    _, data = nifti((9, 9, 9), version=version)
    head_ = bytearray(data)
    head_[123 if version == 1 else 500] = units
    (tmp_path / "a.nii").write_bytes(head_)
    assert read(tmp_path / "a.nii").spacing_mm == tuple(size * factor for size in (4.0, 3.0, 2.0))


def test_background_is_drawn_again() -> None:
    samples = np.zeros((1, 16, 16, 160), np.int16)
    samples[..., 80:] = head((16, 16, 80))
    found = list(draw(samples, (16, 16, 16), 20, 0, "x", 0.05, 0.9))
    assert 5 < len(found) <= 20
    assert all(place.position[2] > 60 for place in found)
    assert all(np.count_nonzero(place.cut(samples) == 0) <= 0.9 * 4096 for place in found)
    assert not list(draw(np.full((1, 16, 16, 32), 7, np.int16), (16, 16, 16), 4, 0, "x", 0, 1))


def test_statistics_pass_over_what_is_not_finite() -> None:
    values = np.array([np.nan, 1, 3, np.inf, -np.inf], np.float32)
    found = describe(values)
    assert found is not None
    assert (found.low, found.high, found.deviation) == (1, 3, 1)
    assert describe(values[:1]) is None
    truth = describe(np.array([True, False]))
    assert truth is not None
    assert (truth.low, truth.high, truth.deviation) == (0, 1, 0.5)


def test_tiff_stacks(tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    root = tmp_path / "scans"
    root.mkdir()
    stack = head((12, 20, 24)).astype(np.uint16)
    tifffile.imwrite(root / "plain.tif", stack, photometric="minisblack")
    channels = np.stack([stack, stack[::-1]], axis=1)
    tifffile.imwrite(root / "cells.tiff", channels, imagej=True, metadata={"axes": "ZCYX"})
    (root / "broken.tif").write_bytes(b"II*\0 and nothing more")
    assert np.array_equal(read(root / "plain.tif").samples, stack[None])
    assert np.array_equal(read(root / "cells.tiff").samples, np.moveaxis(channels, 1, 0))
    with pytest.raises(UnsupportedError, match="cannot be read as a TIFF stack"):
        read(root / "broken.tif")
    summary = prepare(root, tmp_path / "out", CropOptions((8, 8, 8), 2), notice=print, failed=lambda *_: None)
    assert (summary.written, summary.failed) == (2, 1)


def test_without_tifffile_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tifffile", None)
    (tmp_path / "a.tif").touch()
    with pytest.raises(MissingDependencyError, match=r"voxz\[tiff\]"):
        need_tiff()
    with pytest.raises(MissingDependencyError, match=r"voxz\[tiff\]"):
        prepare(tmp_path, tmp_path / "out", CropOptions(), notice=print, failed=print)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("path", "pattern", "subject"),
    [
        ("site/sub-A1/anat/sub-A1_T1w.nii.gz", None, "sub-A1"),
        ("x/sub-7_bold.nii", "x", "sub-7"),
        ("IXI002-Guys-0828-T1.nii.gz", r"IXI\d+", "IXI002"),
        ("a/b/p12_scan.nii", r"p(\d+)", "12"),
        ("patient3/ct/scan.nii", r"IXI\d+", "patient3"),
        ("my.scan.nii.gz", None, "my.scan"),
        ("my.scan.nii.voxz", None, "my.scan"),
        ("subject.npy", None, "subject"),
    ],
)
def test_subjects(path: str, pattern: str | None, subject: str) -> None:
    assert subject_of(path, pattern) == subject


def test_splits() -> None:
    assert parse_split("0.8/0.1/0.1") == {"train": 0.8, "validation": 0.1, "test": 0.1}
    assert parse_split("1") == {"train": 1.0}
    assert parse_split("fit=0.7, check=0.3") == {"fit": 0.7, "check": 0.3}
    for wrong in ("", "a", "0.5/0.6", "1/1/-1", "0.25/0.25/0.25/0.25", "a=1,a=0", "../x=1", "a=nan", "a=0.5"):
        with pytest.raises(UsageError, match="split"):
            parse_split(wrong)
    shares = [split_of(str(n), {"train": 0.8, "none": 0.0, "test": 0.2}, 3) for n in range(2000)]
    assert 0.77 < shares.count("train") / 2000 < 0.83
    assert "none" not in shares


def test_crop_sizes() -> None:
    assert parse_crop("64") == (64, 64, 64)
    assert parse_crop("32,64,48") == (32, 64, 48)
    for wrong in ("", "a", "1,2", "4.5"):
        with pytest.raises(UsageError, match="crop"):
            parse_crop(wrong)
    for options in (
        {"crop": (7, 64, 64)},
        {"crops_per_volume": 0},
        {"min_std": -1},
        {"skip_background": 2},
        {"subject_pattern": "("},
    ):
        with pytest.raises(UsageError, match=r"must|no regular expression"):
            CropOptions(**options)


def test_complex_samples_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.ones((9, 9, 9), np.complex128))
    with pytest.raises(UnsupportedError, match="real numbers"):
        read(tmp_path / "a.npy")
