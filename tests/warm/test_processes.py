"""Processes share numbered jobs, each of which is done once, and end together."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from voxz.warm.processes import in_processes


def mark(job: int) -> None:
    """Leave a file, which must not be there yet."""
    Path(os.environ["MARKS"], str(job)).touch(exist_ok=False)


def end(job: int) -> None:
    """What a system does to a process that takes too much memory."""
    os._exit(9)


def test_each_job_is_done_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARKS", str(tmp_path))
    reports: list[tuple[int, int]] = []
    in_processes(mark, 7, 2, lambda done, total: reports.append((done, total)))
    assert sorted(int(file.name) for file in tmp_path.iterdir()) == list(range(7))
    assert reports == sorted(reports)
    assert {total for _, total in reports} == {7}


def test_a_process_that_is_killed_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="a process ended before its work was done"):
        in_processes(end, 3, 2, lambda done, total: None)


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is another thing there")
def test_ctrl_c_ends_all_processes_with_one_line(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "voxz", "warm", "--processes", "2"],
        env={**os.environ, "VOXZ_CACHE_DIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as warming:
        while not list(tmp_path.glob("*.lock")):
            assert warming.poll() is None
            time.sleep(0.05)
        os.killpg(warming.pid, signal.SIGINT)
        _, said = warming.communicate()  # returns once no process has the pipes any more
    assert warming.returncode == 130
    assert said == b"voxz: interrupted; no unfinished file was left behind\n"
