"""The comparison with x265 at low rates: points, what is kept, the table."""

import csv
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import lowrate
from voxz.bench.rivals.x265 import X265


def row(codec: str, setting: int, rate: float, quality: float) -> dict[str, str]:
    figures = ("scan", "CT", "8x8x8", codec, str(setting), str(rate), str(quality))
    return dict(zip(lowrate.COLUMNS, figures, strict=True))


def test_half_the_rate_is_minus_fifty_percent() -> None:
    rates = [0.05 * 2**k for k in range(9)]
    rows = [row("x265", k, rate, 30 + 3 * k) for k, rate in enumerate(rates)]
    rows += [row("voxz -5", k, rate / 2, 30 + 3 * k) for k, rate in enumerate(rates)]
    assert lowrate.summary(rows).splitlines()[2:] == ["| scan | -50.0 | -50.0 |", "| mean (of) | -50.0 (1) | -50.0 (1) |"]


def test_steps_become_finer_with_the_rate() -> None:
    anchor = [(0.05 * 2**k, 30.0 + 4 * k) for k in range(8)]
    found = lowrate.steps(anchor, 1000.0)
    assert [rate for rate, _ in found] == list(lowrate.RATES)
    assert all(finer < coarser for (_, coarser), (_, finer) in itertools.pairwise(found))


def test_points_are_measured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    pytest.importorskip("av")
    pytest.importorskip("imagecodecs")
    pytest.importorskip("imageio_ffmpeg")
    monkeypatch.setattr(lowrate, "QUANTISERS", (10, 20, 30))
    monkeypatch.setattr(lowrate, "RATES_OF_VVENC", (0.5,))
    scan, table = tmp_path / "ct_scan.npy", tmp_path / "lowrate.csv"
    rng = np.random.default_rng(1)
    values = rng.normal(size=(4, 48, 48)).cumsum(1).cumsum(2) * 10
    np.save(scan, values.astype(np.int16)[None])
    arguments = [str(scan), "--levels", "4,4 heavy", "--csv", str(table)]
    lowrate.main(arguments)
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert {entry["codec"] for entry in rows} == {"x265", "jpeg2000 z", "vvenc", "voxz -4", "voxz -4 heavy"}
    monkeypatch.setattr(X265, "encode", None)
    lowrate.main(arguments)
    assert list(csv.DictReader(table.read_text().splitlines())) == rows
    assert "| ct_scan |" in capsys.readouterr().out
