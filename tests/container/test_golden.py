"""Files written once by a released format version: they are never written again, and must decode for ever."""

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest

import voxz
from benchmarks.damaged_set import damaged, error_of
from phantoms import head, labels, ratio_map, series

FOLDER = Path(__file__).parents[1] / "golden"
DIGESTS = json.loads((FOLDER / "digests.json").read_text())
SIZES = json.loads((FOLDER / "sizes.json").read_text())


@pytest.mark.parametrize("name", DIGESTS)
def test_golden_files_decode_to_what_they_held(name: str) -> None:
    samples = voxz.decode((FOLDER / name).read_bytes())
    expected = DIGESTS[name]
    assert list(samples.shape) == expected["shape"]
    assert samples.dtype.str == expected["dtype"]
    assert hashlib.sha256(np.ascontiguousarray(samples).tobytes()).hexdigest() == expected["sha256"]


def test_every_golden_file_is_listed() -> None:
    assert sorted(path.name for path in FOLDER.glob("*.voxz")) == sorted(DIGESTS)


def test_damaged_golden_files_give_their_errors() -> None:
    for entry in json.loads((FOLDER / "damaged.json").read_text()):
        assert error_of(damaged(entry)) == entry["error"], entry


@pytest.mark.parametrize("level", range(1, 10))
def test_sizes_change_only_on_purpose(level: int) -> None:
    assert len(voxz.encode(head((16, 96, 96)), level=level)) == SIZES[f"head {level}"]
    assert len(voxz.encode(series(6, (6, 48, 48)), level=level)) == SIZES[f"series {level}"]
    assert len(voxz.encode(labels((16, 96, 96)), level=level)) == SIZES[f"labels {level}"]
    assert len(voxz.encode(ratio_map((16, 96, 96)), level=level)) == SIZES[f"map {level}"]
    assert len(voxz.encode((head((16, 96, 96)) * 0.37).astype("f4"), level=level)) == SIZES[f"scaled {level}"]


def test_the_walk_through_in_the_format_description_is_a_real_file() -> None:
    text = (Path(__file__).parents[2] / "docs" / "format.md").read_text()
    block = text.split("```hex\n")[1].split("```")[0]
    dump = re.sub(r"#.*", "", block)
    assert bytes.fromhex(dump) == (FOLDER / "v1_0_tiny.voxz").read_bytes()
