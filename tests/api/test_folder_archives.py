"""A folder in one file: every byte comes back, series are volumes, and nothing leads out of the folder."""

import gzip
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
from numpy.typing import NDArray

import voxz
from benchmarks.file_parts import FileParts
from samples import contents, nifti, smooth, write_gzip
from voxz.container.catalogue import NAMED, CatalogueBuilder
from voxz.container.files import StoredFile
from voxz.errors import CorruptError, PlainBytesWarning
from voxz.io import readers
from voxz.io.foreign_file import ForeignFile, Space, Stretch
from voxz.io.tree import arrays, tree
from voxz.volume.layout import Layout
from voxz.volume.view import IDENTITY, View, axes, channels_first, mosaic

MAGIC = b"SLICE"


class Slices:
    """A format for tests: MAGIC, then i16 (pictures, kind, x, y, place, time); each picture is 20 bytes of text, then samples.

    Kinds: 0 plain, 1 flipped and turned, 2 colour planes, 3 mosaic of 2 x 2, 4 pictures in turn of two arrays, 5 broken packing.
    """

    @staticmethod
    def recognise(head: bytes, name: str) -> bool:
        return head[:5] == MAGIC or name.endswith(".broken")

    @staticmethod
    def parse(file: BinaryIO, size: int, name: str, beside: Callable[[str], BinaryIO]) -> ForeignFile:
        head = file.read(17)
        if name.endswith(".broken"):
            raise CorruptError("it is broken")
        pictures, kind, x, y, place, time = struct.unpack("<6h", head[5:])
        shape, channels, view, packing = {
            0: ((x, y), 1, IDENTITY, "raw"),
            1: ((y, x), 1, axes((y, x), (1, 0), (0,)), "raw"),
            2: ((x, y), 3, channels_first(3, y, x), "raw"),
            3: ((x // 2, y // 2, 4), 1, mosaic(2, 2, y // 2, x // 2), "raw"),
            4: ((x, y), 1, IDENTITY, "raw"),
            5: ((x, y), 1, IDENTITY, "rle"),
        }[kind]
        layout = Layout(shape, np.dtype("<i2"), True, channels)
        stretches = []
        for number in range(pictures):
            start = 17 + number * (20 + layout.nbytes) + 20
            key = (kind, number % 2) if kind == 4 else (kind, layout)
            position = (float(time), float(place if kind != 4 else place + number // 2))
            stretches.append(Stretch(start, layout.nbytes, layout, packing, key, position, view))
        affine = np.diag([2.0, 3.0, 1.0, 1.0])
        affine[2, 3] = 5.0 * place
        return ForeignFile("slices", {name: tuple(stretches)}, Space(affine, scaling=((2.0, float(place)),)), {"modality": "XX"})


def picture(kind: int, x: int, y: int, place: int = 0, time: int = 0, pictures: int = 1) -> tuple[bytes, NDArray[Any]]:
    """A file of the format, and its samples as they lie in it."""
    samples = smooth((pictures, y * (3 if kind == 2 else 1), x), seed=place * 100 + time)
    parts = [MAGIC + struct.pack("<6h", pictures, kind, x, y, place, time)]
    for number in range(pictures):
        parts += [f"place {place:05} t {time:04}.".encode()[:20].ljust(20), samples[number].tobytes()]
    return b"".join(parts) + b"end", samples


@pytest.fixture
def slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(readers.READERS, "slices", Slices())


def there_and_back(folder: Path, **options: Any) -> Any:
    """Archive a folder, restore it, compare both; return the open archive."""
    packed = folder.with_name("a.voxz")
    voxz.compress(folder, packed, level=1, **options)
    voxz.verify(packed)
    back = folder.with_name("back")
    voxz.decompress(packed, back)
    assert contents(back) == contents(folder)
    return voxz.open(packed)


def test_a_mixed_tree_comes_back_whole(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    for name in ("sub/anat", "sub/empty", "übung"):
        (folder / name).mkdir(parents=True)
    volume = nifti((12, 11, 10), samples=smooth((10, 11, 12)).tobytes(), tail=b"behind")[1]
    (folder / "sub/anat/t1.nii").write_bytes(volume)
    write_gzip(folder / "sub/anat/exact.nii.gz", volume, level=9)
    write_gzip(folder / "sub/anat/other.nii.gz", volume, name="other.nii", mtime=7)
    header, data = nifti((9, 8), pair=True)
    (folder / "pair.hdr").write_bytes(header)
    (folder / "pair.img").write_bytes(data)
    np.save(folder / "übung/a b.npy", smooth((6, 7)))
    (folder / "sub/anat/t1.json").write_text('{"EchoTime": 0.1}')
    (folder / "empty.tsv").write_bytes(b"")
    (folder / "noise.pdf").write_bytes(np.random.default_rng(0).bytes(70_000))
    (folder / "cut.nii").write_bytes(volume[:-500])
    (folder / "cut.nii.gz").write_bytes(gzip.compress(volume)[:-30])
    with pytest.warns(PlainBytesWarning, match=r"cut\.nii: it ends after"):
        archive = there_and_back(folder)
    assert [image.name for image in archive.series] == [
        "pair.img",
        "sub/anat/exact.nii.gz",
        "sub/anat/other.nii.gz",
        "sub/anat/t1.nii",
        "übung/a b.npy",
    ]
    t1 = archive.series[3]
    assert np.array_equal(t1[...], smooth((10, 11, 12)).transpose(2, 1, 0))
    assert t1.to_nibabel().shape == (12, 11, 10)
    assert len(archive.files) == len(contents(folder)) - 3
    facts = voxz.info(tmp_path / "a.voxz")
    assert (facts.original, facts.files, facts.arrays) == ("archive", len(archive.files), 5)
    with pytest.raises(voxz.UsageError, match="5 volumes; choose"):
        archive[0]


@pytest.mark.usefixtures("slices")
def test_slices_of_a_series_are_a_volume(tmp_path: Path) -> None:
    folder = tmp_path / "scan"
    folder.mkdir()
    order = np.random.default_rng(0).permutation(24)
    expected = np.empty((9, 8, 6, 4), np.int16)
    for name, number in enumerate(order.tolist()):
        place, time = number % 6, number // 6
        data, samples = picture(0, 9, 8, place, time)
        (folder / f"im{name:03}").write_bytes(data)
        expected[:, :, place, time] = samples[0].T
    (image,) = there_and_back(folder).series
    assert np.array_equal(image[...], expected)
    assert np.allclose(image.affine, [[2, 0, 0, 0], [0, 3, 0, 0], [0, 0, 5, 0], [0, 0, 0, 1]])
    assert image.facts == {"modality": "XX"}
    assert image.name == "."


@pytest.mark.usefixtures("slices")
@pytest.mark.parametrize("kind", [1, 2, 3, 4, 5])
def test_views_packings_and_arrays_in_turn(kind: int, tmp_path: Path) -> None:
    folder = tmp_path / "scan"
    folder.mkdir()
    files = [picture(kind, 10, 8, place, 0, pictures=4 if kind == 4 else 1) for place in range(3)]
    for place, (data, _) in enumerate(files):
        (folder / f"im{place}").write_bytes(data)
    series = there_and_back(folder).series
    pictures = [samples for _, samples in files]
    if kind == 1:
        assert np.array_equal(series[0][:, :, 1], pictures[1][0][::1, ::-1])
    elif kind == 2:
        assert np.array_equal(series[0][:, :, 2], pictures[2][0].reshape(3, 8, 10).transpose(2, 1, 0))
    elif kind == 3:
        assert np.array_equal(series[0][:, :, 3, 0], pictures[0][0][4:, 5:].T)
    else:
        assert len(series) == (2 if kind == 4 else 0)


@pytest.mark.usefixtures("slices")
def test_a_single_file_of_any_format_is_an_image(tmp_path: Path) -> None:
    data, samples = picture(0, 9, 8, place=3)
    (tmp_path / "secret").write_bytes(data)
    voxz.compress(tmp_path / "secret", tmp_path / "im.voxz", level=1, strict=True)
    voxz.decompress(tmp_path / "im.voxz", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == data
    with voxz.open(tmp_path / "im.voxz") as image:
        assert np.array_equal(image[...], samples[0].T)
        assert image.affine is not None
        assert image.affine[2, 3] == 15
    assert voxz.info(tmp_path / "im.voxz").original == "slices"
    assert b"secret" not in (tmp_path / "im.voxz").read_bytes()
    with pytest.raises(voxz.UsageError, match="whole volume"):
        voxz.compress([tmp_path / "secret"], tmp_path / "a.voxz", codec=voxz.Wavelet(transform="tuned"))


@pytest.mark.usefixtures("slices")
def test_a_broken_file_stops_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "scan"
    folder.mkdir()
    (folder / "a.broken").write_bytes(b"what is this")
    (folder / "b").write_bytes(picture(0, 9, 8)[0])
    with pytest.warns(PlainBytesWarning, match="it is broken; kept as plain bytes"):
        assert len(there_and_back(folder).series) == 1


@pytest.mark.usefixtures("slices")
def test_heads_of_a_series_cost_little(tmp_path: Path) -> None:
    folder = tmp_path / "scan"
    folder.mkdir()
    head = np.random.default_rng(1).bytes(3000)
    for number in range(200):
        data = head[:1000] + f"{number * 37:06}".encode() + head[1000:] + bytes(number % 5)
        (folder / f"im{number:04}.bin").write_bytes(data)
    voxz.compress(folder, tmp_path / "a.voxz")
    assert (tmp_path / "a.voxz").stat().st_size < 3000 + 200 * 25


def test_a_folder_that_changes_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "scan"
    folder.mkdir()
    (folder / "a.nii").write_bytes(nifti((9, 8))[1])
    real = arrays.arranged

    def changed(write: Callable[[], object]) -> Callable[..., Any]:
        def arranged(files: Any) -> Any:
            write()
            return real(files)

        return arranged

    def appended() -> None:
        with (folder / "a.nii").open("ab") as file:
            file.write(b"x")

    for write in (appended, lambda: (folder / "new").write_bytes(b"1"), (folder / "a.nii").unlink):
        monkeypatch.setattr(tree, "arranged", changed(write))
        with pytest.raises((voxz.TruncatedError, FileNotFoundError)):
            voxz.compress(folder, tmp_path / "a.voxz")
        assert not (tmp_path / "a.voxz").exists()
        monkeypatch.undo()


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "a//b", "./a", "", "a/./b", "x\0y"])
def test_names_never_lead_out_of_the_folder(name: str, tmp_path: Path) -> None:
    catalogue = CatalogueBuilder(NAMED)
    catalogue.add_file(StoredFile(name, "bytes", 0, ()))
    parts = FileParts.of(voxz.encode(np.zeros(0, "u1")))
    with pytest.raises(CorruptError):
        voxz.decompress(replace(parts, catalogue=catalogue.pack()).assembled(), tmp_path / "out")
    assert not list(tmp_path.rglob("*evil*"))


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_links_never_lead_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "in/a").mkdir(parents=True)
    (tmp_path / "in/a/file").write_text("inside")
    voxz.compress(tmp_path / "in", tmp_path / "a.voxz")
    (tmp_path / "outside").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a").symlink_to(tmp_path / "outside")
    with pytest.raises(voxz.UsageError, match="link that leads out"):
        voxz.decompress(tmp_path / "a.voxz", tmp_path / "out")
    assert not list((tmp_path / "outside").iterdir())


def test_what_is_left_out_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "in/folder").mkdir(parents=True)
    (tmp_path / "in/a").write_bytes(b"1")
    os.mkfifo(tmp_path / "in/pipe")
    (tmp_path / "in/linked").symlink_to(tmp_path)
    with pytest.warns(PlainBytesWarning) as told:
        voxz.compress(tmp_path / "in", tmp_path / "a.voxz")
    words = sorted(str(warning.message).split(" is ", 1)[1] for warning in told)
    assert words == ["a link to a folder and is left out", "no regular file and is left out"]
    with voxz.open(tmp_path / "a.voxz") as archive:
        assert {file.name for file in archive.files} == {"a", "folder/"}


def test_nothing_is_overwritten_and_attributes_are_kept_on_request(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.txt").write_text("one")
    (folder / "a.txt").chmod(0o640)
    os.utime(folder / "a.txt", ns=(10**18, 10**18 + 5))
    for keep in (False, True):
        voxz.compress(folder, tmp_path / "a.voxz", keep_attributes=keep, force=True)
        voxz.decompress(tmp_path / "a.voxz", tmp_path / f"out{keep}")
        status = (tmp_path / f"out{keep}/a.txt").stat()
        assert (status.st_mtime_ns == 10**18 + 5) == keep
    with pytest.raises(voxz.UsageError, match="is there already"):
        voxz.decompress(tmp_path / "a.voxz", tmp_path / "outTrue")
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "outTrue", force=True)
    with pytest.raises(voxz.UsageError, match="lossless"):
        voxz.compress(folder, tmp_path / "b.voxz", target=voxz.Psnr(40))


def test_the_command_makes_and_restores_archives(tmp_path: Path) -> None:
    (tmp_path / "in/x").mkdir(parents=True)
    (tmp_path / "in/x/a.nii").write_bytes(nifti((9, 8))[1])
    (tmp_path / "in/b.txt").write_text("b")
    for command in (["compress", "in", "-o", "study.voxz"], ["decompress", "study.voxz", "-o", "out"], ["info", "study.voxz"]):
        subprocess.run([sys.executable, "-m", "voxz", *command], cwd=tmp_path, check=True, capture_output=True)
    assert contents(tmp_path / "out") == contents(tmp_path / "in")


def test_lists_of_files_are_archives(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(name)
    voxz.compress([tmp_path / "a.txt", tmp_path / "b.txt"], tmp_path / "a.voxz")
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "out")
    assert contents(tmp_path / "out") == {"a.txt": b"a.txt", "b.txt": b"b.txt"}


def test_views_are_told_exactly() -> None:
    assert View((2, 3), (1, 0), frozenset({1})) == axes((2, 3), (1, 0), (1,))


def test_files_of_an_archive_are_born_private_and_what_the_dead_left_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in/sub").mkdir(parents=True)
    (tmp_path / "in/sub/a.txt").write_bytes(b"a" * 1000)
    (tmp_path / "in" / ("x" * 250)).write_bytes(b"x")
    voxz.compress(tmp_path / "in", tmp_path / "a.voxz")
    (tmp_path / "out/sub").mkdir(parents=True)
    dead, others = tmp_path / "out/sub/.a.txt.0123abcd.part", tmp_path / "out/sub/.b.txt.0123abcd.part"
    for path in (dead, others):
        path.write_bytes(b"half")
    synced: list[int] = []
    born: list[int] = []
    opened, fsync = os.open, os.fsync

    def watched(path: Any, flags: int, mode: int = 0o777, **options: Any) -> int:
        born.extend([mode] if str(path).endswith(".part") and flags & os.O_CREAT else [])
        return opened(path, flags, mode, **options)

    def counted(descriptor: int) -> None:
        synced.append(descriptor)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", counted)
    monkeypatch.setattr(os, "open", watched)
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "out")
    assert born == [0o600, 0o600]
    assert len(synced) == 2
    assert not dead.exists()
    assert others.exists()
    others.unlink()
    assert contents(tmp_path / "out") == contents(tmp_path / "in")


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_link_in_the_place_of_a_file_is_not_followed_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/file").write_text("inside")
    voxz.compress(tmp_path / "in", tmp_path / "a.voxz")
    (tmp_path / "out").mkdir()
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "out/file").symlink_to(tmp_path / "mine")
    with pytest.raises(voxz.UsageError, match="link that leads out"):
        voxz.decompress(tmp_path / "a.voxz", tmp_path / "out", force=True)
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_name_that_no_file_can_have_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    catalogue = CatalogueBuilder(NAMED)
    for name in ("a", "x" * 256):
        catalogue.add_file(StoredFile(name, "bytes", 0, ()))
    parts = FileParts.of(voxz.encode(np.zeros(0, "u1")))
    with pytest.raises(voxz.UnsupportedError, match="longer than 255 bytes"):
        voxz.decompress(replace(parts, catalogue=catalogue.pack()).assembled(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_sync_that_fails_is_told_and_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    for number in range(60):
        (tmp_path / f"in/{number:02}").write_bytes(bytes([number]) * 500)
    voxz.compress(tmp_path / "in", tmp_path / "a.voxz")
    fsync, count = os.fsync, iter(range(1000))

    def failing(descriptor: int) -> None:
        if next(count) == 20:
            raise OSError(5, "the disk fails")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(OSError, match="the disk fails"):
        voxz.decompress(tmp_path / "a.voxz", tmp_path / "out")
    there = contents(tmp_path / "out")
    assert there.items() < contents(tmp_path / "in").items()
    assert not list((tmp_path / "out").glob(".*"))
