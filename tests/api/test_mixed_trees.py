"""A tree as people have them, of every format at once: whole in one archive, and file by file."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import voxz
from samples import contents
from trees import VOLUME, mixed_tree
from voxz.cli.app import app
from voxz.errors import VoxzWarning
from voxz.io.names import compressed_name, restored_name

pytestmark = pytest.mark.filterwarnings("ignore::voxz.errors.VoxzWarning")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return mixed_tree(tmp_path / "study")


def test_one_archive_restores_the_tree(tree: Path, tmp_path: Path) -> None:
    voxz.compress(tree, tmp_path / "a.voxz", level=1)
    voxz.verify(tmp_path / "a.voxz")
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "back")
    assert contents(tmp_path / "back") == contents(tree)
    with voxz.open(tmp_path / "a.voxz") as archive:
        found = {(image.format, image.name): image for image in archive.series}
        assert set(found) == {
            ("nifti", "sub-01/anat/t1.nii"),
            ("nifti", "sub-01/anat/t2.nii.gz"),
            ("dicom", "dicom/ct"),
            ("analyze", "analyze/a.img"),
            ("nrrd", "analyze/a.nrrd"),
            ("nrrd", "analyze/b.raw"),
            ("zarr", "array.zarr/0"),
            ("hdf5", "features.h5"),
            ("tiff", "pictures"),
            ("png", "pictures"),
        }
        for (kind, _), image in found.items():
            volume: Any = np.asarray(image[...])
            if kind in ("nifti", "analyze", "nrrd"):
                assert np.array_equal(volume, VOLUME.T)
            elif kind in ("zarr", "hdf5"):
                assert np.array_equal(volume, VOLUME)


def test_file_by_file_it_says_which_files_are_damaged(tree: Path, tmp_path: Path) -> None:
    (tree / "sub-01/anat/cut.nii").write_bytes((tree / "sub-01/anat/t1.nii").read_bytes()[:-99])
    told = CliRunner().invoke(app, ["compress", "-r", str(tree), "-o", str(tmp_path / "packed")])
    assert told.exit_code == 0
    faults = [line for line in told.output.splitlines() if line.endswith("; kept as plain bytes")]
    assert len(faults) == 2
    assert "dicom/ct/cut.dcm: the pixels take 720 bytes, the file has 621 of them" in told.output
    assert "sub-01/anat/cut.nii: " in told.output
    again = CliRunner().invoke(app, ["decompress", "-r", str(tmp_path / "packed"), "-o", str(tmp_path / "back")])
    assert again.exit_code == 0
    assert contents(tmp_path / "back") == contents(tree)
    quiet = CliRunner().invoke(app, ["compress", "-r", "-q", "-f", str(tree), "-o", str(tmp_path / "packed")])
    assert "warning" not in quiet.output


def test_every_file_comes_back_alone(tree: Path, tmp_path: Path) -> None:
    files = [path for path in tree.rglob("*") if path.is_file() and path.name != "a.hdr"]
    for path in files:
        packed = tmp_path / "packed" / compressed_name(path).relative_to(tree)
        packed.parent.mkdir(parents=True, exist_ok=True)
        voxz.compress(path, packed, level=1)
        again = tmp_path / "back" / restored_name(packed).relative_to(tmp_path / "packed")
        again.parent.mkdir(parents=True, exist_ok=True)
        voxz.decompress(packed, again)
    for path in files:
        assert (tmp_path / "back" / path.relative_to(tree)).read_bytes() == path.read_bytes()


def test_a_damaged_file_of_each_format_stops_nothing(tree: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for path in sorted(path for path in tree.rglob("*") if path.is_file()):
        data = bytearray(path.read_bytes())
        for at in rng.integers(0, min(len(data), 2000), 3):
            data[at] = rng.integers(256)
        path.write_bytes(data[: -len(data) // 3] if rng.random() < 0.3 else data)
    with pytest.warns(VoxzWarning):
        voxz.compress(tree, tmp_path / "a.voxz", level=1)
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "back")
    assert contents(tmp_path / "back") == contents(tree)
