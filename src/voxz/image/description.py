"""What an archive says about its arrays beside their samples: written by the readers of foreign formats, never trusted."""

import json
import math
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
            try:
                found = json.loads(text)[array.number]
            except (ValueError, LookupError, TypeError, RecursionError):
                return {}
            return found if isinstance(found, dict) else {}
    return {}


def affine_of(facts: dict[str, Any]) -> NDArray[np.float64] | None:
    """Affine (4 x 4) of a description; None if it has none."""
    rows = facts.get("affine")
    flat = [number for row in rows if isinstance(row, list) for number in row] if isinstance(rows, list) else []
    if len(flat) != 12 or not all(isinstance(n, int | float) and math.isfinite(n) for n in flat):
        return None
    return np.vstack([np.array(flat, np.float64).reshape(3, 4), [0.0, 0.0, 0.0, 1.0]])


def name_of(array: StoredArray) -> str:
    """Name of the file that holds an array, or of the folder of those that do; empty without names."""
    files = array.reader.files
    numbers = files.files_of(array.number) if files.named else []
    if not numbers:
        return ""
    first = files[numbers[0]].name
    return first if len(numbers) == 1 else str(PurePosixPath(first).parent)
