"""Any program reads a folder of .voxz files as the files they were, through the file system of `voxz mount`."""

import contextlib
import errno
import gzip
import hashlib
import mmap
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import nibabel
import numpy as np
import pytest

import voxz
from mounts import mounts, showing
from samples import digest, nifti, smooth, write_gzip, write_nifti
from voxz.adapters import mount as host
from voxz.adapters.mount import answered, mount
from voxz.adapters.shown_tree import ShownTree
from voxz.bench.worker import high_water_kib
from voxz.container.reader import StoredArray
from voxz.image.restored_part import runs

SERIES = smooth((3, 40, 64, 64))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study in compressed form, and in `plain` as it was."""
    top = tmp_path_factory.mktemp("study")
    plain, packed = top / "plain", top / "packed"
    write_nifti(plain / "sub-01/anat/sub-01_T1w.nii", smooth((100, 64, 64)))
    write_nifti(plain / "sub-01/func/bold.nii", SERIES)
    header, data = nifti((8, 9, 10), pair=True)
    (plain / "pair.hdr").write_bytes(header)
    (plain / "pair.img").write_bytes(data)
    np.save(plain / "array.npy", SERIES[1])
    np.save(plain / "big_endian.npy", SERIES[0].astype(">i2"))
    (plain / "notes.txt").write_text("no image\n")
    for path in sorted(plain.rglob("*")):
        target = packed / path.relative_to(plain)
        if path.is_dir():
            target.mkdir(parents=True)
        elif path.suffix == ".txt":
            shutil.copy2(path, target)
        elif path.suffix != ".hdr":
            packed.mkdir(exist_ok=True)
            voxz.compress(path, f"{target}.voxz", level=1)
    return top


@pytest.fixture
def mounted(folder: Path, tmp_path: Path) -> Iterator[Path]:
    with showing(folder / "packed", tmp_path) as place:
        yield place


@mounts
def test_a_folder_is_what_it_was(folder: Path, mounted: Path) -> None:
    plain = sorted(path.relative_to(folder / "plain") for path in (folder / "plain").rglob("*"))
    assert sorted(path.relative_to(mounted) for path in mounted.rglob("*")) == plain
    for name in plain:
        if (folder / "plain" / name).is_file():
            assert (mounted / name).stat().st_size == (folder / "plain" / name).stat().st_size
            assert digest(mounted / name) == digest(folder / "plain" / name), name
    image = nibabel.load(mounted / "sub-01/func/bold.nii")
    assert np.array_equal(image.dataobj.get_unscaled()[..., 1], SERIES[1].T)
    subprocess.run(["cp", "-r", str(mounted), str(mounted.parent / "copy")], check=True)
    with (mounted / "array.npy").open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
        assert hashlib.sha256(view).hexdigest() == digest(folder / "plain/array.npy")
    assert (mounted / "array.npy").stat().st_blocks * 512 >= (mounted / "array.npy").stat().st_size  # else tar -S sees a hole
    for change in (mounted / "notes.txt").touch, (mounted / "pair.img").unlink, (mounted / "x").mkdir:
        with pytest.raises(OSError, match="Read-only"):
            change()
    with pytest.raises(FileNotFoundError):
        (mounted / "array.npy.voxz").stat()


@mounts
def test_readers_at_once_killed_ones_and_unmounting_while_busy(folder: Path, tmp_path: Path) -> None:
    with showing(folder / "packed", tmp_path) as place:
        name = "sub-01/func/bold.nii"
        killed = subprocess.Popen([sys.executable, "-c", f"open({str(place / name)!r}, 'rb').read(1 << 20); input()"], stdin=-1)
        sums = [subprocess.Popen(["sha256sum", str(place / name)], stdout=subprocess.PIPE, text=True) for _ in range(2)]
        killed.kill()
        killed.communicate()
        assert {each.communicate()[0].split()[0] for each in sums} == {digest(folder / "plain" / name)}
        held = (place / name).open("rb")
        held.read(10)
        subprocess.run(["fusermount3", "-u", "-z", str(place)], check=True)
        assert not place.is_mount()
        held.close()


@mounts
def test_memory_is_bounded_whatever_is_read(tmp_path: Path) -> None:
    cached, room, packed = 8 << 10, 48 << 10, tmp_path / "packed"  # KiB
    volume = smooth((96, 256, 256))
    names = [f"{number}.npy" for number in range(8)]
    packed.mkdir()
    for number, name in enumerate(names):
        np.save(tmp_path / name, volume + number)
        voxz.compress(tmp_path / name, packed / f"{name}.voxz", level=1, verify=False)
    with (command := showing(packed, tmp_path, "--cache", str(cached >> 10))) as place:
        status = Path(f"/proc/{command.process.pid}/status")
        assert digest(place / names[0]) == digest(tmp_path / names[0])
        begun = high_water_kib(status)
        for name in (*names, *names[::-1]):
            assert digest(place / name) == digest(tmp_path / name)
        ended = high_water_kib(status)
    assert begun is not None
    assert ended is not None
    assert len(names) * volume.nbytes >> 10 > cached + room
    assert ended - begun < cached + room


@mounts
def test_ctrl_c_is_an_end_like_others(folder: Path, tmp_path: Path) -> None:
    shown = showing(folder / "packed", tmp_path)
    with shown as place:
        held = os.open(place / "notes.txt", os.O_RDONLY)
        shown.process.send_signal(signal.SIGINT)
        assert shown.process.wait(60) == 0
        assert not place.is_mount()
        with contextlib.suppress(OSError):  # nobody answers any more
            os.close(held)
    assert shown.log.read_text() == ""


@mounts
def test_damage_is_an_input_output_error_and_a_line_in_the_log(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "packed").mkdir()
    data = bytearray((folder / "packed/sub-01/func/bold.nii.voxz").read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "packed/a.nii.voxz").write_bytes(data)
    (tmp_path / "packed/b.nii.voxz").write_bytes(data[:100])
    with showing(tmp_path / "packed", tmp_path) as place:
        assert (place / "a.nii").stat().st_size == (folder / "plain/sub-01/func/bold.nii").stat().st_size
        for path in (place / "a.nii", place / "b.nii"):
            with pytest.raises(OSError, match="Input/output") as caught:
                path.read_bytes()
            assert caught.value.errno == errno.EIO
        assert sorted(path.name for path in place.iterdir()) == ["a.nii", "b.nii"]
    lines = (tmp_path / "log").read_text()
    assert "voxz: /a.nii: the bytes at" in lines
    assert "voxz: /b.nii: " in lines


def test_reads_decode_what_they_touch_once_within_the_bound(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[tuple[int, int]] = []
    brick = StoredArray.brick

    def counted(self: StoredArray, number: int, *arguments: object, **options: object) -> object:
        decoded.append((id(self), number))
        return brick(self, number, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(StoredArray, "brick", counted)
    tree, shown = ShownTree(folder / "packed", cache_bytes=1 << 30), ["/sub-01/func/bold.nii", "/sub-01/anat/sub-01_T1w.nii"]
    plain = [(folder / "plain" / name[1:]).read_bytes() for name in shown]
    assert [tree.entry(name).size for name in shown] == list(map(len, plain))
    assert not decoded
    one = tree.entry(shown[1])
    assert one.read is not None
    assert one.read(400, 1000) == plain[1][400:1400]
    assert len(decoded) == 1
    rng = np.random.default_rng(0)
    for _ in range(60):
        number = int(rng.integers(2))
        start, size = int(rng.integers(len(plain[number]))), int(rng.integers(1, 1 << 17))
        entry = tree.entry(shown[number])
        assert entry.read is not None
        assert entry.read(start, size) == plain[number][start : start + size]
    assert len(decoded) == len(set(decoded))
    small = ShownTree(folder / "packed", cache_bytes=1 << 19)
    for start in range(0, len(plain[0]), 1 << 17):
        for name, data in zip(shown, plain, strict=True):
            entry = small.entry(name)
            assert entry.read is not None
            assert entry.read(start, 1 << 17) == data[start : start + (1 << 17)]
            assert small.kept.nbytes <= 1 << 20  # one brick may be larger than the bound


def test_archives_are_folders(folder: Path, tmp_path: Path) -> None:
    plain = tmp_path / "study"
    shutil.copytree(folder / "plain", plain)
    write_gzip(plain / "packed.nii.gz", (plain / "sub-01/func/bold.nii").read_bytes())
    (tmp_path / "packed").mkdir()
    voxz.compress(plain, tmp_path / "packed/study.voxz", level=1)
    shutil.copy(tmp_path / "packed/study.voxz", tmp_path / "packed/mine.txt")
    tree = ShownTree(tmp_path / "packed")
    assert set(names(tree, "/")) == {"study", "mine.txt"}
    assert set(names(tree, "/study")) == {path.name.removesuffix(".gz") for path in plain.iterdir()}
    assert names(tree, "/study/sub-01/anat") == ["sub-01_T1w.nii"]
    for path in plain.rglob("*"):
        if path.is_file():
            entry = tree.entry(f"/study/{path.relative_to(plain).as_posix().removesuffix('.gz')}")
            data = (gzip.decompress if path.suffix == ".gz" else bytes)(path.read_bytes())
            assert entry.size == len(data)
            assert entry.read is not None
            assert entry.read(0, entry.size) == data, path
            assert entry.read(entry.size // 3, 1001) == data[entry.size // 3 :][:1001]
    with pytest.raises(FileNotFoundError):
        tree.entry("/study/sub-02")
    with pytest.raises(NotADirectoryError):
        tree.entry("/study/notes.txt/x")


def test_files_that_belong_together_lie_side_by_side(tmp_path: Path) -> None:
    plain, packed = tmp_path / "plain", tmp_path / "packed"
    plain.mkdir()
    packed.mkdir()
    (plain / "a.nhdr").write_text("NRRD0004\ntype: int16\ndimension: 3\nsizes: 64 64 40\nencoding: raw\ndata file: a.raw\n")
    (plain / "a.raw").write_bytes(SERIES[0].tobytes())
    voxz.compress([plain / "a.nhdr", plain / "a.raw"], packed / "a.nhdr.voxz", level=1)
    (plain / "store/0").mkdir(parents=True)
    (plain / "store/0/zarr.json").write_text("{}")
    voxz.compress({"store/0/zarr.json": plain / "store/0/zarr.json"}, packed / "store.voxz")
    tree = ShownTree(packed)
    for _ in range(2):
        assert sorted(names(tree, "/")) == ["a.nhdr", "a.raw", "store"]
        assert names(tree, "/store/0") == ["zarr.json"]
        for path in plain.rglob("*.*"):
            entry = tree.entry(f"/{path.relative_to(plain).as_posix()}")
            assert entry.read is not None
            assert entry.read(0, entry.size) == path.read_bytes()
    for absent in ("/a.nhdr.voxz", "/b.raw", "/a.nhdr/a.raw", "/none/a.raw"):
        with pytest.raises(OSError, match=r"No such file|Not a directory"):
            tree.entry(absent)
    (packed / "a.raw").write_text("another")
    entry = tree.entry("/a.raw")
    assert entry.size == 7
    assert sorted(names(tree, "/")) == ["a.nhdr", "a.raw", "store"]


def test_gzip_has_its_name_where_that_is_asked_for(folder: Path, tmp_path: Path) -> None:
    plain, packed = tmp_path / "plain", tmp_path / "packed"
    packed.mkdir()
    (plain / "d/empty").mkdir(parents=True)
    image = (folder / "plain/sub-01/func/bold.nii").read_bytes()
    write_gzip(plain / "a.nii.gz", image)
    write_gzip(plain / "d/b.nii.gz", image)
    voxz.compress(plain / "a.nii.gz", packed / "a.nii.voxz", level=1)
    voxz.compress(plain / "d", packed / "d.voxz", level=1)
    (packed / "bad.nii.voxz").write_bytes((packed / "a.nii.voxz").read_bytes()[:50])
    for gz, ending in ((True, ".gz"), (False, "")):
        tree = ShownTree(packed, gz=gz)
        assert sorted(names(tree, "/")) == [f"a.nii{ending}", "bad.nii", "d"]
        assert sorted(names(tree, "/d")) == [f"b.nii{ending}", "empty"]
        assert names(tree, "/d/empty") == []
        for name in ("/a.nii", "/d/b.nii"):
            entry = tree.entry(name + ending)
            assert entry.read is not None
            read = entry.read(0, entry.size)
            assert len(read) == entry.size
            assert (gzip.decompress(read) if gz else read) == image
            with pytest.raises(FileNotFoundError):
                tree.entry(name + ("" if gz else ".gz"))


def test_a_pair_that_was_gzip_is_shown_as_one_kind_of_files(tmp_path: Path) -> None:
    plain, packed = tmp_path / "plain", tmp_path / "packed"
    plain.mkdir()
    packed.mkdir()
    contents = dict(zip(("hdr", "img"), nifti((8, 9, 10), pair=True), strict=True))
    for ending, content in contents.items():
        (plain / f"a.{ending}.gz").write_bytes(gzip.compress(content, 6, mtime=0))
    voxz.compress(plain / "a.img.gz", packed / "a.img.voxz")
    shutil.copy(packed / "a.img.voxz", packed / "b.img.gz.voxz")
    tree = ShownTree(packed)
    assert sorted(names(tree, "/")) == ["a.hdr", "a.img", "b.hdr.gz", "b.img.gz"]
    for name in names(tree, "/"):
        entry = tree.entry(f"/{name}")
        assert entry.read is not None
        shown = entry.read(0, entry.size)
        assert len(shown) == entry.size
        assert (gzip.decompress(shown) if name.endswith(".gz") else shown) == contents[name.split(".")[1]]
    assert sorted(names(ShownTree(packed, gz=True), "/")) == ["a.hdr.gz", "a.img.gz", "b.hdr.gz", "b.img.gz"]


def names(tree: ShownTree, path: str) -> list[str]:
    listed = tree.entry(path).names
    assert listed is not None
    return listed()


def test_runs_are_the_samples_in_their_order() -> None:
    shape = (3, 2, 4, 5)
    order = np.arange(120).reshape(shape)
    for start in range(121):
        for stop in range(start, 121):
            found = [order[np.ix_(*box)].ravel() for box in runs(start, stop, shape)]
            assert len(found) <= 7
            assert np.array_equal(np.concatenate([*found, np.empty(0, int)]), np.arange(start, stop))


def test_requests_end(caplog: pytest.LogCaptureFixture) -> None:
    turns, end = threading.BoundedSemaphore(1), threading.Event()
    for _ in range(2):  # the first is answered too late, the second finds no turn
        with pytest.raises(OSError, match="Input/output"):
            answered(end.wait, "/a.nii", 0.05, turns)
    end.set()
    assert [record.getMessage().split(",")[0] for record in caplog.records] == [
        "/a.nii: no answer within 0.05 s",
        "/a.nii: no turn within 0.05 s",
    ]
    assert answered(lambda: 3, "/a.nii", 5, turns) == 3
    with pytest.raises(FileNotFoundError):
        answered(lambda: Path("/nowhere/at/all").stat(), "/a.nii", 5, turns)


def test_places_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for folder, place in ((tmp_path, tmp_path / "in"), (tmp_path / "in", tmp_path), (tmp_path, tmp_path / "none")):
        with pytest.raises(voxz.UsageError):
            mount(folder, place)
    assert host.MOST_REQUESTS > 1
