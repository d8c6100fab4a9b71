"""Tables of the format description and of the decoder in C are those of the package."""

import json
import re

from native import DECODER, ROOT
from voxz.codecs.predictive.levels import LOCAL, MIXED, SETTINGS
from voxz.codecs.predictive.neighbourhood import (
    AHEAD_WEIGHTS,
    ERROR_WEIGHTS,
    MIDDLE,
    MODES,
    NARROW,
    WIDE,
    WIDEST,
    ErrorWeights,
    Tap,
)

WRITTEN = json.loads((ROOT / "docs" / "format" / "predictive.json").read_text())
SUPPORTS = {"narrow": NARROW, "middle": MIDDLE, "wide": WIDE, "widest": WIDEST, "local": LOCAL}
ERRORS = {"whole": ERROR_WEIGHTS, "ahead": AHEAD_WEIGHTS}

Row = tuple[int, int, int, int, int]


def taps_of(rows: list[Row]) -> tuple[Tap, ...]:
    return tuple(Tap(volume, dz, dy, dx) for volume, dz, dy, first, last in rows for dx in range(first, last + 1))


def test_neighbours_of_the_settings_are_those_of_the_description() -> None:
    assert WRITTEN["supports"].keys() == SUPPORTS.keys()
    for name, support in SUPPORTS.items():
        assert [taps_of(rows) for rows in WRITTEN["supports"][name]] == [support.taps(mode) for mode in range(MODES)]


def test_weights_of_errors_are_those_of_the_description() -> None:
    def as_written(weights: ErrorWeights) -> list[tuple[Tap, int]]:
        return weights.taps()

    for name, by_mode in ERRORS.items():
        for mode, weights in zip(WRITTEN["errors"][name], by_mode, strict=True):
            assert (mode["activity"], tuple(mode["west"])) == (weights.activity, weights.west)
            rows = [(row[:4], row[4]) for row in mode["rows"]]
            found = [(Tap(v, dz, dy, first + k), w) for (v, dz, dy, first), ws in rows for k, w in enumerate(ws)]
            assert found == as_written(weights)


def test_settings_are_those_of_the_description() -> None:
    settings = WRITTEN["settings"]
    for number, own in SETTINGS.items():
        there = settings[str(number)]
        assert SUPPORTS[there["support"]] == own.support
        assert (there["classes"], there["errors"] == "ahead") == (own.classes, own.ahead)
    for number, mixed in MIXED.items():
        there = settings[str(number)]
        assert SUPPORTS[there["support"]] == mixed.support
        assert (there["tile"], tuple(there["memories"])) == (mixed.tile, mixed.memory)


def test_the_description_needs_no_source_file() -> None:
    text = (ROOT / "docs" / "format.md").read_text().partition("## Three files")[0]
    assert re.findall(r"\S+\.(?:py|npy)\b", text) == []


def numbers(text: str) -> list[int]:
    """All whole numbers of a text, but for those in names and comments."""
    return [int(n) for n in re.findall(r"(?<![\w.])-?\d+(?![\w.])", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL))]


def test_the_decoder_has_the_tables_of_the_description() -> None:
    for name, part in (("predictive", ("supports", "errors")), ("interlaced", ("taps", "errors"))):
        source = (DECODER / "src" / f"{name}_tables.inc").read_text()
        written = json.loads((ROOT / "docs" / "format" / f"{name}.json").read_text())
        assert numbers(source) == [n for key in part for n in flattened(written[key])]


def flattened(value: object) -> list[int]:
    """Numbers of a table as the C source has them: lists of neighbours and rows with their lengths in front."""
    if isinstance(value, dict):
        if "activity" in value:
            rows = [n for row in value["rows"] for n in (*row[:4], len(row[4]), *row[4])]
            return [value["activity"], *value["west"], len(value["rows"]), *rows]
        return [n for part in value.values() for n in flattened(part)]
    assert isinstance(value, list)
    if all(isinstance(part, int) for part in value):
        return value
    counted = all(isinstance(part, list) and len(part) in (4, 5) and isinstance(part[0], int) for part in value)
    weighted = counted and len(value) == 8 and all(len(part) == 5 for part in value)
    return [len(value)] * (counted and not weighted) + [n for part in value for n in flattened(part)]
