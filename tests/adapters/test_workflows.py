"""The recipes of docs/workflows.md, with the programs that they are for, where those are installed."""

import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest

import voxz
from phantoms import head

DOCUMENT = Path(__file__).parents[2] / "docs/workflows.md"

SCANS = ("scan", "study/sub-01/t1")

WHO = {
    "GIT_AUTHOR_NAME": "voxz",
    "GIT_COMMITTER_NAME": "voxz",
    "GIT_AUTHOR_EMAIL": "voxz@localhost",
    "GIT_COMMITTER_EMAIL": "voxz@localhost",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Scans, the commands `voxz` and those beside this Python, and a home that nobody else uses."""
    for number, name in enumerate(SCANS):
        path = tmp_path / f"{name}.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        nibabel.Nifti1Image(head((8, 20, 24)) + np.int16(number), np.eye(4)).to_filename(path)
    (tmp_path / "commands").mkdir()
    (tmp_path / "commands/voxz").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m voxz "$@"\n')
    (tmp_path / "commands/voxz").chmod(0o755)
    (tmp_path / "home").mkdir()
    # kernels stay where they are compiled already, wherever home is
    for name, value in (WHO | {"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": str(tmp_path / "home")}).items():
        monkeypatch.setenv(name, value)
    beside = os.pathsep.join([str(tmp_path / "commands"), str(Path(sys.executable).parent), os.environ["PATH"]])
    monkeypatch.setenv("PATH", beside)
    return tmp_path


def run_recipe(name: str, folder: Path) -> None:
    """Run the shell blocks below a heading."""
    if sys.platform == "win32" or shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    section = DOCUMENT.read_text(encoding="utf-8").lower().index(f"\n## {name}\n")
    text = DOCUMENT.read_text(encoding="utf-8")[section + 4 :].partition("\n## ")[0]
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert blocks
    command = ["bash", "-euo", "pipefail", "-c", "".join(blocks)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=140)
    assert done.returncode == 0, done.stdout + done.stderr


def is_scan(packed: Path, name: str, folder: Path) -> bool:
    """Whether a compressed file is the scan of that name."""
    original = nibabel.load(folder / f"{name}.nii.gz")
    with voxz.open(packed) as image:
        return np.array_equal(image[...], original.dataobj)


def test_snakemake(folder: Path) -> None:
    run_recipe("snakemake", folder)
    assert is_scan(folder / "packed/sub-01/t1.nii.voxz", "study/sub-01/t1", folder)
    with gzip.open(folder / "study/sub-01/t1.nii.gz") as scan:
        wanted = hashlib.sha256(scan.read()).hexdigest()
    assert (folder / "packed/sub-01/t1.sha256").read_text().split()[0] == wanted


def test_nextflow(folder: Path) -> None:
    run_recipe("nextflow", folder)
    assert is_scan(folder / "packed/t1.nii.voxz", "study/sub-01/t1", folder)


def test_git_annex(folder: Path) -> None:
    run_recipe("git-annex", folder)
    packed = folder / "annexed/sub-01/t1.nii.voxz"
    assert packed.is_symlink()
    assert is_scan(packed, "study/sub-01/t1", folder)


def test_datalad(folder: Path) -> None:
    run_recipe("datalad", folder)
    assert (folder / "dataset/scan.nii.voxz").is_symlink()
    assert is_scan(folder / "dataset/scan.nii.voxz", "scan", folder)
