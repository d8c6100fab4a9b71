"""The benchmark of two trees: both answer, and sizes of the same code are equal."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import pairs
from phantoms import head


def test_a_tree_compared_with_itself_writes_files_of_the_same_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "head.npy", head((4, 24, 32)))
    root = Path(__file__).resolve().parents[2]
    options = ["--rounds", "1", "--cases", "near-lossless 1", "--limit", "1000"]
    with pytest.raises(SystemExit) as end:
        pairs.main([str(root), str(tmp_path / "head.npy"), *options])
    row = capsys.readouterr().out.splitlines()[-1].split("|")
    assert end.value.code == 0
    assert row[1].strip() == "near-lossless 1"
    assert float(row[4]) == 1.0
    assert all(float(ratio) > 0 for ratio in row[2:4])
