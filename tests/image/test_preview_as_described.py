"""Previews are what docs/format.md says under "Lower resolutions", followed here word by word, slowly."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

import voxz
from phantoms import head, labels, ratio_map, series
from voxz.codecs.numbers import LABELS
from voxz.container.reader import Reader

GAIN = 1.402108083026866
STEPS = (-1.586134342059924, -0.052980118572961, 0.882911075530934, 0.443506852043971)
FACTORS = 1.1397639386376850, 0.88727710760788740
"""Of the pyramid of codec 4: steps of lifting, factors of low and high samples."""

Numbers = NDArray[np.float64]
Mask = NDArray[np.bool_]


def split(line: Numbers) -> Numbers:
    """9/7 along a line: what is low, then what is high."""
    line = line.copy()
    n = len(line)
    if n == 1:
        return line
    for turn, step in enumerate(STEPS):
        for i in range(1 - turn % 2, n, 2):
            before, after = i - 1 if i else 1, i + 1 if i + 1 < n else n - 2
            line[i] += step * (line[before] + line[after])
    return np.concatenate([line[::2] * FACTORS[0], line[1::2] * FACTORS[1]])


def lowest_band(volume: Numbers, halvings: tuple[int, ...]) -> Numbers:
    gain = 1.0
    for scale in range(max(halvings)):
        for axis in (2, 1, 0):
            if scale < halvings[axis]:
                volume = np.apply_along_axis(split, axis, volume)
        for axis in range(3):
            if scale < halvings[axis]:
                volume = np.take(volume, range((volume.shape[axis] + 1) // 2), axis)
    for _ in range(sum(halvings)):
        gain *= GAIN
    return volume / gain


def filled(volume: Numbers, unknown: Mask) -> Numbers:
    if not unknown.any():
        return volume
    grids = [(np.where(unknown, 0, volume), (~unknown).astype(float))]
    while (grids[-1][1] == 0).any() and grids[-1][1].size > 1:
        sums, counts = grids[-1]
        shape = tuple((n + 1) // 2 for n in sums.shape)
        coarser = np.zeros(shape), np.zeros(shape)
        for place in np.ndindex(sums.shape):
            above = tuple(i // 2 for i in place)
            coarser[0][above] += sums[place]
            coarser[1][above] += counts[place]
        grids.append(coarser)
    means = np.zeros((1, 1, 1))
    for sums, counts in reversed(grids):
        own = np.zeros(sums.shape)
        for place in np.ndindex(sums.shape):
            above = tuple(min(i // 2, n - 1) for i, n in zip(place, means.shape, strict=True))
            own[place] = sums[place] / counts[place] if counts[place] else means[above]
        means = own
    for _ in range(8):
        for z, y, x in np.argwhere(unknown):
            d, h, w = (n - 1 for n in means.shape)
            total = means[max(z - 1, 0), y, x] + means[min(z + 1, d), y, x]
            total += means[z, max(y - 1, 0), x] + means[z, min(y + 1, h), x]
            total += means[z, y, max(x - 1, 0)] + means[z, y, min(x + 1, w)]
            means[z, y, x] = total / 6
    return means


def without_short_runs(line: Mask, side: int) -> Mask:
    kept = np.zeros_like(line)
    for i in range(len(line) - side + 1):
        if line[i : i + side].all():
            kept[i : i + side] = True
    return kept


def solid(mask: Mask) -> Mask:
    second = np.zeros_like(mask)
    for side in (3, 5, 8, 12, 20, 32):
        left = np.apply_along_axis(without_short_runs, 3, np.apply_along_axis(without_short_runs, 2, mask, side), side)
        count = np.count_nonzero(left)
        if count < 0.01 * left.size:
            break
        pairs = sum(np.count_nonzero(np.diff(left, axis=axis)) for axis in (1, 2, 3))
        if pairs <= 0.17 * count:
            return left
        if pairs <= 0.3 * count and not second.any():
            second = left
    return second


def background(samples: NDArray[np.generic]) -> Mask:
    found = np.zeros(samples.shape[:4], np.bool_)
    if min(samples.shape[2:4]) < 3:
        return found
    first = samples[..., 0].ravel()
    taken = first[:: first.size // 65536 | 1]
    values, counts = np.unique(taken, return_counts=True)
    for count, value in sorted(zip(-counts, values, strict=True), key=lambda pair: pair[0])[:3]:
        if -count < 0.01 * taken.size or not np.isfinite(value):
            continue
        everywhere = (samples == value).all(axis=4)
        a, b = solid(everywhere.all(axis=0)[None]), solid(everywhere)
        notable = b.any() and np.count_nonzero(b) - len(b) * np.count_nonzero(a) >= 0.01 * b.size
        found |= b if len(b) > 1 and notable else np.broadcast_to(a, b.shape)
    return found


def looks_like_a_map(samples: NDArray[np.generic]) -> bool:
    slices = [
        samples[s, z, :, :, c] for s in range(len(samples)) for c in range(samples.shape[4]) for z in range(samples.shape[1])
    ]
    none = some = 0
    if min(samples.shape[2:4]) < 2 or samples.shape[3] < 3:
        return False
    step = -(-len(slices) // 12)
    for chosen in slices[len(slices) // 2 % step :: step]:
        for y in range(1, chosen.shape[0]):
            for x in range(1, chosen.shape[1] - 1):
                here = chosen[y, x].tobytes()
                alike = [chosen[j, i].tobytes() == here for j, i in ((y, x - 1), (y - 1, x), (y - 1, x - 1), (y - 1, x + 1))]
                none += not any(alike)
                some += not all(alike)
    return none < 0.3 * max(some, 1)


def averaged(samples: NDArray[np.generic], halvings: tuple[int, ...]) -> NDArray[np.generic]:
    every = (slice(None), *(slice(None, None, 2**g) for g in halvings))
    kept = samples[every].copy()
    kind = samples.dtype.kind
    if not (kind == "f" or (kind in "iu" and samples.dtype.itemsize < 8)) or looks_like_a_map(samples):
        return kept
    known = np.isfinite(samples.astype(float)) & ~background(samples)[..., None]
    if not known.any() or np.abs(samples[known].astype(float)).max() > 1e300:
        return kept
    least, largest = (float(limit) for limit in (samples[known].min(), samples[known].max()))
    for s, c in np.ndindex(samples.shape[0], samples.shape[4]):
        there = known[s, ..., c]
        low = lowest_band(filled(samples[s, ..., c].astype(float), ~there), halvings)
        low = np.clip(low if kind == "f" else np.floor(low + 0.5), least, largest).astype(samples.dtype)
        replaced = there[every[1:]]
        kept[s, ..., c][replaced] = low[replaced]
    return kept


def halved(length: int, resolution: int) -> int:
    count = 0
    while length >= 8 and count < min(5, resolution):
        length, count = (length + 1) // 2, count + 1
    return count


def bricks_of(blob: bytes) -> Iterator[tuple[int, tuple[slice, ...]]]:
    with Reader(blob) as reader:
        for place, box in zip(reader.arrays[0].bricks, reader.arrays[0].boxes, strict=True):
            yield place.codec, tuple(slice(side.start, side.stop) for side in box)


def described(canonical: NDArray[np.generic], blob: bytes, resolution: int) -> NDArray[np.generic]:
    """What the document says of an array that holds these samples ``(series, z, y, x, channels)``, without bricks of codec 4."""
    halvings = tuple(halved(n, resolution) for n in canonical.shape[1:4])
    steps = [1, *(2**h for h in halvings)]
    found = canonical[(slice(None), *(slice(None, None, step) for step in steps[1:]))].copy()
    bricks = list(bricks_of(blob))
    is_map = all(codec == LABELS for codec, _ in bricks)
    for codec, box in bricks:
        cut = (box[0], *(slice(-(-side.start // n) * n, side.stop) for side, n in zip(box[1:], steps[1:], strict=True)))
        part = canonical[cut]
        if part.size and not is_map and codec != LABELS:
            target = tuple(slice(-(-side.start // n), -(-side.stop // n)) for side, n in zip(cut, steps, strict=True))
            found[target] = averaged(part, halvings)
    return found


def masked() -> NDArray[np.int16]:
    volumes = series(2, (5, 30, 34))
    volumes[:, :, :11] = 0
    volumes[1, :, 14:24, 5:25] = -2000
    return volumes


def with_gaps() -> NDArray[np.float32]:
    volume = ratio_map((6, 22, 26)).astype(np.float32)
    volume[2:4, 5:20, 6:20] = np.nan
    volume[5, 3, 3] = np.inf
    return volume


ARRAYS: dict[str, Callable[[], NDArray[np.generic]]] = {
    "scan": lambda: head((6, 19, 23)),
    "background": masked,
    "not numbers": with_gaps,
    "labels": lambda: labels((8, 20, 20)),
    "labels as floats": lambda: labels((8, 20, 20)).astype("f4"),
    "wide": lambda: head((4, 17, 20)).astype(np.int64) << 40,
    "halves": lambda: ratio_map((4, 20, 20), "f2"),
}


@pytest.mark.parametrize("brick", [None, (5, 15, 17)], ids=str)
@pytest.mark.parametrize("name", ARRAYS)
def test_a_preview_is_what_the_document_describes(name: str, brick: tuple[int, int, int] | None) -> None:
    array = ARRAYS[name]()
    blob = voxz.encode(array, level=2, brick=brick)
    canonical = array.reshape((-1, *array.shape[-3:], 1))
    with voxz.open(blob) as image:
        for resolution in (1, 2):
            expected = described(canonical, blob, resolution)
            found = image.preview(resolution)
            assert np.array_equal(found.reshape(expected.shape), expected, equal_nan=found.dtype.kind == "f"), resolution
