"""Batches lose nothing: destinations are settled first, and outputs are private until they are whole."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import voxz
from samples import nifti, write_gzip
from voxz.cli.destinations import STREAM, Job, files_in, settle
from voxz.io.names import compressed_name
from voxz.io.output import complete_file

DATA = nifti((6, 5, 4))[1]


def scan(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(DATA)
    return str(path)


def test_equal_names_keep_their_folders_and_flat_refuses_them(tmp_path: Path) -> None:
    inputs = [scan(tmp_path / name / "scan.nii") for name in "ab"]
    jobs = settle(inputs, str(tmp_path / "out"), compressed_name)
    assert [job.destination for job in jobs] == [str(tmp_path / "out" / name / "scan.nii.voxz") for name in "ab"]
    with pytest.raises(voxz.UsageError, match=r"a/scan\.nii and .*b/scan\.nii would both become"):
        settle(inputs, str(tmp_path / "out"), compressed_name, flat=True)


def test_two_inputs_with_one_destination_are_refused_by_name(tmp_path: Path) -> None:
    plain, zipped = scan(tmp_path / "scan.nii"), str(write_gzip(tmp_path / "scan.nii.gz", DATA))
    with pytest.raises(voxz.UsageError, match=r"scan\.nii and .*scan\.nii\.gz would both become .*scan\.nii\.voxz"):
        settle([plain, zipped], None, compressed_name)


def test_standard_input_goes_to_standard_output() -> None:
    assert settle([STREAM], None, compressed_name) == [Job(STREAM, STREAM)]


def test_a_pair_counts_once_and_a_folder_stands_for_its_files(tmp_path: Path) -> None:
    header, data = nifti((6, 5, 4), pair=True)
    (tmp_path / "a.hdr").write_bytes(header)
    (tmp_path / "a.img").write_bytes(data)
    scan(tmp_path / "b.nii")
    (tmp_path / "c.voxz").touch()
    assert [Path(name).name for name in files_in([str(tmp_path)], packed=False)] == ["a.hdr", "b.nii"]
    assert [Path(name).name for name in files_in([str(tmp_path)], packed=True)] == ["c.voxz"]


def test_mode_and_time_are_kept_both_ways_and_unfinished_files_are_private(tmp_path: Path) -> None:
    source = Path(scan(tmp_path / "a.nii"))
    source.chmod(0o640)
    os.utime(source, (1e9, 1e9))
    voxz.compress(source, tmp_path / "a.voxz")
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "b.nii")
    for path in (tmp_path / "a.voxz", tmp_path / "b.nii"):
        assert (stat.S_IMODE(path.stat().st_mode), path.stat().st_mtime) == (0o640, 1e9)
    with complete_file(tmp_path / "c", force=False):
        (part,) = tmp_path.glob(".c.*.part")
        assert stat.S_IMODE(part.stat().st_mode) == 0o600


def test_a_name_of_250_letters_works_and_unfinished_files_of_the_dead_are_removed(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 250)
    script = (
        "import os, signal, sys; from voxz.io.output import complete_file\n"
        "with complete_file(sys.argv[1], force=False): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script, str(long)], check=False)
    assert len(list(tmp_path.glob(".*.part"))) == 1
    with complete_file(long, force=False) as file, complete_file(tmp_path / "y", force=False):
        file.write(b"whole")
        with complete_file(long, force=False) as other:
            assert len(list(tmp_path.glob(".voxz-*.part"))) == 2
            other.write(b"first")
        assert long.read_bytes() == b"first"
        long.unlink()
    assert long.read_bytes() == b"whole"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([long.name, "y"])


def test_a_fifo_gets_the_bytes_and_stays_a_fifo(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE) as reader:
        voxz.compress(scan(tmp_path / "a.nii"), tmp_path / "pipe")
        assert voxz.decode(reader.communicate()[0]).shape == (6, 5, 4)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    with pytest.raises(voxz.UsageError, match="verified on disk"):
        voxz.compress(tmp_path / "a.nii", tmp_path / "pipe", remove=True)


def test_a_link_is_followed_and_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("real")
    voxz.compress(scan(tmp_path / "a.nii"), tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert voxz.open(tmp_path / "real").shape == (6, 5, 4)


def test_what_reads_back_differently_brings_the_old_file_back_and_keeps_the_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Path(scan(tmp_path / "a.nii"))
    (tmp_path / "out").write_bytes(b"old")
    real = Path.replace

    def damaging(self: Path, target: Path) -> Path:
        if self.stat().st_size > 3:
            with self.open("r+b") as file:
                file.write(b"?")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", damaging)
    with pytest.raises(voxz.CorruptError, match="reads back differently"):
        voxz.compress(source, tmp_path / "out", force=True, remove=True)
    assert source.read_bytes() == DATA
    assert (tmp_path / "out").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.nii", "out"]
