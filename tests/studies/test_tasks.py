"""Studies as tasks of other programs: the recipes of docs/studies.md are run, by Slurm in effigy."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from commands import run
from samples import contents
from trees import small_study
from voxz.studies.__main__ import main
from voxz.studies.manifest import MANIFEST, Manifest
from voxz.studies.tasks import TASKS

DOCUMENT = Path(__file__).parents[2] / "docs/studies.md"

SBATCH = """#!/usr/bin/env bash
# runs each job of --array=0-LAST --wrap COMMAND, one after the other
set -e
for option in "$@"; do case "$option" in --array=0-*) last="${option#--array=0-}";; esac; done
for number in $(seq 0 "$last"); do SLURM_ARRAY_TASK_ID=$number bash -c "${@: -1}"; done
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study, this Python as `python`, and an `sbatch`."""
    small_study(tmp_path / "study")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (programs / "sbatch").write_text(SBATCH)
    for program in programs.iterdir():
        program.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]]))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path


LONG = [pytest.param(words, marks=pytest.mark.long) for words in ("As a Slurm job array:", "With Snakemake:")]


@pytest.mark.parametrize("words", ["With xargs:", *LONG])
def test_recipes(words: str, folder: Path) -> None:
    if "Snakemake" in words and shutil.which("snakemake") is None:
        pytest.skip("snakemake is not installed")
    text = DOCUMENT.read_text(encoding="utf-8")
    block = re.search(r"^```sh\n(.*?)^```$", text[text.index(words) :], re.DOTALL | re.MULTILINE)
    assert block
    command = ["bash", "-euo", "pipefail", "-c", block[1]]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=140)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "failed" not in ended.stderr
    assert run("decompress", "-r", folder / "packed", "-o", folder / "back").returncode == 0
    assert contents(folder / "back") == contents(folder / "study")


def test_tasks_are_what_is_left_and_of_one_size(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree, out = str(folder / "study"), str(folder / "packed")
    assert main(["plan", tree, out, "--level", "1", "--tasks", "4", "--names"]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines] == ["0", "1", "2", "3"]
    sizes = [int(line[1]) for line in lines]
    assert max(sizes) < 1.5 * min(sizes)
    assert main(["run", out, "0", "1", "2"]) == 0
    assert main(["run", out, "2"]) == 0, "again, as a job that was started twice"
    assert main(["collect", out]) == 4
    assert "failed" in capsys.readouterr().err
    assert "task 3 did not end" in {record.error for record in Manifest(Path(out))}
    assert not (Path(out) / TASKS).exists()
    assert main(["plan", tree, out, "--level", "1"]) == 0
    left = capsys.readouterr().out.splitlines()
    assert len(left) == len(lines[3][2].split())
    assert main(["run", out, *left]) == 0
    assert main(["collect", out]) == 0
    assert main(["plan", tree, out]) == 0
    assert capsys.readouterr().out == ""
    assert run("verify", "-r", out).returncode == 0


def test_tasks_refuse_what_is_not_theirs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree, out = str(folder / "study"), folder / "packed"
    assert main(["run", str(out), "0"]) == 2
    assert main(["plan", tree, tree]) == 2
    assert main(["plan", tree, str(out), "--tasks", "0"]) == 2
    assert main(["plan", tree, str(out), "--level", "1"]) == 0
    assert main(["run", str(out), "99"]) == 2
    capsys.readouterr()
    place = out / TASKS / "plan.jsonl"
    head, first, *_ = place.read_text().splitlines()
    for name in ("../../elsewhere", "/elsewhere"):
        place.write_text(f"{head}\n{json.dumps([json.loads(first)[0] | {'destination': name}])}\n")
        assert main(["run", str(out), "0"]) == 3
        assert "leads out" in capsys.readouterr().err
    place.write_text(f"{head}\n[3]\n")
    assert main(["run", str(out), "0"]) == 3
    assert not (out / MANIFEST).exists() or "elsewhere" not in (out / MANIFEST).read_text()
