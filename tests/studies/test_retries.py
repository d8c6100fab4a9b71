"""What is done again, and what is not: units whose worker died before it told, disks that fail for a while, bad files."""

import errno
import os
import shutil
import time
from pathlib import Path

import pytest

import voxz
from samples import nifti, smooth, write_gzip
from trees import mixed_tree
from voxz import api
from voxz.errors import CorruptError
from voxz.studies.plan import Choice, Unit, plan
from voxz.studies.work import ATTEMPTS, Wish, compress_unit

LOSSY = Wish(voxz.MaxError(2), level=1)
MOVED = Wish(level=1, remove=True)


def unit_of(tree: Path, kind: str, ending: str) -> Unit:
    """A unit of this kind."""
    return next(unit for unit in plan(tree, Choice(), 1) if unit.kind == kind and unit.destination.endswith(ending))


@pytest.mark.filterwarnings("ignore::voxz.errors.PersonalDataWarning")
@pytest.mark.parametrize(
    ("kind", "ending"),
    [("image", "t2.nii.voxz"), ("image", "pair.img.voxz"), ("archive", "MR.voxz"), ("file", "participants.tsv")],
)
def test_files_that_a_dead_worker_has_moved_are_no_failure(kind: str, ending: str, tmp_path: Path) -> None:
    tree, out = mixed_tree(tmp_path / "study"), tmp_path / "out"
    header, data = nifti((8, 9, 10), pair=True)
    (tree / "pair.hdr").write_bytes(header)
    (tree / "pair.img").write_bytes(data)
    unit = unit_of(tree, kind, ending)
    kept = tree / unit.sources[-1]
    last = kept.read_bytes(), kept.stat()
    first = compress_unit(unit, tree, out, MOVED, 1)
    assert first.outcome == "done", first.error
    assert not any((tree / source).exists() for source in unit.sources)
    again = compress_unit(unit, tree, out, MOVED, 1)
    assert (again.outcome, again.error, again.written) == ("done", "", first.written)
    if len(unit.sources) > 1:  # it died while it deleted them
        kept.write_bytes(last[0])
        os.utime(kept, ns=(last[1].st_atime_ns, last[1].st_mtime_ns))
        assert compress_unit(unit, tree, out, MOVED, 1).outcome == "done"
        assert not kept.exists()
        kept.write_bytes(b"another file of this name")
    else:
        os.utime(out / unit.destination, ns=(5, 5))
    assert compress_unit(unit, tree, out, MOVED, 1).outcome == "failed", "what is there was made of another file"


def test_a_lossy_file_of_a_dead_worker_is_known_by_its_bytes(tmp_path: Path) -> None:
    tree, out = tmp_path / "study", tmp_path / "out"
    tree.mkdir()
    write_gzip(tree / "t1.nii.gz", nifti((18, 20, 12), samples=smooth((12, 20, 18)).tobytes())[1])
    unit = plan(tree, Choice(), 1)[0]
    assert compress_unit(unit, tree, out, LOSSY, 1).outcome == "done"
    place = out / unit.destination
    before = place.read_bytes()
    assert compress_unit(unit, tree, out, LOSSY, 1).outcome == "done"
    assert place.read_bytes() == before
    shutil.copy(tree / "t1.nii.gz", place)
    record = compress_unit(unit, tree, out, LOSSY, 1)
    assert "there already" in record.error
    assert place.read_bytes() == (tree / "t1.nii.gz").read_bytes()
    assert [path.name for path in out.iterdir()] == [unit.destination]


@pytest.mark.parametrize(
    ("fault", "tries"),
    [
        (OSError(errno.EIO, "the disk is away"), ATTEMPTS),
        (OSError(errno.ESTALE, "the server is away"), ATTEMPTS),
        (OSError(errno.ENOSPC, "the disk is full"), 1),
        (PermissionError(errno.EACCES, "not yours"), 1),
        (CorruptError("the file is bad"), 1),
        (MemoryError(), 1),
    ],
)
def test_only_what_may_pass_is_tried_again(fault: Exception, tries: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree, tried = tmp_path / "study", []
    tree.mkdir()
    (tree / "t1.nii").write_bytes(nifti((18, 20, 12), samples=smooth((12, 20, 18)).tobytes())[1])

    def fails(*_: object, **__: object) -> None:
        tried.append(1)
        raise fault

    monkeypatch.setattr(api, "compress_file", fails)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    record = compress_unit(plan(tree, Choice(), 1)[0], tree, tmp_path / "out", Wish(), 1)
    assert (record.outcome, len(tried)) == ("failed", tries)
    assert record.error


def test_a_disk_that_comes_back_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree, tried, real = tmp_path / "study", [], api.compress_file
    tree.mkdir()
    (tree / "t1.nii").write_bytes(nifti((18, 20, 12), samples=smooth((12, 20, 18)).tobytes())[1])

    def once(*given: object, **options: object) -> None:
        tried.append(1)
        if len(tried) == 1:
            raise OSError(errno.EIO, "the disk is away")
        real(*given, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(api, "compress_file", once)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    assert compress_unit(plan(tree, Choice(), 1)[0], tree, tmp_path / "out", Wish(level=1), 1).outcome == "done"
