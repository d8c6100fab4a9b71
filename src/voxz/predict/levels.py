"""What the compression levels 1 (fastest) to 5 (default) mean for the predictor.

`SETTINGS` is looked up by the number stored in a brick, so an entry never changes; a new idea gets a new number.
"""

from dataclasses import dataclass

from voxz.predict.neighbourhood import DENSE, Support


@dataclass(frozen=True)
class Settings:
    """One level's choices. `tile` is in voxels along y and x; `sampling` fits on every n-th voxel."""

    support: Support
    classes: int
    tile: int
    sampling: int
    ranges: int
    phases: bool


SETTINGS = {
    5: Settings(DENSE, classes=4, tile=64, sampling=6, ranges=40, phases=True),
}
