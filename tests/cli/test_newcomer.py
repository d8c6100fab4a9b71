"""What a newcomer looks for first: version, completion, help in panels, facts about files, an answer to Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import voxz
from commands import run
from phantoms import labels
from samples import nifti, smooth, write_gzip, write_nifti
from voxz.cli.text import size_text
from voxz.image.gzip_ratio import gzip_ratio
from voxz.image.modality import modality_of


def test_the_version_is_one_line() -> None:
    told = run("--version").stdout.decode()
    assert told == f"voxz {voxz.__version__}, file format 1.0\n"


@pytest.mark.skipif(sys.platform == "win32", reason="needs bash")
def test_the_shell_completes_commands_and_options(tmp_path: Path) -> None:
    program = tmp_path / "voxz"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m voxz "$@"\n')
    program.chmod(0o755)
    script = """
source <(_VOXZ_COMPLETE=source_bash voxz)
complete -p voxz
COMP_WORDS=(voxz compr); COMP_CWORD=1; _voxz_completion voxz; echo "${COMPREPLY[@]}"
COMP_WORDS=(voxz compress --deri); COMP_CWORD=2; _voxz_completion voxz; echo "${COMPREPLY[@]}"
"""
    environment = os.environ | {"PATH": os.pathsep.join([str(tmp_path), os.environ["PATH"]])}
    told = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, env=environment).stdout.splitlines()
    assert "_voxz_completion" in told[0]
    assert told[1:] == ["compress", "--derivative"]


def test_help_shows_what_is_usual_first() -> None:
    text = run("compress", "--help").stdout.decode()
    panels = dict(part.partition(":\n")[::2] for part in text.split("\n\n") if ":\n" in part)
    usual = {word for line in panels["Options"].splitlines() for word in line.replace(",", " ").split()[:2] if word[:2] == "--"}
    assert usual == {"--output", "--level", "--threads", "--force", "--rm", "--quiet", "--verbose", "--help"}
    assert "--max-error" in panels["Loss"]
    assert "--brick" in panels["For experts"]
    assert "--include" in panels["Trees of files"]
    assert "130 interrupted" in run("--help").stdout.decode()


def test_a_folder_that_is_not_there_is_made_or_named(tmp_path: Path) -> None:
    scan = write_gzip(tmp_path / "scan.nii.gz", nifti((8, 9, 10))[1])
    assert run("compress", scan, "-o", f"{tmp_path / 'new/folder'}/").returncode == 0
    assert (tmp_path / "new/folder/scan.nii.voxz").exists()
    assert run("compress", scan, scan.rename(tmp_path / "b.nii.gz"), "-o", tmp_path / "other").returncode == 4
    refused = run("compress", tmp_path / "b.nii.gz", "-o", tmp_path / "absent/b.voxz")
    assert (refused.returncode, refused.stderr.count(b"\n")) == (1, 1)
    assert b"make it first" in refused.stderr


def test_info_says_what_people_ask_for(tmp_path: Path) -> None:
    scan = write_nifti(tmp_path / "sub-01_task-rest_bold.nii", smooth((4, 40, 50, 60)))
    np.save(tmp_path / "b.npy", labels((8, 20, 24)))
    run("compress", scan, tmp_path / "b.npy")
    packed = tmp_path / "sub-01_task-rest_bold.nii.voxz", tmp_path / "b.npy.voxz"
    text = run("info", "--gzip", *packed).stdout.decode()
    assert text.count("sample bytes") == 2
    for words in ("functional MRI (its name)", "960,000 (960 kB)", "times smaller (gzip -6, from", "segmentation (few values)"):
        assert words in text
    first, second = json.loads(run("info", "--json", "--gzip", *packed).stdout)
    assert first["voxel_mm"] == list(voxz.open(packed[0]).voxel_size or ())
    assert second["voxel_mm"] == []
    found = gzip_ratio(packed[0])
    assert found is not None
    assert first["gzip_ratio"] == pytest.approx(found[0])
    assert 1 < found[0] < 4


@pytest.mark.parametrize(
    ("guess", "arguments"),
    [
        ("CT", {"name": "x", "facts": {"modality": "CT"}}),
        ("T1-weighted MRI (its name)", {"name": "sub-01_ses-2_run-1_T1w.nii.voxz"}),
        ("diffusion MRI (its name)", {"name": "dwi.nii.voxz"}),
        ("CT (its name)", {"name": "ct_lung.nii.voxz"}),
        ("segmentation (its header)", {"name": "t1", "intent": 1002}),
        ("functional or diffusion MRI (many volumes)", {"name": "a.nii", "shape": (9, 9, 9, 60)}),
        ("", {"name": "scan.nii", "shape": (9, 9, 9)}),
    ],
)
def test_modalities_are_guessed(guess: str, arguments: dict[str, object]) -> None:
    assert modality_of(**arguments) == guess  # type: ignore[arg-type]


@pytest.mark.parametrize(("size", "words"), [(0, "0 bytes"), (999, "999 bytes"), (1000, "1 kB"), (1.9e12, "1.9 TB")])
def test_sizes_are_for_people(size: float, words: str) -> None:
    assert size_text(size) == words


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
@pytest.mark.parametrize("recursive", [False, True])
def test_ctrl_c_is_answered_within_a_second(recursive: bool, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    np.save(tmp_path / "in/a.npy", smooth((120, 256, 256)))
    given = ["-r", tmp_path / "in", "-o", tmp_path / "out"] if recursive else [tmp_path / "in/a.npy", "-o", tmp_path / "a.voxz"]
    took = []
    for _ in range(3):  # the machine may be busy with something else
        process = subprocess.Popen([sys.executable, "-m", "voxz", "compress", "-9", *map(str, given)], stderr=subprocess.PIPE)
        time.sleep(4)
        assert process.poll() is None
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
        took.append(time.monotonic() - began)
        assert process.returncode == 130
        assert said.startswith(b"voxz: interrupted")
        if took[-1] < 1:
            break
    assert min(took) < 1, took
    assert not [path for path in tmp_path.rglob("*") if path.name.endswith((".part", "a.npy.voxz"))]
