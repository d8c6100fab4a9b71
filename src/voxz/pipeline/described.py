"""What an archive says about an array beside its samples: format, place in space, scale, facts, as readers give them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.io.foreign_file import Space
from voxz.io.tree.arrays import TreeArray
from voxz.io.tree.tree import Tree

STRAIGHT = 0.05
"""Slices are evenly spaced if each is within this part of a step of its place."""


def described(tree: Tree, array: TreeArray) -> dict[str, Any]:
    """Facts about an array, as JSON."""
    numbers = list(dict.fromkeys(number for number, _ in array.items))
    files = [tree.files[number] for number in numbers]
    first = files[0]
    facts: dict[str, Any] = {"format": first.format}
    spaces = [file.space or Space() for file in files]
    stretch = first.items[array.items[0][1]].stretch
    places = array.layout.shape[2] if array.layout.first_axis_fastest and len(array.layout.shape) > 2 else 1
    affine = spaces[0].affine
    if affine is not None and len(files) > 1 and len(stretch.layout.shape) == 2:
        with np.errstate(all="ignore"):
            affine = _along(affine, [space.affine for space in spaces[:places]])
    if affine is not None and np.isfinite(affine).all():
        facts["affine"] = [[float(number) for number in row] for row in affine[:3]]
    if spaces[0].axes:
        facts["axes"] = list(spaces[0].axes)
    pairs = _scaling(spaces)
    if pairs:
        facts["scaling"] = [list(pair) for pair in pairs]
    if told := first.facts | ({"array": stretch.title} if stretch.title else {}):
        facts["facts"] = told
    return facts


def _along(first: NDArray[np.float64], slices: list[NDArray[np.float64] | None]) -> NDArray[np.float64] | None:
    """Affine of slices, whose third axis leads from the first to the last; None if they do not lie evenly."""
    known = [affine[:3, 3] for affine in slices if affine is not None]
    if len(known) != len(slices):
        return None
    positions = np.array(known)
    step = (positions[-1] - positions[0]) / max(1, len(positions) - 1)
    even = positions[0] + np.arange(len(positions))[:, None] * step
    if np.abs(positions - even).max() > STRAIGHT * np.abs(step).max() + 1e-3:
        return None
    affine = np.array(first, np.float64)
    if np.abs(step).max() > 0:
        affine[:3, 2] = step
    return affine


def _scaling(spaces: list[Space]) -> list[tuple[float, float]]:
    """Slope and intercept of each slice, one pair if all are equal, none if nobody says."""
    pairs = [pair for space in spaces for pair in (space.scaling if len(spaces) == 1 else space.scaling[:1] or ((1.0, 0.0),))]
    if not any(space.scaling for space in spaces) or not np.isfinite(pairs).all():
        return []
    return pairs[:1] if len(set(pairs)) == 1 else pairs
