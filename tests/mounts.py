"""Folders of .voxz files shown by `voxz mount`."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

mounts = pytest.mark.skipif(not Path("/dev/fuse").exists() or not shutil.which("fusermount3"), reason="needs FUSE 3")


class showing:  # noqa: N801 - a context
    """The command `voxz mount`, with more `options`, in a process of its own."""

    def __init__(self, folder: Path, top: Path, *options: str) -> None:
        self.place, self.log = top / "shown", top / "log"
        self.place.mkdir()
        with self.log.open("w") as log:
            command = [sys.executable, "-m", "voxz", "mount", str(folder), str(self.place), *options]
            self.process = subprocess.Popen(command, stderr=log)

    def __enter__(self) -> Path:
        for _ in range(600):
            if self.place.is_mount() or self.process.poll() is not None:
                break
            time.sleep(0.1)
        assert self.place.is_mount(), self.log.read_text()
        return self.place

    def __exit__(self, *_: object) -> None:
        subprocess.run(["fusermount3", "-u", "-z", str(self.place)], check=False, capture_output=True)
        self.process.wait(60)
