"""Which BIDS data set a folder belongs to (https://bids-specification.readthedocs.io)."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DESCRIPTION = "dataset_description.json"

_LARGEST = 1 << 24
"""Bytes of a sidecar at most."""


@dataclass(frozen=True)
class DataSet:
    """A BIDS data set: its folder, and what its dataset_description.json says."""

    folder: Path
    description: dict[str, Any]

    @property
    def raw(self) -> bool:
        """Whether it is what was measured, and made from no other."""
        return bool(self.description.get("DatasetType", "raw") == "raw")


def data_set_of(folder: Path) -> DataSet | None:
    """The data set that a folder belongs to: the innermost of those around it."""
    place = folder.resolve()
    for path in (place, *place.parents):
        description = read_json(path / DESCRIPTION)
        if "BIDSVersion" in description:
            return DataSet(path, description)
    return None


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty if there is none that can be read."""
    try:
        told = json.loads(path.read_bytes()) if path.is_file() and path.stat().st_size <= _LARGEST else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}
