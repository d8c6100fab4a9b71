"""Predictors for samples that the decoder will only have with an error.

Part of the predictive codec. What predicts best from clean neighbours trusts the nearest too much when they are noisy. So a
walk with the first fit shows what the decoder will have, and a second fit is to neighbours taken from that. What is to be
predicted stays the original.
"""

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.walks import code_series
from voxz.predict.geometry import Geometry
from voxz.predict.learn import learn
from voxz.predict.levels import Settings
from voxz.predict.model import Model


def learn_stepped(
    padded: NDArray[np.int32], highest: int, geometry: Geometry, settings: Settings, absent: NDArray[np.bool_], ridge: float,
    step: int
) -> Model:  # fmt: skip
    """Fit the predictor of a brick, as `learn` does, for residuals in steps of `step`; `padded` gets borders and stand-ins."""
    model = learn(padded, geometry, settings, absent, ridge)
    if step == 1:
        return model
    neighbours = padded.copy()
    coded = geometry.interior(padded).size - int(np.count_nonzero(absent))
    residuals, noted = np.zeros(coded, np.int32), np.zeros(coded, np.int32)
    code_series(neighbours, highest, geometry, settings, model, None, b"", b"", residuals, noted, absent, step)
    return learn(neighbours, geometry, settings, absent, ridge, padded)
