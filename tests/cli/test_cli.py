"""The command line: names, exit codes, one line for every error, nothing lost."""

import io
import json
import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from commands import run, run_alone
from phantoms import labels
from samples import digest, nifti, smooth, write_gzip, write_nifti
from voxz.cli.bar import line
from voxz.cli.progress import shown
from voxz.limits import BASE

DATA = nifti((12, 11, 10, 2), samples=smooth((2, 10, 11, 12)).tobytes())[1]


def refused(code: int, words: str, *arguments: object, stdin: bytes = b"") -> None:
    """Assert that the command fails with this code and one line with these words."""
    result = run(*arguments, stdin=stdin)
    text = result.stderr.decode()
    assert result.returncode == code, text
    assert words in text
    assert text.startswith("voxz: ")
    assert text.count("\n") == 1, text
    assert not result.stdout


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    return write_gzip(tmp_path / "scan.nii.gz", DATA)


def test_compressing_and_decompressing_restore_the_input(scan: Path) -> None:
    before = digest(scan)
    assert run_alone("compress", scan).returncode == 0
    assert digest(scan) == before
    packed = scan.with_name("scan.nii.voxz")
    assert run_alone("verify", packed).stdout.decode() == f"{packed}: ok\n"
    scan.unlink()
    result = run_alone("decompress", packed)
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")
    assert digest(scan) == before


def test_existing_files_are_kept_without_force(scan: Path) -> None:
    packed = scan.with_name("scan.nii.voxz")
    packed.write_bytes(b"precious")
    refused(2, "is there already; use -f", "compress", scan)
    assert packed.read_bytes() == b"precious"
    assert run("compress", "-f", scan).returncode == 0
    refused(2, "is there already; use -f", "decompress", packed)
    refused(2, "input and output at once", "compress", "-f", scan, "-o", scan)


def test_rm_removes_the_input_only_after_verification(scan: Path) -> None:
    refused(2, "leave out --no-verify", "compress", "--rm", "--no-verify", scan)
    refused(2, "standard output is no file", "compress", "--rm", scan, "-o", "-")
    assert scan.exists()
    assert run("compress", "--rm", scan).returncode == 0
    assert not scan.exists()
    refused(1, "neither NIfTI nor", "compress", "--rm", "--strict", "-o", scan.with_name("x.voxz"), __file__)
    assert Path(__file__).exists()


def test_decompress_rm_removes_the_input_only_when_all_of_it_is_back(scan: Path) -> None:
    before = digest(scan)
    run("compress", "--rm", scan)
    packed = scan.with_name("scan.nii.voxz")
    for options in (["-o", "-"], ["--select", "z=1"], ["--resolution", "1"]):
        refused(2, "only after all of it was restored on disk", "decompress", "--rm", packed, *options)
    whole = packed.read_bytes()
    packed.write_bytes(whole[:-9] + b"?" + whole[-8:])
    refused(3, "checksum", "decompress", "--rm", packed)
    assert [path.name for path in scan.parent.iterdir()] == [packed.name]
    packed.write_bytes(whole)
    assert run("decompress", "--rm", packed).returncode == 0
    assert [path.name for path in scan.parent.iterdir()] == [scan.name]
    assert digest(scan) == before


@pytest.mark.parametrize("option", ["--bits", "--ratio"])
def test_a_size_asked_of_a_constant_volume_gives_a_note(option: str, tmp_path: Path) -> None:
    (tmp_path / "a.nii").write_bytes(nifti((40, 30, 20), samples=bytes(48_000))[1])
    done = run("compress", tmp_path / "a.nii", option, "4")
    assert done.returncode == 0
    size = (tmp_path / "a.nii.voxz").stat().st_size
    assert f"holds one value only: it is coded without loss in {size} bytes, whatever {option} asks" in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1
    assert run("compress", "-f", tmp_path / "a.nii", "--psnr", "40").stderr == b""
    run("decompress", "-f", tmp_path / "a.nii.voxz", "-o", tmp_path / "b.nii")
    assert digest(tmp_path / "b.nii") == digest(tmp_path / "a.nii")


def test_rm_removes_both_files_of_a_pair(tmp_path: Path) -> None:
    header, data = nifti((5, 5), pair=True)
    (tmp_path / "a.hdr").write_bytes(header)
    (tmp_path / "a.img").write_bytes(data)
    assert run("compress", "--rm", tmp_path / "a.hdr").returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["a.img.voxz"]
    assert run("decompress", tmp_path / "a.img.voxz").returncode == 0
    assert (tmp_path / "a.hdr").read_bytes() == header
    assert (tmp_path / "a.img").read_bytes() == data


@pytest.mark.parametrize("level", range(1, 10))
def test_each_level_compresses_and_verifies(level: int, scan: Path) -> None:
    assert run("compress", f"-{level}", scan).returncode == 0
    facts = json.loads(run("info", "--json", scan.with_name("scan.nii.voxz")).stdout)
    assert facts["level"] == level
    assert run("verify", scan.with_name("scan.nii.voxz")).returncode == 0


def test_info(scan: Path) -> None:
    run("compress", scan)
    packed = scan.with_name("scan.nii.voxz")
    facts = json.loads(run("info", "--json", packed).stdout)
    assert facts["shape"] == [12, 11, 10, 2]
    assert facts["bytes"] == packed.stat().st_size
    assert facts["gzip_identical"]
    text = run("info", packed).stdout.decode()
    assert "12x11x10x2" in text
    assert facts["original_sha256"] in text


def test_pipes(scan: Path) -> None:
    packed = run_alone("compress", "-", stdin=scan.read_bytes())
    assert packed.returncode == 0, packed.stderr
    assert run_alone("decompress", "-", stdin=packed.stdout).stdout == DATA
    assert run_alone("compress", scan, "-o", "-").stdout[:5] == b"\xf6VOXZ"
    assert b"12x11x10x2" in run_alone("info", "-", stdin=packed.stdout).stdout


def test_selection(scan: Path) -> None:
    run("compress", scan)
    part = scan.with_name("part.nii")
    assert run("decompress", scan.with_name("scan.nii.voxz"), "--select", "z=3:5,t=1", "-o", part).returncode == 0
    samples = np.frombuffer(part.read_bytes()[352:], "<i2")
    assert np.array_equal(samples, smooth((2, 10, 11, 12))[1, 3:5].ravel())


@pytest.mark.parametrize("select", ["q=1", "z", "z=", "z=a:b", "z=99", "z=5:5", "z=::0", "z=::-1", "z=1:2:3:4", ""])
def test_wrong_selections(select: str, scan: Path) -> None:
    run("compress", scan)
    part = scan.with_name("part.nii")
    refused(2, repr(select), "decompress", scan.with_name("scan.nii.voxz"), "--select", select, "-o", part)
    assert not part.exists()


def test_a_wrong_option_exits_with_2_and_one_line(tmp_path: Path) -> None:
    result = run_alone("compress", "--level", "10", tmp_path / "x.nii")
    assert (result.returncode, result.stdout) == (2, b"")
    assert b"level must be 1 (fastest) to 9 (smallest) (got 10)" in result.stderr
    assert result.stderr.count(b"\n") == 1


def test_several_files(scan: Path) -> None:
    folder = scan.parent / "out"
    folder.mkdir()
    other = scan.with_name("other.nii")
    other.write_bytes(DATA)
    bad = scan.with_name("bad.nii")
    bad.write_bytes(b"not an image")
    result = run("compress", "--strict", scan, bad, other, "-o", folder)
    assert result.returncode == 4
    assert result.stderr.decode().count("\n") == 1
    assert sorted(path.name for path in folder.iterdir()) == ["other.nii.voxz", "scan.nii.voxz"]
    refused(4, "neither NIfTI nor", "compress", "--strict", bad, other, "-o", folder, "-f")
    refused(1, "folder is not there", "compress", scan, "-o", folder / "absent" / "b")


def test_damage(scan: Path) -> None:
    run("compress", scan)
    packed = scan.with_name("scan.nii.voxz")
    good = packed.read_bytes()
    packed.write_bytes(good[:-7])
    refused(3, "the file is cut short", "verify", packed)
    packed.write_bytes(good[:-7] + b"!" + good[-6:])
    refused(3, "do not match their checksum", "verify", packed)
    restored = scan.with_name("restored.nii")
    refused(3, "do not match their checksum", "decompress", packed, "-o", restored)
    assert not list(scan.parent.glob("*restored*"))


def test_a_limit_has_its_exit_code(tmp_path: Path) -> None:
    (tmp_path / "a.nii").write_bytes(nifti((4, 5, 6), tail=bytes(BASE + 1))[1])
    assert run("compress", "-1", tmp_path / "a.nii").returncode == 0
    refused(5, "max_bytes", "info", tmp_path / "a.nii.voxz")


@pytest.mark.parametrize(
    ("code", "words", "arguments"),
    [
        (2, "Missing argument", ["compress"]),
        (2, "No such option", ["compress", "--fast", "x"]),
        (2, "No such command", ["squash"]),
        (2, "level must be 1 (fastest) to 9 (smallest) (got 10)", ["compress", "--level", "10", "x.nii"]),
        (2, "threads must be 1 or more", ["compress", "-T", "0", "x.nii"]),
        (2, "'zip'", ["compress", "--codec", "zip", __file__]),
        (1, "No such file", ["compress", "/nowhere/x.nii"]),
        (1, "No such file", ["info", "/nowhere/x.voxz"]),
        (2, "has no .voxz files in it", ["info", "/"]),
        (1, "not a .voxz file", ["info", __file__]),
        (2, "does not end in .voxz", ["decompress", __file__]),
        (1, "neither NIfTI nor", ["compare", __file__, __file__]),
    ],
)
def test_mistakes(code: int, words: str, arguments: list[str], tmp_path: Path) -> None:
    extra = ["-o", tmp_path / "out"] if arguments[0] == "compress" and len(arguments) > 1 else []
    refused(code, words, *arguments, *extra)
    assert not list(tmp_path.iterdir())


def test_compare(scan: Path) -> None:
    run("compress", scan)
    result = json.loads(run("compare", "--json", scan, scan.with_name("scan.nii.voxz")).stdout)
    assert result["identical"]
    assert b"max error" in run("compare", scan, scan.with_name("scan.nii.voxz")).stdout


def test_compare_draws_and_lists_volumes(scan: Path, tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    result = run("compare", scan, scan, "--plot", picture)
    assert result.returncode == 0, result.stderr
    assert "\nvolume " in result.stdout.decode()
    assert picture.read_bytes()[1:4] == b"PNG"
    refused(2, "is there already; use -f", "compare", scan, scan, "--plot", picture)
    assert run("compare", "--plot", picture, "-f", scan, scan).returncode == 0


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("max error must be a number of at least 0 (got -1.0)", ["--max-error", "-1"]),
        ("(got nan)", ["--max-error", "nan"]),
        ("(got inf)", ["--max-error-noise", "inf"]),
        ("PSNR must be a number above 0 (got 0.0)", ["--psnr", "0"]),
        ("one of psnr, bits and ratio (got psnr and ratio)", ["--psnr", "50", "--ratio", "4"]),
        ("ask for at most one largest error", ["--max-error", "2", "--max-error-noise", "1"]),
        ("beside bits, a max error is in stored units", ["--max-error-scaled", "2", "--bits", "1"]),
        ("'--max-error'", ["--max-error", "two"]),
    ],
)
def test_targets_that_make_no_sense(words: str, options: list[str], scan: Path) -> None:
    refused(2, words, "compress", scan, *options)
    assert [path.name for path in scan.parent.iterdir()] == ["scan.nii.gz"]


@pytest.mark.parametrize("option", ["--max-error", "--max-error-scaled", "--max-error-noise"])
def test_largest_errors(option: str, scan: Path) -> None:
    result = run("compress", "-2", scan, option, "3")
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")
    packed = scan.with_name("scan.nii.voxz")
    text = run("info", packed).stdout.decode()
    assert "target             max error 3 (" in text
    assert "\n  largest error " in text
    assert json.loads(run("info", "--json", packed).stdout)["level"] == 2
    report = json.loads(run("compare", "--json", scan, packed).stdout)
    assert report["max_error"] <= json.loads(run("info", "--json", packed).stdout)["loss"]["bound"]


def test_lossy_from_standard_input_and_again(scan: Path) -> None:
    packed = run("compress", "-1", "-", "--max-error", "2", stdin=scan.read_bytes())
    assert packed.returncode == 0, packed.stderr
    back = run("decompress", "-", stdin=packed.stdout).stdout
    assert b"\nvoxz-lossy target=max-error:2 " in back
    again = run("compress", "-1", "-", stdin=back).stdout
    assert b"lossy before       target=max-error:2 bound=2 " in run("info", "-", stdin=again).stdout


def test_lossy_label_maps_are_refused(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "labels.nii", labels((12, 40, 40)))
    refused(2, "--force-lossy", "compress", path, "--max-error", "1")
    assert [file.name for file in tmp_path.iterdir()] == ["labels.nii"]
    assert run("compress", path, "--max-error", "1", "--force-lossy").returncode == 0


def test_a_terminal_is_told_what_was_lost(scan: Path) -> None:
    import os
    import pty

    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "voxz", "compress", "-1", str(scan), "--max-error", "2"]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=follower, check=True)
    os.close(follower)
    shown = os.read(leader, 1 << 16).decode()
    os.close(leader)
    assert result.stdout == b""
    assert ", max error " in shown
    assert " : 1" in shown


def test_an_error_that_nobody_foresaw_is_one_line(scan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("division\nby zero")

    monkeypatch.setattr("voxz.api.compress", broken)
    refused(1, "a bug in voxz (ZeroDivisionError: division by zero); please report", "compress", scan)
    assert [path.name for path in scan.parent.iterdir()] == [scan.name]
    monkeypatch.setenv("VOXZ_DEBUG", "1")
    assert b"Traceback" in run("compress", scan).stderr


def test_every_command_has_help() -> None:
    for verb in ("compress", "decompress", "info", "verify", "compare"):
        result = run(verb, "--help")
        assert result.returncode == 0
        assert result.stdout.count(b"\n") > 5


def test_progress_is_one_line_with_names_as_they_are() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    bar = line(console)
    bar.add_task(f"compress a[/b].nii.gz {'x' * 60}", total=3_000_000, completed=1_000_000)
    with console.capture() as captured:
        console.print(bar.get_renderable())
    shown_lines = captured.get().splitlines()
    assert len(shown_lines) == 1
    assert "a[/b]" in shown_lines[0]
    assert "1.0/3.0 MB" in shown_lines[0]


def test_a_terminal_shows_what_the_library_logs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    logger = logging.getLogger("voxz")
    with shown("compress") as progress:
        assert progress is not None
        logger.info("compiling for this machine")
    logger.info("nobody listens any more")
    printed = capsys.readouterr().err
    assert "voxz: compiling for this machine" in printed
    assert "nobody" not in printed
