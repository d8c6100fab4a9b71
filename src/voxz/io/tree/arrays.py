"""Arrays that the items of several files make together."""

from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from voxz.io.arrange import arrange
from voxz.io.packings import WITHOUT_SAMPLES
from voxz.io.tree.tree_file import TreeFile
from voxz.volume.layout import MOST_AXES, Layout


@dataclass(slots=True)
class TreeArray:
    """An array that files make together: its items, as numbers of a file and of its item, in memory order."""

    layout: Layout
    items: list[tuple[int, int]]


def arranged(files: list[TreeFile]) -> tuple[list[TreeFile], list[TreeArray]]:
    """Files in the order of their arrays, and those."""
    groups: dict[object, list[tuple[int, int]]] = {}
    for number, file in enumerate(files):
        for place, item in enumerate(file.items):
            stretch = item.stretch
            if stretch.packing in WITHOUT_SAMPLES:
                continue
            alone = stretch.key is None or (len(stretch.layout.shape) + 1 > MOST_AXES and not stretch.joined)
            groups.setdefault((number, place) if alone else (stretch.key, stretch.layout), []).append((number, place))
    arrays: list[TreeArray] = []
    first: dict[int, tuple[int, int]] = {}
    for members in groups.values():
        layout = files[members[0][0]].items[members[0][1]].stretch.layout
        order, axes = arrange([files[number].items[place].stretch.position for number, place in members])
        axes = axes if len(layout.shape) + len(axes) <= MOST_AXES else (len(members),)
        if len(members) > 1:
            joined = files[members[0][0]].items[members[0][1]].stretch.joined
            layout = _lengthened(layout, axes) if joined else _stacked(layout, axes)
        items = [members[k] for k in order]
        for rank, (number, _) in enumerate(items):
            first.setdefault(number, (len(arrays), rank))
        arrays.append(TreeArray(layout, items))
    last = (len(arrays), 0)

    def place_of(number: int) -> tuple[int, int, str, str]:
        name = files[number].name
        return *first.get(number, last), "" if number in first else PurePosixPath(name).suffix.lower(), name

    ordered = sorted(range(len(files)), key=place_of)
    renumbered = {old: new for new, old in enumerate(ordered)}
    for array in arrays:
        array.items = [(renumbered[number], place) for number, place in array.items]
    return [files[number] for number in ordered], arrays


def _stacked(layout: Layout, axes: tuple[int, ...]) -> Layout:
    """Layout of items that make more axes, slowest first."""
    return replace(layout, shape=(*layout.shape, *axes[::-1]) if layout.first_axis_fastest else (*axes, *layout.shape))


def _lengthened(layout: Layout, axes: tuple[int, ...]) -> Layout:
    """Layout of items that follow each other along their slowest axis, which the last of the `axes` lengthens."""
    slowest = len(layout.shape) - 1 if layout.first_axis_fastest else 0
    longer = replace(layout, shape=tuple(n * axes[-1] if k == slowest else n for k, n in enumerate(layout.shape)))
    return _stacked(longer, axes[:-1])
