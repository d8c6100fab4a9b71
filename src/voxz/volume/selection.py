"""Selections of part of a volume: from text (``z=10:20,t=3``) or numpy-style indices to positions along each axis."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import EllipsisType
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from voxz.errors import UsageError

AXIS_NAMES = "xyztuvw"

Index = SupportsIndex | slice | EllipsisType | Sequence[int] | Sequence[bool] | NDArray[Any] | None
"""What may stand for an axis of an image."""

_EXPECTED = "expected integers, slices, '...', None, and an array of integers or a mask along one axis"


@dataclass(frozen=True)
class Selection:
    """What an index selects.

    Attributes
    ----------
    positions : ascending positions along each axis
    arrange : index of numpy that turns the outer product of the positions into what was asked for
    """

    positions: tuple[range | NDArray[np.intp], ...]
    arrange: tuple[Any, ...]


def from_index(index: Index | tuple[Index, ...], shape: tuple[int, ...]) -> Selection:
    """Selection of a numpy index, whose result is what numpy gives; one axis may have an array of integers or a mask.

    Raises
    ------
    IndexError
        Something else was given, or lies outside.
    """
    parts = [_part(part) for part in (index if isinstance(index, tuple) else (index,))]
    if sum(part is Ellipsis for part in parts) > 1:
        raise IndexError("an index can have only one ellipsis ('...')")
    if sum(isinstance(part, np.ndarray) for part in parts) > 1:
        raise IndexError("an image takes an index array along one axis at a time: image[rows][:, columns], or np.asarray(image)")
    missing = len(shape) - sum(part is not Ellipsis and part is not None for part in parts)
    if missing < 0:
        raise IndexError(f"too many indices: an image of {len(shape)} axes got {len(shape) - missing}")
    at = next((n for n, part in enumerate(parts) if part is Ellipsis), len(parts))
    dots = parts[at : at + 1]
    parts[at : at + 1] = [slice(None)] * missing
    positions: list[range | NDArray[np.intp]] = []
    arrange: list[Any] = []
    for part in parts:
        if part is None:
            arrange.append(None)
            continue
        along, placed = _along(part, len(positions), shape[len(positions)])
        positions.append(along)
        arrange.append(placed)
    if dots and not any(isinstance(part, np.ndarray) for part in parts):
        arrange.append(Ellipsis)  # numpy gives an array without axes then, no number
    return Selection(tuple(positions), tuple(arrange))


def _part(part: Any) -> Any:
    """An integer, slice, ellipsis or None, or an array of integers or truth values."""
    if part is None or part is Ellipsis or isinstance(part, slice):
        return part
    if not isinstance(part, bool | np.bool_ | np.ndarray) and hasattr(part, "__index__"):
        return part.__index__()
    try:
        array = np.asarray(part)
    except ValueError:
        raise IndexError(f"{part!r} cannot index an image; {_EXPECTED}") from None
    if array.size == 0 and not isinstance(part, np.ndarray):
        array = array.astype(np.intp)
    if array.dtype.kind == "b" and array.ndim != 1:
        raise IndexError(f"a mask of {array.ndim} axes cannot index an image, one along an axis can; use np.asarray(image)[mask]")
    if array.dtype.kind not in "iub":
        raise IndexError(f"{part!r} cannot index an image; {_EXPECTED}")
    return array if array.ndim else int(array)


def _along(part: Any, axis: int, size: int) -> tuple[range | NDArray[np.intp], Any]:
    """Ascending positions along an axis, and the index that arranges them."""
    if isinstance(part, slice):
        chosen = range(size)[part]
        return (chosen, slice(None)) if chosen.step > 0 else (chosen[::-1], slice(None, None, -1))
    if isinstance(part, np.ndarray) and part.dtype.kind == "b":
        if len(part) != size:
            raise IndexError(f"a mask of {len(part)} cannot index axis {axis} with size {size}")
        part = np.flatnonzero(part)
    if isinstance(part, np.ndarray):
        low, high = (int(part.min()), int(part.max())) if part.size else (0, -1)
        if low < -size or high >= size:
            raise IndexError(f"index {low if low < -size else high} is out of bounds for axis {axis} with size {size}")
        found, order = np.unique(np.where(part < 0, part.astype(np.intp) + size, part), return_inverse=True)
        return found.astype(np.intp), order.reshape(part.shape)
    if not -size <= part < size:
        raise IndexError(f"index {part} is out of bounds for axis {axis} with size {size}")
    return range(part % size, part % size + 1), 0


def from_text(text: str, shape: tuple[int, ...], first_axis_fastest: bool) -> tuple[range, ...]:
    """Positions by ``axis=start:stop:step`` or ``axis=position`` parts; x is the axis that varies fastest.

    An axis with a single position stays, with length one.
    """
    axes = list(range(len(shape))) if first_axis_fastest else list(range(len(shape)))[::-1]
    names = dict(zip(AXIS_NAMES, axes, strict=False))
    ranges = [range(size) for size in shape]
    for part in text.split(","):
        name, equals, value = part.strip().partition("=")
        numbers = value.split(":")
        if not equals or name not in names or len(numbers) > 3:
            raise UsageError(f"select with an axis of {''.join(names)}, as in 'z=10:20' or 't=3' (got {part.strip()!r})")
        try:
            bounds = [int(number) if number.strip() else None for number in numbers]
        except ValueError:
            raise UsageError(f"a selection takes whole numbers (got {part.strip()!r})") from None
        size = shape[names[name]]
        if len(bounds) == 1:
            position = bounds[0]
            if position is None or not -size <= position < size:
                raise UsageError(f"{name} must be 0 to {size - 1} (got {part.strip()!r})")
            start = position % size
            ranges[names[name]] = range(start, start + 1)
        else:
            if any(step is not None and step < 1 for step in bounds[2:]):
                raise UsageError(f"the step of a selection must be 1 or more (got {part.strip()!r})")
            ranges[names[name]] = range(size)[slice(*bounds)]
            if not ranges[names[name]]:
                raise UsageError(f"{part.strip()!r} selects nothing; {name} is 0 to {size - 1}")
    return tuple(ranges)
