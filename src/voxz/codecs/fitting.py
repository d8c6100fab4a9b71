"""Predictors for samples that the decoder will only have with an error.

Part of the predictive codec. What predicts best from clean neighbours trusts the nearest too much when they are noisy. So the
first fit is to neighbours with as much random error as the quantiser makes; a walk with it shows the errors that it really
makes, which are smaller where prediction is good, and a second fit is to those. What is to be predicted stays the original.
"""

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.walks import code_series
from voxz.predict.geometry import Geometry
from voxz.predict.learn import learn
from voxz.predict.levels import Settings
from voxz.predict.model import Model

PASSES = 1
"""Fits to what a walk left."""


def learn_stepped(
    padded: NDArray[np.int32], highest: int, geometry: Geometry, settings: Settings, absent: NDArray[np.bool_], ridge: float,
    step: int
) -> Model:  # fmt: skip
    """Fit the predictor of a brick, as `learn` does, for residuals in steps of `step`; `padded` gets borders and stand-ins."""
    if step == 1:
        return learn(padded, geometry, settings, absent, ridge)
    model = learn(padded, geometry, settings, absent, ridge)
    neighbours = np.empty_like(padded)
    coded = geometry.interior(padded).size - int(np.count_nonzero(absent))
    nothing = np.zeros(coded, np.int32)
    for _ in range(PASSES):
        neighbours[...] = padded
        code_series(neighbours, highest, geometry, settings, model, None, b"", b"", nothing, nothing.copy(), absent, step)
        model = learn(neighbours, geometry, settings, absent, ridge, padded)
    return model
