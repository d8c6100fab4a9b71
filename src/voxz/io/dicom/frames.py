"""Objects of several frames: in which order they make a volume or a series, and where it lies in space.

Enhanced objects (PS3.3, C.7.6.16) have a group of attributes for each frame, with its plane. Frames of one orientation are
ordered like slices of a folder: by place, and by their number where every place comes equally often. Where that is the order of
the file, as it mostly is, the frames are one stretch of an array with four axes; elsewhere each frame is a stretch of its own,
with its position. Frames of other objects (cine, ultrasound, dose) are one array in the order of the file.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from voxz.io.arrange import arrange
from voxz.io.dicom import tags
from voxz.io.dicom.attributes import Attributes
from voxz.io.dicom.geometry import Plane, frame_plane, rounded, scaling
from voxz.io.dicom.pixels import Image, Part
from voxz.io.foreign_file import Space, Stretch

Scales = tuple[tuple[float, float], ...]

_STRAIGHT = 0.01
"""Frames whose steps differ by more than this part are not evenly spaced: the affine is that of the first."""


@dataclass(frozen=True, eq=False)
class Frames:
    """Frames of an object in space.

    Attributes
    ----------
    planes : of each frame, None if it has none; empty if the object says nothing about them
    scales : slope and intercept of each frame, one for all, or none
    """

    planes: list[Plane | None]
    scales: Scales

    @property
    def placed(self) -> bool:
        """Whether all frames are known to be parallel planes."""
        orientations = {rounded(plane.orientation) if plane else None for plane in self.planes}
        return len(orientations) == 1 and None not in orientations

    def position(self, frame: int) -> tuple[float, ...]:
        """Position of a frame among those of its orientation."""
        plane = self.planes[frame] if self.planes else None
        return (float(frame), plane.place if plane else 0.0)


def read_frames(attributes: Attributes, picture: Image) -> Frames:
    """What the functional groups say about the frames."""
    groups = attributes.items(tags.PER_FRAME_FUNCTIONAL_GROUPS)
    if len(groups) != picture.frames:
        scale = scaling(attributes)
        return Frames([], (scale,) if scale else ())
    shared = attributes.item(tags.SHARED_FUNCTIONAL_GROUPS, tags.PIXEL_VALUE_TRANSFORMATION_SEQUENCE)
    scales = []
    for group in groups:
        item = attributes.item(tags.PIXEL_VALUE_TRANSFORMATION_SEQUENCE, inside=group)
        inside = shared if item is None else item
        scales.append((None if inside is None else scaling(attributes, inside)) or (1.0, 0.0))
    return Frames([frame_plane(attributes, group) for group in groups], tuple(scales))


def frame_stretches(parts: Sequence[Part], frames: Frames, owner: str) -> tuple[Stretch, ...]:
    """Stretches of the object `owner`: `parts` is all of its frames in one, or each."""
    count = len(frames.planes)
    if len(parts) == 1 and frames.planes and parts[0].packing == "raw":
        order, shape = arrange([frames.position(frame) for frame in range(count)])
        if not frames.placed or order != list(range(count)):
            parts = parts[0].frames(count)
        elif len(shape) == 2:
            layout = parts[0].layout
            parts = [replace(parts[0], layout=replace(layout, shape=(*layout.shape[:2], *shape[::-1])))]
    if len(parts) == 1:
        return (_stretch(parts[0], None, ()),)
    keys = [rounded(plane.orientation) if plane else () for plane in frames.planes] or [()] * len(parts)
    return tuple(_stretch(part, (owner, keys[frame]), frames.position(frame)) for frame, part in enumerate(parts))


def frame_space(frames: Frames) -> Space:
    """Space of the array of an object; without an affine where its frames have no place, or several orientations."""
    if not frames.placed:
        return Space(None, ("x", "y", "z"), _fewest(frames.scales))
    planes = [plane for plane in frames.planes if plane is not None]
    order, shape = arrange([frames.position(frame) for frame in range(len(planes))])
    axes = ("x", "y", "z", "t") if len(shape) == 2 else ("x", "y", "z")
    stack = [planes[number] for number in order[: shape[-1]]]
    scales = tuple(frames.scales[number] for number in order)
    step = (stack[-1].position - stack[0].position) / max(1, len(stack) - 1)
    size = float(np.abs(step).max())
    ideal = [stack[0].position + number * step for number in range(len(stack))]
    straight = all(np.abs(plane.position - at).max() <= _STRAIGHT * size for plane, at in zip(stack, ideal, strict=True))
    return Space(stack[0].affine(step if straight and size > 0 else None), axes, _fewest(scales))


def _stretch(part: Part, key: tuple[object, ...] | None, position: tuple[float, ...]) -> Stretch:
    return Stretch(part.start, part.length, part.layout, part.packing, key, position, part.view)


def _fewest(scales: Scales) -> Scales:
    """One pair if all are equal, none if that does nothing."""
    if len(set(scales)) > 1:
        return scales
    return scales[:1] if scales and scales[0] != (1.0, 0.0) else ()
