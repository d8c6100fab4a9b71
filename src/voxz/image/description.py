"""What an archive says about its arrays beside their samples: written by the readers of foreign formats, never trusted."""

import functools
import json
import math
import posixpath
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.container.catalogue import DESCRIPTION
from voxz.container.reader import StoredArray


def description(array: StoredArray) -> dict[str, Any]:
    """Facts about an array; empty if there are none, or none that can be read."""
    for kind, text in array.reader.files.notes:
        if kind == DESCRIPTION:
            told = _parsed(text)
            found = told[array.number] if array.number < len(told) else {}
            return found if isinstance(found, dict) else {}
    return {}


@functools.lru_cache(maxsize=2)
def _parsed(text: bytes) -> list[Any]:
    """A note, read once for all volumes of an archive; empty if it is none that can be read."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return found if isinstance(found, list) else []


def affine_of(facts: dict[str, Any]) -> NDArray[np.float64] | None:
    """Affine (4 x 4) of a description; None if it has none."""
    rows = facts.get("affine")
    flat = [number for row in rows if isinstance(row, list) for number in row] if isinstance(rows, list) else []
    if len(flat) != 12 or not all(isinstance(n, int | float) and math.isfinite(n) for n in flat):
        return None
    return np.vstack([np.array(flat, np.float64).reshape(3, 4), [0.0, 0.0, 0.0, 1.0]])


def name_of(array: StoredArray) -> str:
    """Name of the file that holds an array, or of the folder that those lie in that do; empty without names."""
    files = array.reader.files
    numbers = files.files_of(array.number) if files.named else []
    if not numbers:
        return ""
    first, last = (files[numbers[k]].name for k in (0, -1))
    folder = posixpath.commonpath([PurePosixPath("/", name).parent for name in (first, last)])  # damage makes some absolute
    return first if len(numbers) == 1 else str(PurePosixPath(folder).relative_to("/"))


def scaling_of(facts: dict[str, Any], slices: tuple[int, ...]) -> NDArray[np.float64] | None:
    """Slope and intercept of a description: one pair, or one for each of the `slices` (slowest axis last), in their shape.

    None if it has none, or not as many.
    """
    pairs = facts.get("scaling")
    if not isinstance(pairs, list) or len(pairs) not in (1, math.prod(slices)):
        return None
    flat = [number for pair in pairs if isinstance(pair, list) for number in pair]
    if len(flat) != 2 * len(pairs) or not all(isinstance(n, int | float) and math.isfinite(n) for n in flat):
        return None
    numbers = np.array(flat, np.float64).reshape(-1, 2)
    return numbers[0] if len(pairs) == 1 else numbers.reshape(*slices[::-1], 2).swapaxes(0, len(slices) - 1)


def seconds_of(facts: dict[str, Any]) -> float | None:
    """Repetition time of a description in seconds; None if it has none."""
    told = facts.get("facts")
    text = told.get("repetition time (ms)") if isinstance(told, dict) else None
    try:
        seconds = float(str(text)) / 1000
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds > 0 else None
