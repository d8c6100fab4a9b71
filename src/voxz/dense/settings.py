"""What levels 6 to 9 add to the forward predictor of level 5.

`DENSE` is looked up by the number stored in a brick, so an entry never changes; a new idea gets a new number.
"""

from dataclasses import dataclass

from voxz.predict.neighbourhood import MEAN, MIDDLE, REFERENCE, SECOND, SELF, WIDE, Support, rows


@dataclass(frozen=True)
class Dense:
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

DENSE = {
    6: Dense(MIDDLE, tile=32, memory=()),
    7: Dense(MIDDLE, tile=32, memory=(0.953125,)),
    8: Dense(LOCAL, tile=32, memory=(0.8125, 0.984375)),
    9: Dense(LOCAL, tile=16, memory=(0.90625, 0.9921875)),
}
