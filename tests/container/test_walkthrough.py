"""The three files that docs/format.md walks through are files: their bytes follow each other, and decode."""

import re
from pathlib import Path

import numpy as np
import pytest

import voxz

PAGE = Path(__file__).parents[2] / "docs/format.md"
BLOCK = re.compile(r"^```hex\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINE = re.compile(r"([0-9a-f]{4})  ((?:[0-9a-f]{2} ?){1,16})")


@pytest.fixture(scope="module")
def files() -> list[bytes]:
    """Bytes of the blocks of the last section."""
    section = PAGE.read_text(encoding="utf-8").partition("## Three files, byte by byte")[2]
    found = []
    for block in BLOCK.findall(section):
        whole = b""
        for line in block.splitlines():
            place, part = LINE.match(line).groups()  # type: ignore[union-attr]
            assert int(place, 16) == len(whole), line
            whole += bytes.fromhex(part)
        found.append(whole)
    return found


def test_they_are_files(files: list[bytes], tmp_path: Path) -> None:
    lossless, lossy, archive = files
    for data in files:
        voxz.verify(data)
    assert voxz.decode(lossless).shape == (4, 12, 16)
    loss = voxz.info(lossy).loss
    assert loss is not None
    assert (voxz.decode(lossy).shape, loss.bound) == ((2, 24, 24), 6.0)
    voxz.decompress(archive, tmp_path)
    assert (tmp_path / "a.txt").read_bytes() == b"hello"
    assert np.load(tmp_path / "b.npy").shape == (12, 16)
