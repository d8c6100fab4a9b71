"""Bricks at a lower resolution: a preview of the image, at the places of every second, fourth, eighth ... sample.

Bricks of the wavelet codec decode only their low resolutions. Other bricks are decoded and go through the same 9/7 low-pass
filter, so that all of an image is seen alike. It is centred: sample k of a preview lies where sample
``k * 2 ** resolution`` lies. Where averages mean nothing (label maps, truth values, numbers beyond 32 bits) those samples
themselves are taken; also where they are NaN, infinite or constant background.
"""

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.channels import from_series, to_series
from voxz.codecs.labels.detect import suits
from voxz.codecs.numbers import LABELS, WAVELET
from voxz.codecs.registry import decode_brick
from voxz.codecs.wavelet.codec import FULL, preview_brick
from voxz.transforms.fill_masked import fill
from voxz.transforms.pyramid import Pyramid, Scales
from voxz.volume.background import find_background

_LARGEST = 1e300
"""Magnitude up to which sums of a few samples stay finite."""


def coarse_brick(
    number: int,
    payload: bytes,
    shape: tuple[int, ...],
    dtype: np.dtype[np.generic],
    halvings: Scales,
    starts: list[int],
    names: bool,
) -> NDArray[np.generic]:
    """Samples of a brick at the multiples of ``2 ** halvings`` in the image, in which it starts at `starts` ``(z, y, x)``.

    Samples that are `names` are never averaged.
    """
    direct, brick = FULL, None
    if number == WAVELET and not names:
        direct = _triple([min(n, _evenness(start, n)) for start, n in zip(starts, halvings, strict=True)])
        brick = preview_brick(payload, shape, dtype, direct)
    if brick is None:
        brick = decode_brick(number, payload, shape, dtype)
    left = _triple([n - done for n, done in zip(halvings, direct, strict=True)])
    if left == FULL:
        return brick
    z, y, x = (slice(-(start >> done) % (1 << n), None) for start, done, n in zip(starts, direct, left, strict=True))
    return _reduced(brick[:, z, y, x], left, names=names or number == LABELS)


def _evenness(start: int, most: int) -> int:
    """How often `start` can be halved, up to `most` times."""
    count = 0
    while count < most and start % (2 << count) == 0:
        count += 1
    return count


def _triple(numbers: list[int]) -> Scales:
    z, y, x = numbers
    return z, y, x


def _reduced(samples: NDArray[np.generic], halvings: Scales, *, names: bool) -> NDArray[np.generic]:
    """Low-pass of samples ``(series, z, y, x, channels)`` at every ``2 ** halvings``-th place."""
    places = (slice(None), *(slice(None, None, 1 << n) for n in halvings))
    kept = samples[places]
    if names or not kept.size or not _can_be_averaged(samples):
        return kept
    background = find_background(samples)
    missing = ~np.isfinite(samples) if samples.dtype.kind == "f" else np.zeros(samples.shape, np.bool_)
    if background is not None:
        missing |= background.mask[..., None]
    if missing.all():
        return kept
    low, high = samples[~missing].min(), samples[~missing].max()
    if max(abs(float(low)), abs(float(high))) > _LARGEST:
        return kept
    volumes = to_series(samples).astype(np.float64)
    result = to_series(kept).copy()
    for volume, unknown, target in zip(volumes, to_series(missing), result, strict=True):
        fill(volume, unknown)
        averages = Pyramid(volume.shape, halvings).low_pass(volume)
        averages = np.clip(averages if samples.dtype.kind == "f" else np.floor(averages + 0.5), low, high)
        known = ~unknown[places[1:]]
        target[known] = averages[known].astype(samples.dtype)
    return from_series(result, samples.shape)


def _can_be_averaged(samples: NDArray[np.generic]) -> bool:
    kind, size = samples.dtype.kind, samples.dtype.itemsize
    return (kind == "f" or (kind in "iu" and size <= 4)) and not suits(samples)
