"""Whether a step along z follows motion, in the encoder only: tried on the part of the volume where slices differ most.

Fields gain where edges of thick slices move from one to the next at low rates, and lose where they follow noise. There the part
with the largest differences tells: guessed bits with and without fields decide where they are far apart. Where they are
near each other, the part is coded both ways.
"""

import math

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet.bands import encode_bands
from voxz.codecs.wavelet.levels import Effort
from voxz.codecs.wavelet.transform_choice import SHORTEST, bits_and_errors, deepest, guess_of
from voxz.transforms.choice import Choice
from voxz.transforms.motion.search import find_fields
from voxz.transforms.pyramid import Scales
from voxz.volume.bricks import middle_of

SHARE = 6
"""The part is at most one of so many of the samples, and of at most MOST."""

MOST = (16, 128, 128)
LEAST_SIDE = 32

MOST_BITS = 1.2
"""Guess of bits/voxel above which it is not: noise takes most of them."""

LARGE = 4
"""Steps that a difference counts as at most: what matters is how many edges there are, not how sharp they are."""

APART = 8
"""Samples between places that the part may be at."""

SURE, ENOUGH = 0.965, 0.995
"""Of the guess without fields, what fields take that are surely taken, and those that may be."""

CODED = 0.992
"""Of the cost without fields, what the part takes at most when it is coded."""

Volume = NDArray[np.float64]


def motion_choice(volume: Volume, plain: Choice, scales: Scales, step: float, effort: Effort) -> tuple[Choice, Scales] | None:
    """Fields for a volume ``(z, y, x)``, and scales with them, where they pay; without, they are `plain` and `scales`."""
    side = APART * (math.isqrt(volume.size // (SHARE * min(len(volume), MOST[0]))) // APART)
    if len(volume) < SHORTEST[0] or min(side, *volume.shape[1:]) < LEAST_SIDE:
        return None
    part = _part(volume, (MOST[0], min(side, MOST[1]), min(side, MOST[2])), step)
    if guess_of(part[None], scales, step, plain) > MOST_BITS * part.size:
        return None
    fields = find_fields(part, (deepest(part.shape)[0], *scales[1:]), step)
    tried = [(Choice(fields=fields.of(z)), (z, *scales[1:])) for z in range(1, len(fields.cells) + 1)]
    guesses = [_guess(part, choice, some, step) for choice, some in tried]
    best, known = int(np.argmin(guesses)), _guess(part, plain, scales, step)
    choice, found = tried[best]
    if guesses[best] > ENOUGH * known:
        return None
    if guesses[best] > SURE * known:
        with_fields, without = _cost(part, choice, found, step, effort), _cost(part, plain, scales, step, effort)
        if with_fields > CODED * without:
            return None
    return Choice(fields=find_fields(volume, found, step)), found


def changes(samples: Volume, axis: int, step: float) -> Volume:
    """By how much samples differ along an axis, LARGE steps at most."""
    found: Volume = np.minimum(np.abs(np.diff(samples, axis=axis)), LARGE * step)
    return found


def _part(volume: Volume, shape: tuple[int, int, int], step: float) -> Volume:
    """The part where slices differ most, from among the middle ones."""
    z, _, _ = middle_of(volume.shape, shape)
    rows, columns = min(shape[1], volume.shape[1]), min(shape[2], volume.shape[2])
    apart = changes(volume[z, ::2, ::2], 0, step).sum(axis=0)
    sums = np.pad(apart.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    tops, lefts = (np.arange(0, n - m + 1, APART) for n, m in zip(volume.shape[1:], (rows, columns), strict=True))
    corners = [sums[np.ix_((tops + down) // 2, (lefts + right) // 2)] for down in (0, rows) for right in (0, columns)]
    i, j = np.unravel_index(np.argmax(corners[3] - corners[1] - corners[2] + corners[0]), corners[0].shape)
    return np.ascontiguousarray(volume[z, tops[i] : tops[i] + rows, lefts[j] : lefts[j] + columns])


def _guess(part: Volume, choice: Choice, scales: Scales, step: float) -> float:
    """Guessed cost of a part, fields included."""
    return guess_of(part[None], scales, step, choice, bits_and_errors) + 8 * len(choice.pack(scales))


def _cost(part: Volume, choice: Choice, scales: Scales, step: float, effort: Effort) -> float:
    """Bits of a part that is coded, and the bits that the squared error is worth."""
    pyramid, work = choice.pyramid(part.shape, scales, step), part.copy()
    pyramid.analyse(work)
    length = len(encode_bands(work[None], pyramid, step, effort)) + len(choice.pack(scales))
    pyramid.synthesise(work)
    return 8.0 * length + float(np.square((work - part) * (2 / step)).sum()) / effort.slope
