"""What comes back of a .nii.gz: the same content always, the same bytes where the original was canonical."""

from pathlib import Path

import pytest

import voxz
from samples import digest, nifti, smooth, write_gzip

DATA = nifti((40, 40, 30), samples=smooth((30, 40, 40)).tobytes())[1]


@pytest.mark.parametrize("level", [1, 6, 9])
def test_canonical_gzip_is_identical(level: int, tmp_path: Path) -> None:
    source = write_gzip(tmp_path / "a.nii.gz", DATA, level=level)
    voxz.compress(source, tmp_path / "a.voxz")
    facts = voxz.info(tmp_path / "a.voxz").to_dict()
    assert (facts["gzip"], facts["gzip_identical"], facts["gzip_level"]) == (True, True, level)
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "b.nii.gz")
    assert digest(tmp_path / "b.nii.gz") == digest(source)


@pytest.mark.parametrize("other", [{"name": "scan.nii"}, {"mtime": 1}, {"level": 3}])
def test_other_gzip_keeps_its_content(other: dict[str, object], tmp_path: Path) -> None:
    source = write_gzip(tmp_path / "a.nii.gz", DATA, **other)  # type: ignore[arg-type]
    voxz.compress(source, tmp_path / "a.voxz")
    facts = voxz.info(tmp_path / "a.voxz").to_dict()
    assert (facts["gzip"], facts["gzip_identical"]) == (True, False)
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "b.nii.gz")
    assert digest(tmp_path / "b.nii.gz") == digest(write_gzip(tmp_path / "c.nii.gz", DATA))


def test_several_members_are_one_stream(tmp_path: Path) -> None:
    first = write_gzip(tmp_path / "1", DATA[:5000]).read_bytes()
    second = write_gzip(tmp_path / "2", DATA[5000:]).read_bytes()
    (tmp_path / "a.nii.gz").write_bytes(first + second)
    voxz.compress(tmp_path / "a.nii.gz", tmp_path / "a.voxz")
    assert not voxz.info(tmp_path / "a.voxz").to_dict()["gzip_identical"]
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "b.nii")
    assert (tmp_path / "b.nii").read_bytes() == DATA
