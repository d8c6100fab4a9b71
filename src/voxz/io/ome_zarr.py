"""OME-Zarr: names and voxel sizes of an array, from the metadata of the group that it is a resolution of.

OME-NGFF 0.4 (`.zattrs` of Zarr 2) and 0.5 (`zarr.json` of Zarr 3): "multiscales" names the axes and, for each resolution, its
folder, a scale and a translation. Without units there are no millimetres, and no place.
"""

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.errors import UnsupportedError
from voxz.io.foreign_file import Beside
from voxz.io.header_text import LARGEST_HEADER

MILLIMETRES = {"meter": 1e3, "centimeter": 10.0, "millimeter": 1.0, "micrometer": 1e-3, "nanometer": 1e-6, "angstrom": 1e-7}

_DEEPEST = 2
"""A resolution lies at most so many folders below its group."""

_ROWS = {"x": 0, "y": 1, "z": 2}


@dataclass(frozen=True)
class Axis:
    """Its name, the distance of samples along it and the place of the first, in mm; both are NaN where the unit is not told."""

    name: str
    step: float
    start: float


def axes_of(folder: PurePath, beside: Beside) -> tuple[Axis, ...]:
    """Axes of the array in a `folder`, slowest first; none if it belongs to no group that names them."""
    for above in range(1, _DEEPEST + 1):
        path = "/".join(folder.parts[-above:])
        for name in (".zattrs", "zarr.json"):
            with suppress(UnsupportedError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
                with beside("../" * above + name) as file:
                    told = json.loads(file.read(LARGEST_HEADER))
                found = next(_resolutions(told, path), None)
                if found is not None:
                    return found
    return ()


def _resolutions(told: Any, path: str) -> Iterator[tuple[Axis, ...]]:
    """Axes of the resolutions of this `path`."""
    attributes = told.get("attributes", told)
    for image in attributes.get("ome", attributes)["multiscales"]:
        for resolution in image["datasets"]:
            if str(resolution["path"]).strip("/") == path:
                steps, starts = np.ones(len(image["axes"])), np.zeros(len(image["axes"]))
                for change in [*resolution["coordinateTransformations"], *image.get("coordinateTransformations", ())]:
                    scale = np.array(change.get("scale", 1.0), np.float64)
                    steps, starts = steps * scale, starts * scale + np.array(change.get("translation", 0.0), np.float64)
                units = [MILLIMETRES.get(str(axis.get("unit")), math.nan) for axis in image["axes"]]
                names = [str(axis["name"]) for axis in image["axes"]]
                yield tuple(map(Axis, names, (steps * units).tolist(), (starts * units).tolist()))


def affine(axes: Sequence[Axis], kept: Sequence[int]) -> NDArray[np.float64] | None:
    """Affine of an array of the axes numbered `kept`; None unless these are one to three of x, y and z in known units.

    Axes of one sample, which are not kept, are behind the others.
    """
    spatial = [k for k in (*kept, *sorted(set(range(len(axes))) - set(kept))) if axes[k].name in _ROWS]
    if not kept or list(kept) != spatial[: len(kept)] or not 2 <= len(spatial) <= len(_ROWS):
        return None
    found = np.eye(4)
    found[:, : len(spatial)] = 0.0
    for column, k in enumerate(spatial):
        found[_ROWS[axes[k].name], [column, 3]] = axes[k].step, axes[k].start
    unused = [row for row in range(3) if not found[row, :3].any()]
    for row, column in zip(unused, range(len(spatial), 3), strict=True):
        found[:3, column] = np.eye(3)[row]
    return found if np.isfinite(found).all() and abs(np.linalg.det(found)) > 0 else None
