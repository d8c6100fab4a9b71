"""A folder as an archive for each DICOM series: together they restore what one archive would."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import voxz
from dicoms import slice_of, written
from samples import contents, smooth
from voxz.errors import TruncatedError, UsageError
from voxz.io.tree import tree


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Three series, one of them without pixels, in folders that do not tell them apart; notes, and an empty folder."""
    folder = tmp_path / "study"
    (folder / "all").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "notes.txt").write_text("beside")
    (folder / "all/broken.dcm").write_bytes(bytes(128) + b"DICM" + b"\xff" * 40)
    for number, pixels in enumerate(smooth((8, 9, 10))):
        series = "1.2.3." + "45"[number % 2]
        elements: dict[str, Any] = {"InstanceNumber": number, "ImagePositionPatient": [0, 0, number], "SeriesInstanceUID": series}
        modality = "CT" if number % 2 else "MR_Z"
        data = written(slice_of(pixels, **elements, Modality=modality))
        (folder / f"all/{number}").write_bytes(data.replace(b"MR_Z", b"MR/."))
    report = slice_of(np.zeros((2, 2), np.uint8), SeriesInstanceUID="1.2.3.6", Modality="SR")
    del report.PixelData, report.Rows
    (folder / "report").write_bytes(written(report))
    return folder


@pytest.mark.filterwarnings("ignore::voxz.errors.VoxzWarning")
def test_archives_of_series_restore_the_tree_together(study: Path, tmp_path: Path) -> None:
    voxz.compress(study, tmp_path / "out", split="series", level=1)
    made = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert made == ["other.voxz", "series-01-MR.voxz", "series-02-CT.voxz", "series-03-SR.voxz"]
    shapes = [[image.shape for image in voxz.open(tmp_path / "out" / name).series] for name in made]
    assert shapes == [[], [(10, 9, 4)], [(10, 9, 4)], []]
    for name in made:
        voxz.verify(tmp_path / "out" / name)
        voxz.decompress(tmp_path / "out" / name, tmp_path / "again")
    assert contents(tmp_path / "again") == contents(study)
    with pytest.raises(UsageError, match="is there already"):
        voxz.compress(study, tmp_path / "out", split="series")


def test_the_command_splits_and_joins(study: Path, tmp_path: Path) -> None:
    (study / "all/broken.dcm").unlink()
    for command in (
        ["compress", "study", "--split", "series", "-o", "out", "-1"],
        ["decompress", "out", "-o", "again", "--join"],
        ["compress", "study", "--split", "series", "-o", "out", "-1", "-f", "-q"],
    ):
        done = subprocess.run([sys.executable, "-m", "voxz", *command], cwd=tmp_path, check=True, capture_output=True, text=True)
        assert ("may tell who a person is" in done.stderr) == (command[0] == "compress" and "-q" not in command)
    assert contents(tmp_path / "again") == contents(study)
    for command, words in (
        (["compress", "study", "--split", "series"], "give -o a folder"),
        (["compress", "study/notes.txt", "--split", "series", "-o", "out"], "a single file has no series"),
        (["compress", "study", "--split", "name", "-o", "out"], "split by series (got 'name')"),
        (["decompress", "out", "--join"], "-o that folder"),
    ):
        done = subprocess.run([sys.executable, "-m", "voxz", *command], cwd=tmp_path, check=False, capture_output=True, text=True)
        assert done.returncode == 2
        assert words in done.stderr


def test_an_archive_never_lies_in_what_it_is_made_of(study: Path) -> None:
    with pytest.raises(UsageError, match="give a place outside"):
        voxz.compress(study, study / "a.voxz")
    with pytest.raises(UsageError, match="give a place outside"):
        voxz.compress([study], study / "out", split="series")
    assert not (study / "out").exists()


@pytest.mark.filterwarnings("ignore::voxz.errors.VoxzWarning")
def test_a_series_that_changes_is_noticed(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = tree.Tree.by_series

    def changed(whole: tree.Tree) -> list[tree.Tree]:
        (study / "all/3").write_bytes(b"another")
        return real(whole)

    monkeypatch.setattr(tree.Tree, "by_series", changed)
    with pytest.raises(TruncatedError, match="was changed while"):
        voxz.compress(study, tmp_path / "out", split="series", level=1)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["series-01-MR.voxz"]
