"""Selections of part of a volume: from text (``z=10:20,t=3``) or numpy-style indices to positions along each axis."""

from dataclasses import dataclass
from types import EllipsisType

from voxz.errors import UsageError

AXIS_NAMES = "xyztuvw"

Index = int | slice | EllipsisType


@dataclass(frozen=True)
class Selection:
    """Positions along each user-visible axis; axes in `dropped` were indexed by a single integer."""

    ranges: tuple[range, ...]
    dropped: frozenset[int]


def from_index(index: Index | tuple[Index, ...], shape: tuple[int, ...]) -> Selection:
    """Selection of basic numpy indexing: integers, slices and one ellipsis."""
    parts = list(index) if isinstance(index, tuple) else [index]
    if parts.count(Ellipsis) > 1:
        raise IndexError("an index can have only one ellipsis ('...')")
    missing = len(shape) - sum(part is not Ellipsis for part in parts)
    if missing < 0:
        raise IndexError(f"too many indices: got {len(parts)} for {len(shape)} axes")
    at = next((n for n, part in enumerate(parts) if part is Ellipsis), len(parts))
    parts[at : at + 1] = [slice(None)] * missing
    ranges, dropped = [], set()
    for axis, (part, size) in enumerate(zip(parts, shape, strict=True)):
        if isinstance(part, slice):
            ranges.append(range(size)[part])
        elif hasattr(part, "__index__"):
            position = range(size)[part.__index__()]  # raises IndexError when out of range
            ranges.append(range(position, position + 1))
            dropped.add(axis)
        else:
            raise IndexError(f"only integers, slices and '...' can index a compressed image, got {part!r}")
    return Selection(tuple(ranges), frozenset(dropped))


def from_text(text: str, shape: tuple[int, ...], first_axis_fastest: bool) -> Selection:
    """Selection of ``axis=start:stop:step`` or ``axis=position`` parts; x is the axis that varies fastest.

    An axis with a single position stays, with length one.
    """
    axes = list(range(len(shape))) if first_axis_fastest else list(range(len(shape)))[::-1]
    names = dict(zip(AXIS_NAMES, axes, strict=False))
    ranges = [range(size) for size in shape]
    for part in text.split(","):
        name, equals, value = part.strip().partition("=")
        numbers = value.split(":")
        if not equals or name not in names or len(numbers) > 3:
            raise UsageError(f"got selection {part.strip()!r}, expected like 'z=10:20' or 't=3' with an axis of {''.join(names)}")
        try:
            bounds = [int(number) if number.strip() else None for number in numbers]
        except ValueError:
            raise UsageError(f"got selection {part.strip()!r}, expected whole numbers") from None
        size = shape[names[name]]
        if len(bounds) == 1:
            position = bounds[0]
            if position is None or not -size <= position < size:
                raise UsageError(f"got {part.strip()!r}, expected {name} from 0 to {size - 1}")
            start = position % size
            ranges[names[name]] = range(start, start + 1)
        else:
            if any(step is not None and step < 1 for step in bounds[2:]):
                raise UsageError(f"got {part.strip()!r}, expected a step of 1 or more")
            ranges[names[name]] = range(size)[slice(*bounds)]
            if not ranges[names[name]]:
                raise UsageError(f"got {part.strip()!r}, which selects nothing of {name} from 0 to {size - 1}")
    return Selection(tuple(ranges), frozenset())
