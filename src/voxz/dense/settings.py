"""What levels 6 to 9 add to the forward predictor.

`DENSE` is looked up by the number stored in a brick, so an entry never changes; a new idea gets a new number.
"""

from dataclasses import dataclass

from voxz.predict.levels import SETTINGS, Settings
from voxz.predict.neighbourhood import MIDDLE, WIDE, Support


@dataclass(frozen=True)
class Dense:
    """One level's choices.

    Least squares on decoded samples have the taps of `support`, a state for each tile of `tile` x `tile` voxels through
    all slices, and one expert for each factor in `memory`, by which the past fades with every row of a tile.
    """

    forward: Settings
    support: Support
    tile: int
    memory: tuple[float, ...]


DENSE = {
    6: Dense(SETTINGS[4], MIDDLE, tile=32, memory=()),
    7: Dense(SETTINGS[5], MIDDLE, tile=32, memory=(0.953125,)),
    8: Dense(SETTINGS[5], WIDE, tile=32, memory=(0.8125, 0.984375)),
    9: Dense(SETTINGS[5], WIDE, tile=16, memory=(0.90625, 0.9921875)),
}
