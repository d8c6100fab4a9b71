"""Jobs of a queue as workers: a Slurm that runs each job at once, on this machine."""

import shutil
import sys
from pathlib import Path

import pytest

from commands import run_alone
from samples import contents
from trees import small_study

SBATCH = """#!/bin/sh
cp "$1" "$JOBS/script"
setsid sh "$JOBS/script" >"$JOBS/out" 2>&1 </dev/null &
echo $! >>"$JOBS/ids"
echo "Submitted batch job 17"
"""

SCANCEL = """#!/bin/sh
for id in $(cat "$JOBS/ids"); do kill -TERM -- "-$id" 2>/dev/null; done
"""

CONFIG = """
jobqueue:
  slurm:
    cores: 2
    processes: 2
    memory: 2GB
    walltime: '00:20:00'
    account: imaging
    interface: lo
"""


def test_slurm_by_the_users_own_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("dask_jobqueue")
    if shutil.which("setsid") is None:
        pytest.skip("needs setsid")
    programs, config = tmp_path / "bin", tmp_path / "config"
    for name, text in (("bin/sbatch", SBATCH), ("bin/scancel", SCANCEL), ("config/jobqueue.yaml", CONFIG)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "jobs").mkdir()
    path = f"{programs}:{Path(sys.executable).parent}:/usr/bin:/bin"
    for name, value in {"PATH": path, "DASK_CONFIG": str(config), "JOBS": str(tmp_path / "jobs")}.items():
        monkeypatch.setenv(name, value)
    tree = small_study(tmp_path / "study")
    ended = run_alone("compress", "-r", tree, "-o", tmp_path / "out", "-1", "--cluster", "slurm:1")
    assert ended.returncode == 0, ended.stderr
    script = (tmp_path / "jobs/script").read_text()
    assert "#SBATCH -A imaging" in script
    assert "#SBATCH -t 00:20:00" in script
    assert run_alone("decompress", "-r", tmp_path / "out", "-o", tmp_path / "back").returncode == 0
    assert contents(tmp_path / "back") == contents(tree)


def test_a_queue_that_is_not_described_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("dask_jobqueue")
    tree = small_study(tmp_path / "study")
    monkeypatch.setenv("DASK_CONFIG", str(tmp_path))
    for address, words in (("slurm:1", b"jobqueue.yaml"), ("slurm", b"slurm:4")):
        ended = run_alone("compress", "-r", tree, "-o", tmp_path / "out", "--cluster", address)
        assert (ended.returncode, words in ended.stderr) == (2, True), ended.stderr
