"""Where tables of results come from is noted."""

import csv
from pathlib import Path

from benchmarks.record import RESULTS, RUNS, recorded


def known(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / RUNS).open(newline="", encoding="utf-8") as file:
        return {row["table"]: row for row in csv.DictReader(file)}


def test_every_table_that_ships_says_where_it_comes_from() -> None:
    runs = known(RESULTS)
    assert set(runs) == {path.stem for path in RESULTS.glob("*.csv")} - {Path(RUNS).stem}
    assert all(row["date"] and row["commit"] and row["command"] for row in runs.values())


def test_a_run_notes_the_tables_that_it_writes(tmp_path: Path) -> None:
    (tmp_path / "speed_old.csv").write_text("a\n")
    with recorded("speed", [str(tmp_path), "--rounds", "3"], tmp_path):
        (tmp_path / "speed.csv").write_text("a\n")
        (tmp_path / "another.csv").write_text("written by another run meanwhile\n")
    assert set(known(tmp_path)) == {"speed"}
    assert known(tmp_path)["speed"]["command"] == f"python -m benchmarks speed {tmp_path.name} --rounds 3"
    assert "numpy" in known(tmp_path)["speed"]["versions"]
    with recorded("speed", [], tmp_path):
        (tmp_path / "speed.csv").write_text("b\n")
        (tmp_path / "speed_new.csv").write_text("b\n")
    assert known(tmp_path)["speed"]["command"] == "python -m benchmarks speed"
    assert list(known(tmp_path)) == ["speed", "speed_new"]
