"""What the compression levels 1 (fastest) to 5 (default) mean for the predictor, and what levels 6 to 9 add (`MIXED`).

Level 1 is the fast walk (`interlaced`) for bricks without loss and absent samples that have values of 16 bits and at least 16
columns; its entry here serves the others.

`SETTINGS` and `MIXED` are looked up by the number stored in a brick, so an entry never changes; a new idea gets a new number.
"""

import math
from dataclasses import dataclass, replace

from voxz.codecs.predictive.neighbourhood import MEAN, MIDDLE, NARROW, REFERENCE, SECOND, SELF, WIDE, WIDEST, Support, rows


@dataclass(frozen=True)
class Settings:
    """One level's choices.

    `ranges` bounds the entropy tables, `phases` splits some of them; `ahead` leaves a voxel's own row out of its expected error.
    """

    support: Support
    classes: int
    ranges: int
    phases: bool
    ahead: bool = False


SETTINGS = {
    1: Settings(NARROW, classes=2, ranges=12, phases=False, ahead=True),
    2: Settings(MIDDLE, classes=2, ranges=16, phases=False),
    3: Settings(MIDDLE, classes=4, ranges=24, phases=True),
    4: Settings(WIDE, classes=4, ranges=32, phases=True),
    5: Settings(WIDEST, classes=4, ranges=40, phases=True),
}


@dataclass(frozen=True)
class Fit:
    """How the encoder fits the predictors of a brick. No decoder needs to know.

    Attributes
    ----------
    tile : voxels of a tile along y and along x
    samples : about so many voxels of a unit are taken
    distance : units are fitted on every so many-th voxel at most
    alike : two classes are enough where the highest threshold of the activity is less than so many times the lowest
    fewest : voxels a tile needs for its own coefficients to pay
    following : so many times fewer samples are enough where the predictor of the volume before is the starting point
    ridge : pull towards the parent's coefficients, in samples of average power
    twice : whether every unit is fitted a second time, with the errors of the first fit, as those without a parent always are
    local : how far the error that is expected of a voxel goes with its activity, from 0 (all of a class alike) to 1
    """

    tile: tuple[int, int]
    samples: int
    distance: int = 6
    alike: float = 0.0
    fewest: int = 40_000
    following: int = 2
    ridge: float = 5.0
    local: float = 0.0
    twice: bool = False


FITS = {
    1: Fit(tile=(256, 256), samples=6_000),
    2: Fit(tile=(128, 128), samples=8_000),
    3: Fit(tile=(64, 64), samples=8_000),
    4: Fit(tile=(64, 64), samples=10_000),
    5: Fit(tile=(64, 64), samples=12_000),
}
"""With loss."""

CLOSE_FITS = FITS | {
    level: Fit(tile, samples, fewest=20_000, following=1, ridge=0.1, local=0.5)
    for level, tile, samples in ((2, (64, 128), 4_000), (3, (32, 64), 4_000), (4, (32, 64), 8_000), (5, (32, 64), 8_000))
}
"""Without loss."""

DEEP = 40
"""Slices from which on a brick feeds smaller tiles."""

DEEP_FIT = Fit((32, 32), 24_000, distance=3, fewest=20_000, following=1, ridge=0.1, local=0.5, twice=True)
"""Without loss, for level 5 and those above it, in deep bricks."""

CHUNK = 300_000
"""Voxels below which a brick of a single volume is one of those that programs for Zarr write and read."""

DEFAULT = 5
"""The default level. Levels above it begin with its prediction."""

CHUNK_FIT = replace(CLOSE_FITS[DEFAULT], alike=2.5)
"""Without loss, for level 5 and those above it, in chunks, which are read and written at once."""

MIXED_TILE = (64, 128)
"""Tiles without loss at levels above 5, which learn what smaller ones would tell, and need not be sent it."""


def close_fit(level: int, shape: tuple[int, ...]) -> Fit:
    """Fit without loss of a brick of this shape, ``(series, z, y, x)``."""
    if level > DEFAULT:
        return replace(close_fit(DEFAULT, shape), tile=MIXED_TILE, fewest=40_000)
    if level < DEFAULT:
        return CLOSE_FITS[level]
    if shape[0] == 1 and math.prod(shape) < CHUNK:
        return CHUNK_FIT
    return DEEP_FIT if shape[1] >= DEEP else CLOSE_FITS[DEFAULT]


@dataclass(frozen=True)
class MixedSettings:
    """One level's choices.

    Least squares on decoded samples have the taps of `support`, a state for each tile of `tile` x `tile` voxels through
    all slices, and one expert for each factor in `memory`, by which the past fades with every row of a tile.
    """

    support: Support
    tile: int
    memory: tuple[float, ...]


LOCAL = Support(
    slice=WIDE.slice,
    previous=WIDE.previous,
    previous_in_series=rows(SELF, -1, {-1: 0, 0: 1, 1: 0}),
    series=rows(REFERENCE, 0, {-1: 0, 0: 1, 1: 0}) + rows(SECOND, 0, {0: 0}) + rows(MEAN, 0, {-1: 0, 0: 1, 1: 0}),
)
"""At most 31 taps with the two to the west, in every mode: time grows with their square."""

SAME = {8: 9}
"""Levels that prediction does not tell from another: settings 8, between 7 and 9, were never 1 % larger than 9."""

MIXED = {
    6: MixedSettings(MIDDLE, tile=32, memory=()),
    7: MixedSettings(MIDDLE, tile=32, memory=(0.953125,)),
    9: MixedSettings(LOCAL, tile=16, memory=(0.90625, 0.9921875)),
}
