"""Whether a step along z that follows motion may pay, in the encoder only: a part of the volume is coded both ways.

Fields gain where edges of thick slices move from one to the next at low rates, and lose where they follow noise. No guess of bits
tells which, so the middle of the volume is coded in earnest, with and without fields. What wins there is tried on the whole.
"""

import math

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet.bands import encode_bands
from voxz.codecs.wavelet.levels import Effort
from voxz.codecs.wavelet.transform_choice import bits_and_errors, deepest, guess_of
from voxz.transforms.choice import Choice
from voxz.transforms.motion.search import find_fields
from voxz.transforms.pyramid import Scales
from voxz.volume.bricks import middle_of

SHARE = 6
"""The part is at most one of so many of the samples, and of at most MOST."""

MOST = (16, 128, 128)
LEAST_SIDE = 32

LEAST_SLICES = 4
"""Slices of a volume that motion is looked for in."""

MOST_BITS = 1.2
"""Guess of bits/voxel above which it is not: noise takes most of them."""

ENOUGH = 0.99
"""Of the cost without motion, what the part takes at most: the whole is searched then, and coded both ways."""

Volume = NDArray[np.float64]


def cost_of(length: int, decoded: Volume, original: Volume, step: float, effort: Effort) -> float:
    """Bits of `length` bytes, and the bits that the squared error of what they decode to is worth."""
    slices = (one.reshape(-1, *original.shape[-2:]) for one in (decoded, original))
    squares = sum(float(np.square((a - b) * (2 / step)).sum()) for a, b in zip(*slices, strict=True))
    return 8.0 * length + squares / effort.slope


def motion_choice(volume: Volume, plain: Choice, scales: Scales, step: float, effort: Effort) -> tuple[Choice, Scales] | None:
    """Fields for a volume ``(z, y, x)``, and scales with them, where they may pay; without, they are `plain` and `scales`."""
    side = 8 * (math.isqrt(volume.size // (SHARE * min(len(volume), MOST[0]))) // 8)
    if len(volume) < LEAST_SLICES or side < LEAST_SIDE:
        return None
    part = np.ascontiguousarray(volume[middle_of(volume.shape, (MOST[0], min(side, MOST[1]), min(side, MOST[2])))])
    if guess_of(part[None], scales, step, plain) > MOST_BITS * part.size:
        return None
    fields = find_fields(part, (deepest(part.shape)[0], *scales[1:]), step)
    tried = [(Choice(fields=fields.of(z)), (z, *scales[1:])) for z in range(1, len(fields.cells) + 1)]
    guesses = [guess_of(part[None], some, step, choice, bits_and_errors) + 8 * len(choice.pack(some)) for choice, some in tried]
    best = int(np.argmin(guesses))
    if guesses[best] >= guess_of(part[None], scales, step, plain, bits_and_errors):
        return None
    choice, found = tried[best]
    if _cost_of_part(part, choice, found, step, effort) >= ENOUGH * _cost_of_part(part, plain, scales, step, effort):
        return None
    return Choice(fields=find_fields(volume, found, step)), found


def _cost_of_part(part: Volume, choice: Choice, scales: Scales, step: float, effort: Effort) -> float:
    """Cost of a part that is coded."""
    pyramid, work = choice.pyramid(part.shape, scales, step), part.copy()
    pyramid.analyse(work)
    length = len(encode_bands(work[None], pyramid, step, effort)) + len(choice.pack(scales))
    pyramid.synthesise(work)
    return cost_of(length, work, part, step, effort)
