"""Folders of DICOM files: every byte comes back, series are volumes in space, and slices are data sets."""

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom import uid
from typer.testing import CliRunner

import voxz
from benchmarks.archives import digest, read_folder
from dicoms import TEST_FILES, slice_of, written
from phantoms import head, series
from voxz.cli.app import app
from voxz.errors import PersonalDataWarning, PlainBytesWarning, UnsupportedError, UsageError

pytestmark = pytest.mark.filterwarnings("ignore::voxz.errors.PersonalDataWarning")

VOLUME = head((6, 24, 20))
COSINE, SINE = float(np.cos(np.deg2rad(20))), float(np.sin(np.deg2rad(20)))


def write_series(
    folder: Path,
    volume: NDArray[Any],
    syntax: str = str(uid.ExplicitVRLittleEndian),
    each: Callable[[int], dict[str, Any]] | None = None,
    **elements: Any,
) -> Path:
    """Slices ``(time, place, row, column)``, 4 mm apart, numbered by time, in files of any name; `each` adds elements."""
    folder.mkdir(parents=True)
    times = volume if volume.ndim == 4 else volume[None]
    names = np.random.default_rng(1).permutation(times.shape[0] * times.shape[1])
    normal = np.cross([1, 0, 0], [0, COSINE, SINE])
    for number, name in enumerate(names):
        time, place = divmod(number, times.shape[1])
        position = [float(x) for x in np.array([-10.0, 20.0, 30.0]) + 4.0 * place * normal]
        plane = {"ImagePositionPatient": position, "ImageOrientationPatient": [1, 0, 0, 0, COSINE, SINE]}
        data = slice_of(times[time, place], InstanceNumber=number + 1, **plane | elements)
        for keyword, value in (each(place) if each else {}).items():
            setattr(data, keyword, value)
        if syntax != uid.ExplicitVRLittleEndian:
            data.compress(syntax, generate_instance_uid=False)
        (folder / f"{name:04}.dcm").write_bytes(written(data))
    return folder


def archived(folder: Path, place: Path) -> Path:
    """The archive of a folder, which is checked to give it back."""
    packed, again = place / "study.voxz", place / "again"
    voxz.compress(folder, packed, threads=1)
    voxz.decompress(packed, again, threads=1)
    assert digest(read_folder(again)) == digest(read_folder(folder))
    shutil.rmtree(again)
    return packed


@pytest.mark.filterwarnings("ignore::voxz.errors.PlainBytesWarning")
def test_all_test_files_of_pydicom_come_back(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    shutil.copytree(TEST_FILES, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    packed = archived(folder, tmp_path)
    with voxz.open(packed) as archive:
        formats = {file.name: file.format for file in archive.files}
        assert sum(name.endswith(".dcm") and found == "dicom" for name, found in formats.items()) > 90
        assert len(archive.series) > 50


@pytest.mark.parametrize("syntax", [str(uid.RLELossless), str(uid.ExplicitVRLittleEndian)])
def test_slices_make_a_volume_whatever_their_names(tmp_path: Path, syntax: str) -> None:
    folder = write_series(tmp_path / "scan", VOLUME, syntax, RescaleSlope=2, RescaleIntercept=-100)
    packed = archived(folder, tmp_path)
    assert packed.stat().st_size < VOLUME.nbytes
    with voxz.open(packed) as archive:
        (image,) = archive.series
        assert np.array_equal(np.asarray(image), VOLUME.transpose(2, 1, 0))
        assert image.facts["modality"] == "MR"
        step = 4 * np.cross([1, 0, 0], [0, COSINE, SINE]) * [-1, -1, 1]
        expected = np.array([[-1, 0, 0, 10], [0, -2 * COSINE, 0, -20], [0, 2 * SINE, 0, 30], [0, 0, 0, 1.0]])
        expected[:3, 2] = step
        assert image.affine is not None
        assert np.allclose(image.affine, expected)
        loaded = image.to_nibabel()
        assert np.array_equal(np.asarray(loaded.dataobj), VOLUME.transpose(2, 1, 0) * 2.0 - 100)
        assert np.array_equal(np.asarray(loaded.dataobj[..., 3]), VOLUME[3].T * 2.0 - 100)
        assert np.allclose(loaded.affine, expected, atol=1e-5)
        assert [pydicom.dcmread(folder / name).InstanceNumber for name in image.members] == [1, 2, 3, 4, 5, 6]
        assert archive.read(image.members[4]) == (folder / image.members[4]).read_bytes()
        assert image.dataset(image.members[4]).InstanceNumber == 5
        with pytest.raises(UsageError, match="no file"):
            archive.read("absent.dcm")


def test_a_single_file_is_an_image(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(written(slice_of(VOLUME[3], ImagePositionPatient=[1, 2, 3])))
    voxz.compress(tmp_path / "a.dcm", tmp_path / "a.voxz")
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "b.dcm")
    assert (tmp_path / "b.dcm").read_bytes() == (tmp_path / "a.dcm").read_bytes()
    with voxz.open(tmp_path / "a.voxz") as image:
        assert np.array_equal(np.asarray(image), VOLUME[3].T)
        assert image.affine is not None
        assert image.affine[:3, 3].tolist() == [-1, -2, 3]
        assert image.dataset().InstanceNumber == 1


def test_info_says_what_series_there_are_and_tags_say_all(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    write_series(folder / "a", VOLUME, SeriesInstanceUID="1.1", PatientName="Nobody^Knows")
    write_series(folder / "b", VOLUME[:, :8], SeriesInstanceUID="1.2")
    packed = archived(folder, tmp_path)
    first, second = voxz.info(packed).series
    assert (first.name, first.format, first.shape, first.files) == ("a", "dicom", (20, 24, 6), 6)
    assert first.spacing_mm == (1.0, 2.0, 4.0)
    assert (second.name, second.shape) == ("b", (20, 8, 6))
    runner = CliRunner()
    plain = runner.invoke(app, ["info", str(packed)])
    assert "20x24x6 <i2, 1 x 2 x 4 mm, 6 files, modality MR" in plain.output
    assert "Nobody" not in plain.output + runner.invoke(app, ["info", "--json", str(packed)]).output
    told = runner.invoke(app, ["info", "--tags", str(packed)])
    assert told.output.count("Nobody^Knows") == 2


def test_times_are_the_fourth_axis(tmp_path: Path) -> None:
    volumes = series(3, (4, 12, 10))
    folder = write_series(tmp_path / "scan", volumes, RepetitionTime=1500)
    with voxz.open(archived(folder, tmp_path)) as archive:
        (image,) = archive.series
        assert np.array_equal(np.asarray(image), volumes.transpose(3, 2, 1, 0))
        assert image.to_nibabel().header.get_zooms() == (1, 2, 4, 1.5)


def test_each_slice_has_its_scale(tmp_path: Path) -> None:
    slopes = [0.5, 2.0, 3.25, 1.0, 0.75, 4.0]
    folder = write_series(
        tmp_path / "scan", VOLUME, each=lambda place: {"RescaleSlope": slopes[place], "RescaleIntercept": place}
    )
    packed = archived(folder, tmp_path)
    expected = VOLUME.transpose(2, 1, 0) * np.array(slopes) + np.arange(6)
    with voxz.open(packed) as archive:
        (image,) = archive.series
        loaded = image.to_nibabel()
        assert np.array_equal(loaded.get_fdata(), expected)
        assert np.array_equal(np.asarray(loaded.dataobj[3:9, 2, 1::2]), expected[3:9, 2, 1::2])
        assert np.array_equal(np.asarray(loaded.slicer[..., 2:4].dataobj), expected[..., 2:4])
        assert np.array_equal(loaded.dataobj.get_unscaled(), VOLUME.transpose(2, 1, 0))
    voxz.decompress(packed, tmp_path / "scan.nii.gz", convert="nifti")
    converted = nibabel.load(tmp_path / "scan.nii.gz")
    assert converted.get_data_dtype() == np.float32
    assert np.array_equal(np.asarray(converted.dataobj), expected.astype(np.float32))


def test_slices_that_lie_unevenly_have_no_affine(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "scan", VOLUME)
    for path in folder.iterdir():
        if pydicom.dcmread(path).InstanceNumber == 3:
            path.unlink()
    with voxz.open(archived(folder, tmp_path)) as archive:
        (image,) = archive.series
        assert image.shape == (20, 24, 5)
        assert image.affine is None


def test_slices_of_a_tilted_gantry_keep_their_shear(tmp_path: Path) -> None:
    folder = write_series(  # along the table, not the normal
        tmp_path / "scan", VOLUME, each=lambda place: {"ImagePositionPatient": [-10.0, 20.0, 30.0 + 5 * place]}
    )
    packed = archived(folder, tmp_path)
    expected = np.array([[-1, 0, 0, 10], [0, -2 * COSINE, 0, -20], [0, 2 * SINE, 5, 30], [0, 0, 0, 1.0]])
    with voxz.open(packed) as archive:
        assert archive.series[0].affine is not None
        assert np.allclose(archive.series[0].affine, expected)
    voxz.decompress(packed, tmp_path / "scan.nii", convert="nifti")
    converted = nibabel.load(tmp_path / "scan.nii")
    assert np.allclose(converted.affine, expected, atol=1e-5)
    assert np.allclose(converted.get_sform(coded=True)[0], expected, atol=1e-5)
    rotation = converted.get_qform()[:3, :3] / converted.header.get_zooms()
    assert np.allclose(rotation.T @ rotation, np.eye(3), atol=1e-5)


def test_conversion_writes_what_can_be_converted(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    write_series(folder / "a" / "t1", VOLUME, SeriesInstanceUID="1.1", RescaleSlope=3, RescaleIntercept=0)
    write_series(folder / "b" / "t1", VOLUME[::-1] + 1, SeriesInstanceUID="1.2")
    (folder / "colour.dcm").write_bytes(written(slice_of(np.zeros((8, 8, 3), np.uint8), SeriesInstanceUID="1.3")))
    packed = archived(folder, tmp_path)
    voxz.decompress(packed, tmp_path / "out", convert="nifti")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a_t1.nii.gz", "b_t1.nii.gz"]
    scaled = nibabel.load(tmp_path / "out" / "a_t1.nii.gz")
    assert scaled.get_data_dtype() == np.int16
    assert np.array_equal(scaled.get_fdata(), 3.0 * VOLUME.transpose(2, 1, 0))
    with pytest.raises(UsageError, match="folder"):
        voxz.decompress(packed, tmp_path / "one.nii", convert="nifti")
    with pytest.raises(UsageError, match="already"):
        voxz.decompress(packed, tmp_path / "out", convert="nifti")
    with pytest.raises(UsageError, match="nifti"):
        voxz.decompress(packed, tmp_path / "other", convert="analyze")
    only_colours = voxz.encode(np.zeros(3))
    with pytest.raises(UnsupportedError, match="scalar"):
        voxz.decompress(only_colours, tmp_path / "other", convert="nifti")


def test_one_warning_about_personal_data(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "scan", VOLUME)
    with pytest.warns(PersonalDataWarning, match=r"6 of 6 files .*dates, names or identifiers.*nothing is removed") as found:
        voxz.compress(folder, tmp_path / "a.voxz")
    assert len(found) == 1


def test_a_damaged_file_does_not_stop_the_others(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "scan", VOLUME)
    first = sorted(folder.iterdir())[0]
    first.write_bytes(first.read_bytes()[:-100])
    with pytest.warns(PlainBytesWarning, match="pixels"):
        packed = archived(folder, tmp_path)
    with voxz.open(packed) as archive:
        assert len(archive.series) == 1


needs_dcm2niix = pytest.mark.skipif(importlib.util.find_spec("dcm2niix") is None, reason="dcm2niix is not installed")


CASES: dict[str, tuple[NDArray[Any], dict[str, Any]]] = {
    "ct": (VOLUME, {"Modality": "CT", "SOPClassUID": uid.CTImageStorage, "RescaleSlope": 1, "RescaleIntercept": -1024}),
    "unsigned": (VOLUME.astype(np.uint16) * 40, {}),
    "times": (series(3, (4, 12, 10)), {"RepetitionTime": 2000, "TemporalPositionIdentifier": 1}),
    "pet": (VOLUME, {"Modality": "PT", "each": lambda place: {"RescaleSlope": 1 + place / 8, "RescaleIntercept": 0}}),
    "bytes": (VOLUME.astype(np.uint8), {}),
}


@needs_dcm2niix
@pytest.mark.parametrize("case", CASES)
def test_conversion_agrees_with_dcm2niix(tmp_path: Path, case: str) -> None:
    from dcm2niix import bin as dcm2niix

    volume, elements = CASES[case]
    folder = write_series(tmp_path / "scan", volume, Manufacturer="Siemens", **elements)
    voxz.decompress(archived(folder, tmp_path), tmp_path / "ours.nii", convert="nifti")
    command = [dcm2niix, "-z", "n", "-b", "n", "-f", "theirs", "-o", str(tmp_path), str(folder)]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {"TZ": "UTC"})
    ours, theirs = (nibabel.as_closest_canonical(nibabel.load(tmp_path / f"{name}.nii")) for name in ("ours", "theirs"))
    assert ours.shape == theirs.shape
    assert np.allclose(ours.affine, theirs.affine, atol=1e-4)
    assert np.allclose(ours.get_fdata(), theirs.get_fdata(), rtol=1e-6)
