"""What `voxz view` refuses, and says."""

from pathlib import Path

import pytest

import voxz
from commands import run
from phantoms import head
from voxz.viewer import page


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "a.voxz").write_bytes(voxz.encode(head((4, 20, 24))))
    return tmp_path / "a.voxz"


def test_wrong_arguments_read_well(file: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.voxz").write_bytes(file.read_bytes()[:-9])
    (tmp_path / "notes.txt").write_text("a note")
    (tmp_path / "there.html").write_text("kept")
    for arguments, code, words in [
        ((file, file, file, "-o", "-"), 2, "two and their difference"),
        ((tmp_path / "notes.txt", "-o", "-"), 2, "no .voxz or NIfTI file"),
        ((tmp_path / "bad.voxz", "-o", "-"), 3, "bad.voxz"),
        ((tmp_path / "none.voxz", "-o", "-"), 1, "No such file"),
    ]:
        done = run("view", *arguments)
        assert done.returncode == code, done.stderr
        assert words in done.stderr.decode()
    assert run("view", file, "-o", tmp_path / "there.html").returncode in (1, 2)
    assert (tmp_path / "there.html").read_text() == "kept"


def test_a_decoder_that_is_missing_is_named_with_the_remedy(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "_DECODER", ("voxz-of-another-time.wasm",))
    done = run("view", file, "-o", "-")
    assert done.returncode == 1
    assert "make viewer-assets" in done.stderr.decode()


def test_pages_are_not_too_large(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "LARGEST", 100)
    done = run("view", file, "-o", "-")
    assert done.returncode == 5
    assert "at most 100 bytes" in done.stderr.decode()


def test_licences_of_what_is_vendored_travel_along() -> None:
    vendor = Path(page.__file__).parent / "vendor"
    told = (vendor / "LICENSE.txt").read_text(encoding="utf-8")
    assert "BSD 2-Clause License" in told
    assert "Copyright (c) 2021, Niivue" in told
    assert "0.69.0" in told
