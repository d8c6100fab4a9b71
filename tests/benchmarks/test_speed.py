"""The table of speeds: what is measured, what is left out, what it says."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import speed
from phantoms import head


def row(codec: str, size: float, encode: float, decode: float) -> speed.Row:
    return speed.Row("scan", "CT", "8x8x8", "int16", codec, 4.0, 1.0, 1.0, size, encode, decode)


def test_the_summary_has_median_and_worst() -> None:
    rows = [row("a", 0.5, 2, 4), row("a", 0.7, 1, 3), row("a", 0.9, 3, 0.5)]
    assert speed.summary(rows).splitlines()[2] == "| a | 3 | 0.7 (0.9) | 2 (1) | 3 (0.5) |"


def test_ratios_are_to_the_fastest_pass_of_zlib() -> None:
    samples = np.zeros((1, 2, 5, 10), np.int16)
    times = iter([(50, 4.0, 1.0), (25, 1.0, 0.5), (50, 2.0, 2.0), (25, 2.0, 0.25)])
    rows = speed.rows_of("scan", "CT", samples, {"gzip": lambda: next(times), "own": lambda: next(times)}, 2)
    own = next(r for r in rows if r.codec == "own")
    assert (own.bits, own.size_ratio, own.encode_speed, own.decode_speed) == (2.0, 0.5, 2.0, 4.0)


def test_a_run_writes_a_row_for_each_codec_and_volume(tmp_path: Path, capsys: Any) -> None:
    np.save(tmp_path / "ct_scan.npy", head((6, 24, 32)))
    table = tmp_path / "speed.csv"
    codecs = "gzip,voxz:level=1/5"
    speed.main([str(tmp_path / "ct_scan.npy"), "--codecs", codecs, "--slices", "4", "--rounds", "1", "--csv", str(table)])
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert {"gzip", "voxz:level=1", "voxz:level=5"} <= {r["codec"] for r in rows}
    assert all(r["shape"] == "32x24x4x1" and float(r["decode_ns"]) > 0 for r in rows)
    assert float(next(r for r in rows if r["codec"] == "voxz:level=5")["size_ratio"]) < 1
    assert "| voxz:level=1 | 1 |" in capsys.readouterr().out


def test_without_zlib_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", head((3, 8, 8)))
    with pytest.raises(SystemExit):
        speed.main([str(tmp_path / "a.npy"), "--codecs", "voxz:level=1"])
