"""Counting what gzip files come back byte for byte."""

import gzip
from pathlib import Path

import pytest

from benchmarks import gzips


def test_different_files_are_counted_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("a.gz", "sub/same.gz"):
        (tmp_path / name).write_bytes(gzip.compress(b"content" * 99, 1, mtime=3))
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"content" * 99)[:-1])
    (tmp_path / "no.txt").write_bytes(b"text")
    gzips.main([str(tmp_path)])
    out = capsys.readouterr().out
    assert "cut.gz: damaged" in out
    assert "1 of 2 come back byte for byte" in out
