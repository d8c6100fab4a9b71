"""The table of lossy speeds: what is measured, and what it says."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import lossyspeed
from phantoms import head


def row(codec: str, setting: int, bits: float) -> lossyspeed.Row:
    return lossyspeed.Row("scan", "CT", "8x8x8", "int16", codec, str(setting), bits, 40.0 + setting, 10.0 * setting, setting)


def test_the_summary_has_times_and_rates() -> None:
    rows = [row(codec, setting, factor * setting) for codec, factor in (("sperr", 1.0), ("own", 0.8)) for setting in (1, 2, 3, 4)]
    assert lossyspeed.summary(rows).splitlines()[3] == "| own | 25 (40) | 2.5 (4) | -20.0 (-20.0) |  |"


def test_a_run_writes_a_row_for_each_point(tmp_path: Path, capsys: Any) -> None:
    np.save(tmp_path / "ct_scan.npy", head((6, 24, 32)))
    table = tmp_path / "table.csv"
    lossyspeed.main([str(tmp_path / "ct_scan.npy"), "--levels", "1,3", "--rivals", "", "--rounds", "1", "--csv", str(table)])
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert len(rows) == 2 * len(lossyspeed.QUALITIES)
    printed = capsys.readouterr().out
    for codec in ("voxz -1", "voxz -3"):
        bits = [float(r["bits"]) for r in rows if r["codec"] == codec]
        assert bits == sorted(bits)
        assert f"| {codec} |" in printed


def test_rivals_that_are_not_known_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        lossyspeed.main([str(tmp_path), "--rivals", "none"])
