"""Gzip without compression, in parts: a mounted file that was gzip as a whole and says so by its name."""

import gzip
import zlib
from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import voxz
from samples import smooth
from voxz.adapters.shown_tree import ShownTree
from voxz.adapters.stored_gzip import BLOCK, read_stored, stored_size


@pytest.mark.parametrize("length", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
@given(data=st.data())
def test_any_part_of_a_sound_file(length: int, data: st.DataObject) -> None:
    content = np.random.default_rng(length).bytes(length)

    def read(offset: int, size: int) -> bytes:
        return content[offset : offset + size]

    def part(offset: int, size: int) -> bytes:
        return read_stored(read, length, zlib.crc32(content), offset, size)

    whole = part(0, 1 << 30)
    assert len(whole) == stored_size(length)
    assert gzip.decompress(whole) == content
    offset, size = data.draw(st.integers(0, len(whole) + 3)), data.draw(st.integers(0, len(whole) + 3))
    assert part(offset, size) == whole[offset : offset + size]


def test_a_single_mgz_is_one_where_it_is_mounted(tmp_path: Path) -> None:
    image = nibabel.MGHImage(smooth((40, 30, 50)).astype(np.int16), np.eye(4))
    (tmp_path / "a.mgz").write_bytes(gzip.compress(image.to_bytes()))
    (tmp_path / "packed").mkdir()
    voxz.compress(tmp_path / "a.mgz", tmp_path / "packed/a.mgz.voxz", level=1)
    entry = ShownTree(tmp_path / "packed").entry("/a.mgz")
    assert entry.read is not None
    assert gzip.decompress(entry.read(0, entry.size)) == image.to_bytes()
