"""What both sides of levels 6 to 9 start from."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.predictive.levels import MixedSettings
from voxz.codecs.predictive.mixed.row_code import COARSE, DEPTH, PATTERNS, PHASES, SCALES
from voxz.codecs.predictive.neighbourhood import MODES, SELF, Tap
from voxz.codecs.predictive.padding import Geometry
from voxz.entropy.logistic import LOGISTIC, REACH, STEPS
from voxz.entropy.mixing import COUNT_BITS, COUNTERS, LARGEST, REFINED

COUNTER_WEIGHT = 0.1
"""Weight of a counter before anything is known; the experts share 1."""


MOST_TILES = 2048
"""Tiles of a slice; where there would be more they are larger, to bound memory (16 KiB each, for each memory)."""


@dataclass(frozen=True)
class State:
    """Arrays of a walk, in the order in which `dense.walk.walk` takes them.

    near, taps : offsets (series, mode, tap) of the least-squares taps, and their number by mode
    tile, memory : as in the settings, the tile larger for large slices
    states, solutions : (memory, mode & 1, tile, size, size) moments and (..., size) predictors
    recent : (expert, 3, width + 4) errors in the last three rows
    weights : (2, decision, context, input) of both mixtures
    counters, refiners, biases : see `dense.magnitudes`
    """

    near: NDArray[np.int64]
    taps: NDArray[np.int64]
    tile: int
    memory: NDArray[np.float64]
    states: NDArray[np.float64]
    solutions: NDArray[np.float64]
    recent: NDArray[np.float64]
    weights: NDArray[np.float64]
    counters: NDArray[np.uint32]
    refiners: NDArray[np.float64]
    biases: NDArray[np.float64]

    @classmethod
    def fresh(cls, dense: MixedSettings, geometry: Geometry, references: NDArray[np.int64]) -> "State":
        """State before the first sample."""
        west = (Tap(SELF, 0, 0, -1), Tap(SELF, 0, 0, -2))
        by_mode = [west + dense.support.taps(mode) for mode in range(MODES)]
        near = np.zeros((geometry.series, MODES, max(map(len, by_mode))), np.int64)
        for s in range(geometry.series):
            for mode in range(MODES):
                if s > 0 or mode < 2:
                    near[s, mode, : len(by_mode[mode])] = [geometry.offset(tap, s, references) for tap in by_mode[mode]]
        size = -(-(near.shape[2] + 1) // 8) * 8
        tile = dense.tile
        while (tiles := -(-geometry.height // tile) * -(-geometry.width // tile)) > MOST_TILES:
            tile *= 2
        squares = len(dense.memory)
        experts = squares + 2
        weights = np.full((2, DEPTH + 1, SCALES, experts + COUNTERS), COUNTER_WEIGHT)
        weights[..., :experts] = 1.0 / experts
        places = (SCALES * PHASES + PATTERNS * COARSE + COARSE**3) * 2 * DEPTH
        odds = (np.arange(REFINED) * (2 * LARGEST / (REFINED - 1)) - LARGEST + REACH) * STEPS
        return cls(
            near,
            np.array([len(taps) for taps in by_mode], np.int64),
            tile,
            np.array(dense.memory, np.float64),
            np.zeros((squares, 2, tiles, size, size)),
            np.zeros((squares, 2, tiles, size)),
            np.zeros((squares + 1, 3, geometry.width + 4)),
            weights,
            np.full(places, 1 << (COUNT_BITS + 15), np.uint32),
            np.tile(LOGISTIC[odds.astype(np.int64)], (2 * DEPTH, SCALES // 2, 1)),
            np.zeros((PATTERNS * COARSE, 2)),
        )

    def arrays(self) -> tuple[Any, ...]:
        """Arguments for the walk."""
        return (
            self.near,
            self.taps,
            self.tile,
            self.memory,
            self.states,
            self.solutions,
            self.recent,
            self.weights,
            self.counters,
            self.refiners,
            self.biases,
        )
