"""What the compression levels 1 (fastest) to 5 (default) mean for the predictor; levels 6 to 9 build on it (`dense.settings`).

`SETTINGS` is looked up by the number stored in a brick, so an entry never changes; a new idea gets a new number.
"""

from dataclasses import dataclass

from voxz.predict.neighbourhood import DENSE, MIDDLE, NEAR, WIDE, Support


@dataclass(frozen=True)
class Settings:
    """One level's choices.

    `tile` is in voxels along y and x; a unit is fitted on about `samples` of its voxels; `ranges` bounds the entropy
    tables, `phases` splits some of them; `ahead` leaves a voxel's own row out of its expected error.
    """

    support: Support
    classes: int
    tile: int
    samples: int
    ranges: int
    phases: bool
    ahead: bool = False


SETTINGS = {
    1: Settings(NEAR, classes=2, tile=256, samples=6_000, ranges=12, phases=False, ahead=True),
    2: Settings(MIDDLE, classes=2, tile=128, samples=8_000, ranges=16, phases=False),
    3: Settings(MIDDLE, classes=4, tile=64, samples=8_000, ranges=24, phases=True),
    4: Settings(WIDE, classes=4, tile=64, samples=10_000, ranges=32, phases=True),
    5: Settings(DENSE, classes=4, tile=64, samples=12_000, ranges=40, phases=True),
}

DEFAULT = 5
"""Level that is used unless another is asked for, and in whose place levels above it stand."""
