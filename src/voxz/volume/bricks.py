"""Cutting a volume into bricks that are coded, checked and decoded independently.

The *streaming axis* is the slowest axis along which a brick is longer than 1. Bricks that share their range of it and of the
axes above it form a *slab*. Slabs follow each other in memory order, so both directions stream: one slab in
memory, whatever the size of the file. Within a slab the cuts go along y first, then x, then z, which cost
the predictor least.
"""

import itertools
import math
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from voxz.errors import UsageError
from voxz.volume.layout import Canonical

SLICES = 32
"""Slices of a brick of a single volume. Long scans get three quarters of it, so that reading one slice costs less."""

DEEP_VOXELS = 3 << 19
"""Small slices share a brick, more of them than above, up to as many voxels as 24 slices of 256 x 256: reading one costs no more
than of those, and the predictor learns from all of them."""

SERIES_SLICES = 64
"""Slices of a brick of a series of files, which is seldom read but as a whole; long ones get three quarters of it."""

VOLUMES = 64
"""Volumes of a brick of a series."""

BRICK_VOXELS = 1 << 21

LARGE_BRICK_VOXELS = 1 << 23
"""For transforms, which leave seams between bricks at low rates, and whose series should not be cut."""

SERIES_VOXELS = 4_400_000
"""For series of files; with eight million they are 0.2 % smaller, but two threads take 1.6 GB instead of 1.1 at most."""

FEWEST_VOXELS = 1 << 16
"""Small slices or volumes share a brick, more of them than above, so that it is worth its place in the index."""

TINY_VOLUME, FEWEST_OF_TINY = 256, 1 << 18
"""Volumes with fewer samples than the first are coded as an image (`voxz.codecs.turned`); a brick holds at least the second."""

SLAB_BYTES = 128 << 20

MOST_SAMPLES = 1 << 26
"""Samples of a brick."""

LARGEST_SLAB = 256 << 20
"""Bytes of a slab that a file may ask its reader for."""

PATCH = (64, 64, 64)
"""Bricks for programs that read patches, as training does."""

FEWEST_SAMPLES = 1 << 10
"""Samples of a brick that is asked for: smaller ones take more place in the index than they are worth."""

Extent = tuple[int, int, int, int]
Box = tuple[slice, slice, slice, slice]


@dataclass(frozen=True)
class Grid:
    """Bricks of `extent` ``(series, z, y, x)``, the last along each axis possibly smaller, over a canonical `shape`."""

    shape: Canonical
    extent: Extent

    @classmethod
    def choose(cls, shape: Canonical, itemsize: int, *, large: bool = False, files: bool = False) -> "Grid":
        """Bricks of about BRICK_VOXELS voxels for samples of `itemsize` bytes.

        If `large`, of LARGE_BRICK_VOXELS for a transform; for a series of `files`, of SERIES_VOXELS, with more slices.
        """
        extent = [max(1, n) for n in shape[:4]]
        most = SERIES_SLICES if files else SLICES
        slices = most if extent[1] <= 2 * most else most * 3 // 4
        voxels = LARGE_BRICK_VOXELS if large else SERIES_VOXELS if files else BRICK_VOXELS
        volumes = 2 * VOLUMES if large else VOLUMES
        slices = max(slices, DEEP_VOXELS // max(1, extent[2] * extent[3] * shape[4]))
        if large:
            slices = max(SLICES, voxels // max(1, extent[2] * extent[3] * shape[4]))
        for stream, longest in enumerate((volumes, slices, extent[2], extent[3])):
            layer = max(1, math.prod(extent[stream + 1 :]) * shape[4])
            fewest = FEWEST_OF_TINY if stream == 0 and layer < TINY_VOLUME else FEWEST_VOXELS
            layers = min(max(longest, fewest // layer), SLAB_BYTES // (layer * itemsize))
            extent[stream] = _balanced(extent[stream], max(1, layers))
            if extent[stream] > 1:
                break
        for axis in (1, 2, 3) if large else (2, 3, 1):
            if axis > stream or axis == stream > 1:
                others = math.prod(extent) // extent[axis] * shape[4]
                shortest = SLICES if axis == 1 and large else _SHORTEST
                extent[axis] = _balanced(extent[axis], max(shortest, round(voxels / others)))
        return cls(shape, (extent[0], extent[1], extent[2], extent[3]))

    @classmethod
    def of_brick(cls, shape: Canonical, itemsize: int, brick: tuple[int, int, int]) -> "Grid":
        """Bricks of `brick` voxels along (z, y, x) and of one volume; `UsageError` if a slab of them is too large to hold."""
        z, y, x = (max(1, min(pair)) for pair in zip(brick, shape[1:4], strict=True))
        grid = cls(shape, (1, z, y, x))
        size = grid.slab_voxels() * itemsize
        if size > SLAB_BYTES or z * y * x * shape[4] > MOST_SAMPLES:
            raise UsageError(
                f"bricks of {z},{y},{x} in a volume of {shape[1]},{shape[2]},{shape[3]} need {size} bytes at once, the limit is "
                f"{SLAB_BYTES}; ask for fewer slices"
            )
        return grid

    @classmethod
    def coarsest(cls, shape: Canonical, itemsize: int) -> "Grid":
        """One brick if it is no larger than a slab may be, else those for transforms: a fitted function is best in one piece."""
        if math.prod(shape) * itemsize > SLAB_BYTES or math.prod(shape) > MOST_SAMPLES:
            return cls.choose(shape, itemsize, large=True)
        a, b, c, d = (max(1, n) for n in shape[:4])
        return cls(shape, (a, b, c, d))

    def __len__(self) -> int:
        return math.prod(self._counts())

    def slabs(self) -> Iterator[list[Box]]:
        """Lists of the bricks of each slab, in file order."""
        if len(self) == 0:
            return
        streamed = self._streaming_axis() + 1
        boxes = itertools.product(self._cuts(0), self._cuts(1), self._cuts(2), self._cuts(3))
        for _, group in itertools.groupby(boxes, key=lambda box: [part.start for part in box[:streamed]]):
            yield list(group)

    def slab_box(self, boxes: list[Box]) -> Box:
        """Return the part of the volume that the bricks of a slab fill."""
        first, last = boxes[0], boxes[-1]
        a, b, c, d = (slice(p.start, q.stop) for p, q in zip(first, last, strict=True))
        return a, b, c, d

    def slab_voxels(self) -> int:
        """Samples of the largest slab."""
        streamed = self._streaming_axis() + 1
        return math.prod(map(min, self.extent[:streamed], self.shape)) * math.prod(self.shape[streamed:])

    def _streaming_axis(self) -> int:
        return next((axis for axis in range(4) if min(self.extent[axis], self.shape[axis]) > 1), 3)

    def _counts(self) -> list[int]:
        return [-(-n // e) for n, e in zip(self.shape[:4], self.extent, strict=True)] + [int(self.shape[4] > 0)]

    def _cuts(self, axis: int) -> list[slice]:
        size, step = self.shape[axis], self.extent[axis]
        return [slice(start, min(start + step, size)) for start in range(0, size, step)]


def brick_of(wish: str | int | Sequence[int] | None) -> tuple[int, int, int] | None:
    """Voxels of a brick along (z, y, x), from an edge, three lengths or their text, or "patch"; None: chosen by the shape.

    Raises
    ------
    UsageError
        It is none of these, or a brick that is too small or too large.
    """
    if wish is None:
        return None
    if wish == "patch":
        return PATCH
    try:
        parts = wish.split(",") if isinstance(wish, str) else [wish] if isinstance(wish, int) else list(wish)
        lengths = tuple(int(part) if isinstance(part, str) else operator.index(part) for part in parts)
    except (TypeError, ValueError):
        lengths = ()
    lengths = lengths * 3 if len(lengths) == 1 else lengths
    if len(lengths) != 3 or min(lengths) < 1:
        raise UsageError(f"a brick is an edge such as 64, three lengths Z,Y,X, or patch (got {wish!r})")
    if not FEWEST_SAMPLES <= math.prod(lengths) <= MOST_SAMPLES:
        raise UsageError(f"a brick has {FEWEST_SAMPLES} to {MOST_SAMPLES} samples (got {' x '.join(map(str, lengths))})")
    return lengths[0], lengths[1], lengths[2]


_SHORTEST = 64
"""Bricks are not cut shorter than this along y and x."""


def middle_of(shape: tuple[int, ...], most: tuple[int, ...]) -> tuple[slice, ...]:
    """The middle of `shape`: at most `most` samples along each of its first axes."""
    starts = [max(0, (n - limit) // 2) for n, limit in zip(shape, most, strict=False)]
    return tuple(slice(start, start + limit) for start, limit in zip(starts, most, strict=True))


def _balanced(size: int, longest: int) -> int:
    """Return the largest part when `size` is cut evenly into as few parts of at most `longest` as can be."""
    parts = max(1, -(-size // longest))
    return -(-size // parts)
