"""The cost of targets: what is counted, and the table."""

import numpy as np
import pytest

import phantoms
from benchmarks import targets
from voxz.codecs import registry

VALUES = ("v", "s", "5", "t", "wavelet", "1", "1", "0", "1", "0", "1", "1", "1", "1", "1", "1", "1")
"""A row of the table."""


def test_coding_to_a_target_is_counted() -> None:
    volume = phantoms.head((8, 72, 64))[None]
    encode = registry.encode_brick
    row = targets.measured("head", "64x72x8", volume, 1, "psnr 45")
    assert registry.encode_brick is encode
    assert row["met"] == "1"
    assert 45 <= float(row["got"]) <= 45.1
    assert float(row["coded"]) >= 1
    assert float(row["decoded"]) >= 1


def test_what_is_counted_are_samples() -> None:
    brick = np.zeros((1, 4, 5, 6, 1), np.int16)
    with targets.counting() as count:
        number, payload = registry.encode_brick(brick, 1)
        registry.decode_brick(number, payload, brick.shape, brick.dtype)
        registry.decode_brick(number, payload, brick.shape, brick.dtype)
    assert (count.coded, count.scouted, count.decoded) == (120, 0, 240)


def test_lower_levels_scout() -> None:
    brick = np.random.default_rng(0).integers(0, 50, (1, 4, 16, 16, 1)).astype(np.int16)
    with targets.counting(2) as count:
        registry.encode_brick(brick, 1)
        registry.encode_brick(brick, 2)
    assert (count.coded, count.scouted) == (brick.size, brick.size)
    assert count.equivalent > 0


def test_the_table_has_means_and_the_worst() -> None:
    rows = [dict(zip(targets.COLUMNS, VALUES, strict=True))]
    rows.append({**rows[0], "coded": "3", "met": "0"})
    assert targets.summary(rows).splitlines()[2:] == [
        "| 5 | t | 2 | 2.00 (3.00) | 0.00 (0.00) | 1.00 (1.00) | 1.00 (1.00) | 1.0 | 1 |",
        "| 5 | all | 2 | 2.00 (3.00) | 0.00 (0.00) | 1.00 (1.00) | 1.00 (1.00) | 1.0 | 1 |",
    ]


def test_too_many_codings_fail(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    row = dict(zip(targets.COLUMNS, VALUES, strict=True))
    monkeypatch.setattr(targets, "measured", lambda *facts: row)
    with pytest.raises(SystemExit) as end:
        targets.main([str(_volume(tmp_path)), "--levels", "5", "--targets", "psnr 45", "--limit", "0.5"])
    assert end.value.code == 1


def _volume(folder: object) -> str:
    path = f"{folder}/ct.npy"
    np.save(path, np.zeros((4, 5, 6), np.int16))
    return path
