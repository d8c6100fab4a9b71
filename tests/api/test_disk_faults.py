"""A disk that fails, a full disk, a file that changes, a process that is killed: input untouched, output absent, old or whole."""

import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import voxz
from samples import digest, nifti, smooth
from voxz.io import original

SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <unistd.h>
static int left(const char *name) { char *v = getenv(name); return v ? atoi(v) : -1; }
static int part(int fd) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, sizeof path - 1);
  if (n < 0) return 0;
  path[n] = 0;
  return strstr(path, ".part") != 0;
}
ssize_t write(int fd, const void *data, size_t size) {
  static int count = 0;
  ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
  if (part(fd) && count++ == left("FAIL_WRITE")) { errno = EIO; return -1; }
  return real(fd, data, size);
}
int fsync(int fd) {
  static int count = 0;
  int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
  if (count++ == left("FAIL_SYNC")) { errno = EIO; return -1; }
  return real(fd);
}
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that lets one write or one sync fail."""
    if sys.platform != "linux" or shutil.which("cc") is None:
        pytest.skip("needs a C compiler on Linux")
    folder = tmp_path_factory.mktemp("shim")
    (folder / "shim.c").write_text(SHIM)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", folder / "shim.so", folder / "shim.c", "-ldl"], check=True)
    return folder / "shim.so"


def scan(folder: Path, name: str = "a.nii") -> Path:
    (folder / name).write_bytes(nifti((40, 40, 20), samples=smooth((20, 40, 40)).tobytes())[1])
    return folder / name


@pytest.mark.parametrize(("fault", "number"), [("FAIL_WRITE", 0), ("FAIL_SYNC", 0), ("FAIL_SYNC", 1), ("FAIL_SYNC", 2)])
def test_a_disk_that_fails_a_write_or_a_sync_never_costs_the_input(fault: str, number: int, shim: Path, tmp_path: Path) -> None:
    source, before = scan(tmp_path), digest(scan(tmp_path))
    (tmp_path / "out").write_bytes(b"old")
    done = subprocess.run(
        [sys.executable, "-m", "voxz", "compress", "-1", "-f", "--rm", source, "-o", tmp_path / "out"],
        env={**os.environ, "LD_PRELOAD": str(shim), fault: str(number)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert digest(source) == before
    assert (tmp_path / "out").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.nii", "out"]


@pytest.mark.parametrize("change", [-7, 7])
def test_a_file_that_shrinks_or_grows_while_it_is_read_is_refused(
    change: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = scan(tmp_path)
    real = original.Image.read_tail

    def changing(self: original.Image) -> bytes:
        tail = real(self)
        os.truncate(source, source.stat().st_size + change)
        return tail

    monkeypatch.setattr(original.Image, "read_tail", changing)
    with pytest.raises(voxz.TruncatedError, match="was changed while it was read"):
        voxz.compress(source, tmp_path / "out", remove=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.nii"]


def test_a_batch_killed_at_random_moments_leaves_every_scan_once_at_least(tmp_path: Path) -> None:
    rng = random.Random(0)
    for _ in range(4):
        before = {scan(tmp_path, name): digest(scan(tmp_path, name)) for name in ("a.nii", "b.nii", "c.nii")}
        command = [sys.executable, "-m", "voxz", "compress", "-1", "-f", "--rm", *map(str, before)]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0.5, 3.0))
        process.kill()
        process.wait()
        for source, was in before.items():
            if source.exists():
                assert digest(source) == was
            else:
                voxz.decompress(source.with_name(source.name + ".voxz"), tmp_path / "back", force=True)
                assert digest(tmp_path / "back") == was
