"""A whole image at a lower resolution, brick by brick."""

import contextlib
import math
from collections.abc import Callable, Container
from functools import partial

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.numbers import LABELS
from voxz.container.reader import StoredArray
from voxz.errors import CorruptError, UsageError
from voxz.io import nifti
from voxz.io.archived_header import nifti_header
from voxz.threads import map_ordered
from voxz.volume.layout import Layout

SHORTEST = 8
"""Samples from which on an axis is halved."""

MOST_HALVINGS = 5

Halvings = tuple[int, int, int]


def halvings_at(shape: tuple[int, ...], resolution: int) -> Halvings:
    """How often each axis of an image ``(z, y, x)`` is halved at `resolution`; `UsageError` if there is none."""
    most = [_most(n) for n in shape]
    if not 0 <= resolution <= max(most):
        sizes = "x".join(map(str, shape[::-1]))
        raise UsageError(f"resolution must be 0 (full) to {max(most)} for an image of {sizes} voxels (got {resolution})")
    z, y, x = (min(resolution, n) for n in most)
    return z, y, x


def coarse_positions(layout: Layout, resolution: int) -> tuple[range, ...]:
    """Where in an image the samples of its preview lie, along the axes that users see."""
    steps = [1] * len(layout.shape)
    halvings = halvings_at(layout.canonical[1:4], resolution)
    for back, halved in enumerate(halvings[::-1][: len(steps)]):
        steps[back if layout.first_axis_fastest else -1 - back] = 1 << halved
    return tuple(range(0, n, step) for n, step in zip(layout.shape, steps, strict=True))


def coarse_samples(
    array: StoredArray, resolution: int, threads: int, check: Callable[[int], None], wanted: Container[int] | None = None
) -> NDArray[np.generic]:
    """All samples at a resolution, canonical, or those in bricks that are `wanted`; `check` is told how many bytes they take."""
    layout = array.layout
    halvings = halvings_at(layout.canonical[1:4], resolution)
    steps = [1, *(1 << n for n in halvings)]
    shape = (*(-(-n // step) for n, step in zip(layout.canonical, steps, strict=False)), layout.channels)
    check(math.prod(shape) * layout.dtype.itemsize)
    result = np.empty(shape, layout.dtype)
    names, decoder = _are_names(array), _coarse_decoder()
    places = [
        tuple(slice(-(-part.start // step), -(-part.stop // step)) for part, step in zip(box, steps, strict=True))
        for box in array.boxes
    ]
    needed = [number for number, place in enumerate(places) if all(part.stop > part.start for part in place)]
    needed = needed if wanted is None else [number for number in needed if number in wanted]

    def decode(part: tuple[int, bytes]) -> None:
        number, payload = part
        starts = [side.start for side in array.boxes[number][1:]]
        coarse = partial(decoder, halvings=halvings, starts=starts, names=names)
        result[places[number]] = array.brick(number, coarse, payload)

    for batch in array.batches(needed):
        for _ in map_ordered(decode, batch, min(threads, len(batch)), array.samples_of(number for number, _ in batch)):
            pass
    return result


def _coarse_decoder() -> Callable[..., NDArray[np.generic]]:
    from voxz.codecs import native  # noqa: PLC0415 - start-up time

    if native.asked_for():
        return native.coarse_brick
    from voxz.image.preview_brick import coarse_brick  # noqa: PLC0415 - kernels cost start-up time

    return coarse_brick


def _most(length: int) -> int:
    count = 0
    while length >= SHORTEST and count < MOST_HALVINGS:
        length, count = -(-length // 2), count + 1
    return count


def _are_names(array: StoredArray) -> bool:
    """Whether samples are labels: a codec took one brick for a map, or the NIfTI header says so."""
    with contextlib.suppress(CorruptError):
        header = nifti_header(array)
        if header is not None and nifti.intent(header) == nifti.INTENT_LABEL:
            return True
    return bool(array.bricks) and all(brick.codec == LABELS for brick in array.bricks)
