"""What following motion saves is measured against an encoder that does not."""

from pathlib import Path

import numpy as np

from benchmarks.motion import measure, summary
from phantoms import moving


def test_a_volume_that_moves_gains(tmp_path: Path) -> None:
    file = tmp_path / "disc.npy"
    np.save(file, moving((16, 80, 80)))
    for level in (4, 5):
        rows = list(measure([str(file)], 0, level))
        moved = [row.bits / row.bits_without for row in rows if row.moved]
        assert min(moved) < 0.9, rows
        assert "disc" in summary(rows)
