"""A disk that fails, is full or read-only, a file that changes, a killed process: the input stays, the output is old or whole."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import voxz
from samples import digest, nifti, smooth
from voxz.io import original

KILLS = os.environ.get("VOXZ_KILLS", "12")
"""How many runs are killed."""

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


@pytest.mark.parametrize(
    ("verb", "fault", "number"),
    [
        *(("compress", *fault) for fault in (("FAIL_WRITE", 0), ("FAIL_SYNC", 0), ("FAIL_SYNC", 1), ("FAIL_SYNC", 2))),
        *(("decompress", *fault) for fault in (("FAIL_WRITE", 0), ("FAIL_SYNC", 0), ("FAIL_SYNC", 1))),
    ],
)
def test_a_disk_that_fails_a_write_or_a_sync_never_costs_the_input(
    verb: str, fault: str, number: int, shim: Path, tmp_path: Path
) -> None:
    source = scan(tmp_path)
    if verb == "decompress":
        voxz.compress(source, tmp_path / "a.voxz", level=1, remove=True)
        source = tmp_path / "a.voxz"
    before = digest(source)
    (tmp_path / "out").write_bytes(b"old")
    done = subprocess.run(
        [sys.executable, "-m", "voxz", verb, "-f", "--rm", source, "-o", tmp_path / "out"],
        env={**os.environ, "LD_PRELOAD": str(shim), fault: str(number)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert digest(source) == before
    assert (tmp_path / "out").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == [source.name, "out"]


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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_runs_killed_at_random_moments_lose_nothing_and_leave_nothing_for_long(tmp_path: Path) -> None:
    command = [sys.executable, str(Path(__file__).parent.parent / "kills.py"), str(tmp_path), KILLS, "14"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    kinds = json.loads(done.stdout)
    assert len(kinds) == 6
    for name, found in kinds.items():
        assert (found["lost"], found["left over"]) == (0, 0), (name, found)
    assert sum(found["killed"] for found in kinds.values()) > int(KILLS) / 5
    assert sum(found["finished"] for found in kinds.values()) > 0


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a small file system in memory with some options."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting a file system needs root on Linux")
    folders: list[Path] = []

    def mount(options: str) -> Path:
        folder = tmp_path / f"disk{len(folders)}"
        folder.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
        folders.append(folder)
        return folder

    yield mount
    for folder in folders:
        subprocess.run(["umount", folder], check=True)


def packed(folder: Path) -> Path:
    voxz.compress(scan(folder, "packed.nii"), folder / "packed.voxz", level=1)
    return folder / "packed.voxz"


@pytest.mark.parametrize("verb", [voxz.compress, voxz.decompress])
def test_a_full_disk_keeps_the_input_and_the_old_file(
    verb: Callable[..., None], mounted: Callable[[str], Path], tmp_path: Path
) -> None:
    source = scan(tmp_path) if verb is voxz.compress else packed(tmp_path)
    disk, before = mounted("size=16k"), digest(source)
    (disk / "out").write_bytes(b"old")
    with pytest.raises(OSError, match="No space left on device") as full:
        verb(source, disk / "out", force=True, remove=True)
    assert full.value.filename == str(disk / "out")
    assert digest(source) == before
    assert {path.name: path.read_bytes() for path in disk.iterdir()} == {"out": b"old"}


@pytest.mark.parametrize("verb", [voxz.compress, voxz.decompress])
def test_a_read_only_file_system_keeps_input_and_output(
    verb: Callable[..., None], mounted: Callable[[str], Path], tmp_path: Path
) -> None:
    disk = mounted("size=1m")
    source = scan(disk) if verb is voxz.compress else packed(disk)
    before = digest(source)
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    with pytest.raises(OSError, match="Read-only file system"):
        verb(source, disk / "out")
    with pytest.raises(OSError, match="Read-only file system"):
        verb(source, tmp_path / "out", remove=True)
    assert digest(source) == before
    assert not (disk / "out").exists()
    verb(source, tmp_path / "again")
    assert digest(tmp_path / "again") == digest(tmp_path / "out")


AS_ANOTHER = """
import os, sys
from pathlib import Path
import voxz

verb, source, out, nobody = getattr(voxz, sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), 65534
verb(source, out / "first")  # loads all that it needs, which another user might not be allowed to
if os.geteuid() == 0:
    os.setgroups([])
    os.setegid(nobody)
    os.seteuid(nobody)
for destination, remove in ((source.parent / "out", False), (out / "second", True)):
    try:
        verb(source, destination, remove=remove)
    except PermissionError as error:
        print(error)
"""
"""Root may write everywhere, so it becomes nobody."""


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs users of POSIX")
@pytest.mark.parametrize("verb", ["compress", "decompress"])
def test_a_read_only_folder_keeps_input_and_output(verb: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder, out = Path(place) / "folder", Path(place) / "out"
        for path in (folder, out):
            path.mkdir()
        source = scan(folder) if verb == "compress" else packed(folder)
        before = digest(source)
        for path, mode in ((Path(place), 0o755), (source, 0o644), (folder, 0o555), (out, 0o777)):
            path.chmod(mode)
        command = [sys.executable, "-c", AS_ANOTHER, verb, str(source), str(out)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        folder.chmod(0o755)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("Permission denied") == 2, done.stdout
        assert digest(source) == before
        assert not (folder / "out").exists()
        assert digest(out / "second") == digest(out / "first")
