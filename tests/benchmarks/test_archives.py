"""The comparison of archives: exactness is seen, sizes are set against tomoz."""

from pathlib import Path

import pytest

from benchmarks import archives
from dicoms import slice_of, written
from phantoms import head


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "scan" / "a").mkdir(parents=True)
    for number, pixels in enumerate(head((3, 32, 32))):
        data = slice_of(pixels, InstanceNumber=number + 1, ImagePositionPatient=[0, 0, 3 * number])
        (tmp_path / "scan" / "a" / f"{number}.dcm").write_bytes(written(data))
    (tmp_path / "scan" / "notes.txt").write_text("beside", encoding="utf-8")
    return tmp_path / "scan"


def test_rivals_give_everything_back(folder: Path) -> None:
    rows = list(archives.measured(folder, archives.RIVALS))
    assert [row.way for row in rows] == list(archives.RIVALS)
    assert all(row.exact and row.files == 4 for row in rows)
    assert "| to tomoz |" in archives.summary(rows)


def test_a_lossy_archiver_is_reported(folder: Path) -> None:
    def lose(data: bytes) -> archives.Files:
        files = archives.RIVALS["zip"][1](data)
        return files | {"notes.txt": b"besides"}

    (row,) = archives.measured(folder, {"lossy": (archives.RIVALS["zip"][0], lose)})
    assert not row.exact
    assert "NOT EXACT: scan by lossy" in archives.summary([row])
