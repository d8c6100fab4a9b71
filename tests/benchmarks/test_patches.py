"""Patches a second: every store gives the same samples, and the table has a row for each kind of access."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import patches
from phantoms import head


def test_a_run_writes_table_and_picture(tmp_path: Path, capsys: Any) -> None:
    pytest.importorskip("matplotlib")
    for seed in (1, 2):
        np.save(tmp_path / f"ct_{seed}.npy", head((20, 40, 48), seed=seed))
    wanted = [".nii.gz", "voxz 1, slabs", "voxz 1, cubes, half cached", "Zarr, Blosc Zstd", "Blosc2 LZ4HC"]
    table, plot = tmp_path / "patches.csv", tmp_path / "patches.png"
    arguments = ["--sizes", "16", "--patches", "2", "--stores", *wanted, "--csv", str(table), "--plot", str(plot)]
    patches.main([str(tmp_path / "ct_1.npy"), str(tmp_path / "ct_2.npy"), *arguments])
    rows = list(csv.DictReader(table.read_text().splitlines()))
    own = [(row["store"], row["size"]) for row in rows if row["store"].startswith((".nii", "voxz"))]
    assert sorted(own) == sorted([(name, "16") for name in wanted[:3]] + [(name, "0") for name in wanted[:2]])
    samples = 2 * head((20, 40, 48)).nbytes
    for row in rows:
        assert float(row["disk_ratio"]) == pytest.approx(float(row["disk_mb"]) * 1e6 / samples, abs=0.02)
        assert float(row["reads_per_second"]) > 0
    assert plot.read_bytes()[:4] == b"\x89PNG"
    assert "| voxz 1, cubes, half cached |" in capsys.readouterr().out


def test_a_store_that_gives_other_samples_is_found_out() -> None:
    volume = head((8, 8, 8))
    liar = patches.Store(1, [volume + 1])
    with pytest.raises(AssertionError):
        patches.measure([volume], {"liar": liar}, [4], 1)
