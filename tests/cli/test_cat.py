"""``voxz cat``: files as they were, on standard output, by a path, a URL or standard input, alone or out of an archive."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import voxz
from commands import run, run_alone
from http_store import Served
from phantoms import head
from samples import write_gzip, write_nifti


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scan in gzip, a text beside it, and an archive of both."""
    folder = tmp_path_factory.mktemp("study")
    plain = write_nifti(folder / "scan.nii", head((6, 20, 24)))
    (folder / "in" / "anat").mkdir(parents=True)
    write_gzip(folder / "in" / "anat" / "scan.nii.gz", plain.read_bytes())
    (folder / "in" / "notes.txt").write_text("a note")
    voxz.compress(folder / "in" / "anat" / "scan.nii.gz", folder / "scan.nii.voxz", level=1)
    voxz.compress(folder / "in", folder / "study.voxz", level=1)
    return folder


def test_a_file_comes_out_of_its_gzip(study: Path) -> None:
    content, packed = (study / "scan.nii").read_bytes(), (study / "scan.nii.voxz").read_bytes()
    for done in (run_alone("cat", study / "scan.nii.voxz"), run("cat", "-", stdin=packed)):
        assert (done.returncode, done.stderr, done.stdout) == (0, b"", content)


@pytest.mark.parametrize("verb", ["cat", "info"])
def test_a_reader_that_goes_away_is_no_fault(verb: str, study: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "voxz", verb, str(study / "scan.nii.voxz")]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_url_is_read(study: Path, served: Served) -> None:
    served.files["scan.nii.voxz"] = (study / "scan.nii.voxz").read_bytes()
    done = run("cat", served.url("scan.nii.voxz"))
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == (study / "scan.nii").read_bytes()


def test_an_archive_gives_the_file_that_is_named(study: Path) -> None:
    assert run("cat", study / "study.voxz", "notes.txt").stdout == b"a note"
    assert run("cat", study / "study.voxz", "anat/scan.nii.gz").stdout == (study / "scan.nii").read_bytes()
    for arguments, words in (
        ([], b"is an archive of 2 files; name one of them"),
        (["other.txt"], b"other.txt"),
    ):
        done = run("cat", study / "study.voxz", *arguments)
        assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
        assert words in done.stderr


def test_damage_is_exit_code_3(study: Path) -> None:
    damaged = bytearray((study / "scan.nii.voxz").read_bytes())
    damaged[-20] ^= 1
    done = run("cat", "-", stdin=bytes(damaged))
    assert done.returncode == 3
    assert done.stderr.startswith(b"voxz: ")
    assert done.stderr.count(b"\n") == 1
