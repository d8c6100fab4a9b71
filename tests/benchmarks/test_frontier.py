"""The frontier of size and time: means, medians, who beats whom, and the figure."""

import csv
from pathlib import Path
from typing import Any

import pytest

from benchmarks import frontier

HEAD = ("volume", "codec", "size_ratio", "encode_speed", "decode_speed")


def table(path: Path, rows: list[tuple[str, str, float, float, float]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([HEAD, *rows])
    return path


def test_parts_are_joined_and_beaten_levels_are_named(tmp_path: Path, capsys: Any) -> None:
    pytest.importorskip("matplotlib")
    first = table(
        tmp_path / "a.csv",
        [("x", "gzip", 1, 1, 1), ("x", "voxz:level=1", 0.5, 2, 1), ("x", "voxz:level=2", 0.6, 1, 0.5), ("x", "part", 1, 1, 1)],
    )
    second = table(
        tmp_path / "b.csv", [("y", "gzip", 1, 1, 1), ("y", "voxz:level=1", 0.72, 4, 1), ("y", "voxz:level=2", 0.8, 1, 0.25)]
    )
    frontier.main([str(first), str(second), "--out", str(tmp_path / "figure.png")])
    printed = capsys.readouterr().out.splitlines()
    assert printed[2:] == [
        "| gzip | 1.000 | 1.00 | 1.00 | - |",
        "| voxz:level=1 | 0.600 | 0.38 | 1.00 | - |",
        "| voxz:level=2 | 0.693 | 1.00 | 3.00 | voxz:level=1 |",
    ]
    assert (tmp_path / "figure.png").read_bytes()[:4] == b"\x89PNG"
