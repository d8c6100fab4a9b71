"""The benchmark of small chunks: each tree answers for both sizes, and sizes of the same code are equal."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import chunks
from phantoms import head


def test_a_tree_compared_with_itself_writes_chunks_of_the_same_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "head.npy", head((6, 40, 72)))
    root = Path(__file__).resolve().parents[2]
    with pytest.raises(SystemExit) as end:
        chunks.main([str(root), str(tmp_path / "head.npy"), "--rounds", "1", "--count", "1", "--level", "2", "--limit", "1000"])
    rows = [line.split("|") for line in capsys.readouterr().out.splitlines() if line.startswith("| head")]
    assert end.value.code == 0
    assert len(rows) == len(chunks.EDGES)
    assert all(float(row[4]) == 1.0 and float(row[2]) > 0 and float(row[3]) > 0 for row in rows)


def test_chunks_lie_apart_and_none_is_constant() -> None:
    volume = np.zeros((64, 64, 64), np.int16)
    volume[32:] = np.arange(64)
    found = list(chunks.chunks_of(volume[None], 32, 4))
    assert [chunk.shape for chunk in found] == [(32, 32, 32)] * len(found)
    assert 0 < len(found) == sum(chunk.min() < chunk.max() for chunk in found)
    assert len({chunk.tobytes() for chunk in found}) == len(found)
