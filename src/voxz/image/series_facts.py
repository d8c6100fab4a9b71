"""What is known about each volume of an archive without decoding it: nothing that a person is known by."""

from dataclasses import dataclass

import numpy as np

from voxz.container.reader import Reader, StoredArray
from voxz.image.description import affine_of, description, name_of

MOST_LISTED = 4096
"""Volumes that `info` lists."""


@dataclass(frozen=True)
class SeriesFacts:
    """A volume of an archive.

    Attributes
    ----------
    name : the file that holds it, or the folder of those that do
    format : of those files
    shape, dtype, channels : of its samples
    files : how many files hold it
    spacing_mm : distances of neighbouring samples along its first three axes; empty if nobody says
    facts : what the reader of the format says, such as the modality
    """

    name: str
    format: str
    shape: tuple[int, ...]
    dtype: str
    channels: int
    files: int
    spacing_mm: tuple[float, ...]
    facts: dict[str, str]


def series_facts(reader: Reader) -> tuple[SeriesFacts, ...]:
    """Facts about the first `MOST_LISTED` volumes."""
    return tuple(_facts(array) for array in reader.arrays[:MOST_LISTED])


def _facts(array: StoredArray) -> SeriesFacts:
    told, layout = description(array), array.layout
    facts = told.get("facts")
    return SeriesFacts(
        name_of(array),
        str(told.get("format", "")),
        layout.shape,
        layout.dtype.str,
        layout.channels,
        len(array.reader.files.files_of(array.number)),
        spacing_of(array),
        {str(key): str(value) for key, value in facts.items()} if isinstance(facts, dict) else {},
    )


def spacing_of(array: StoredArray) -> tuple[float, ...]:
    """Distances of neighbouring samples along the first three axes, in mm, as a description says; empty if none does."""
    affine = affine_of(description(array))
    with np.errstate(over="ignore"):  # what overflows is no spacing
        steps = np.zeros(0) if affine is None else np.sqrt((affine[:3, :3] ** 2).sum(axis=0))
    return tuple(round(float(step), 6) for step in steps) if np.isfinite(steps).all() else ()
