"""Predictors for samples that the decoder will only have with an error.

Part of the predictive codec. What predicts best from clean neighbours trusts the nearest too much when they are noisy. So a
walk with the first fit shows what the decoder will have, and a second fit is to neighbours taken from that. What is to be
predicted stays the original.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.predictive.fit_predictor import learn
from voxz.codecs.predictive.levels import Fit, Settings
from voxz.codecs.predictive.padding import Geometry
from voxz.codecs.predictive.predictor import Predictor
from voxz.codecs.predictive.quantiser import UNIT, Quantiser
from voxz.codecs.predictive.series import code_series

DEAD_ZONE = 0.1
"""Dead zone: a residual is coded from half a step plus this part of a step on, unless a bound forbids it."""

FINE = 13 * UNIT // 4
"""Steps up to this size, in 1/UNIT, leave no room for dead zones and centroids."""

MATTERS, BUSY = 0.04, 0.1
"""Share of the root mean square error from which on a mean error is worth a second walk, unless fewer residuals are not 0."""

DAMPING = 0.5
"""How much of the mean error is taken back: predictions from better samples are off by less."""


def learn_stepped(
    padded: NDArray[np.int32],
    highest: int,
    geometry: Geometry,
    settings: Settings,
    fit: Fit,
    absent: NDArray[np.bool_],
    quantiser: Quantiser,
    slack: float,
) -> tuple[Predictor, Quantiser]:
    """Fit the predictor of a brick, as `learn` does, for residuals that are quantised; `padded` gets borders and stand-ins.

    The largest error may grow by `slack` (in 1/UNIT) for the sake of a smaller or nearer payload; what uses it is added to the
    quantiser.
    """
    predictor = learn(padded, geometry, settings, fit, absent)
    if not quantiser.size:
        return predictor, quantiser
    if quantiser.size <= FINE:
        slack = 0
    dead = int(min(DEAD_ZONE * quantiser.size, slack))
    quantiser = quantiser._replace(reach=quantiser.reach - dead)
    neighbours = padded.copy()
    coded = geometry.interior(padded).size - int(np.count_nonzero(absent))
    residuals, noted = np.zeros(coded, np.int32), np.zeros(coded, np.int32)
    code_series(neighbours, highest, geometry, settings, predictor, None, b"", b"", residuals, noted, absent, quantiser)
    present = geometry.interior(~absent) if absent.size else slice(None)
    lost = geometry.interior(neighbours)[present].ravel() - geometry.interior(padded)[present].ravel()
    bias = -round(UNIT * DAMPING * float(np.mean(lost)))
    one, more = (_excess(lost, residuals, min(slack - dead, quantiser.size / 2), several=several) for several in (False, True))
    predictor = learn(neighbours, geometry, settings, fit, absent, padded)
    return predictor, quantiser._replace(pull_one=one, pull_more=more, bias=bias)


@dataclass(frozen=True)
class Walked:
    """What a walk with a quantiser gave: the decoded samples, the residuals in steps, and their contexts."""

    quantiser: Quantiser
    decoded: NDArray[np.int32]
    residuals: NDArray[np.int32]
    noted: NDArray[np.int32]


def balanced(
    walk: Callable[[Quantiser], Walked], quantiser: Quantiser, original: NDArray[np.int32], absent: NDArray[np.bool_] | None
) -> tuple[Quantiser, NDArray[np.int32], NDArray[np.int32]]:
    """Quantiser, residuals and contexts of a walk; of a second one, with another bias, if its mean error is nearer to 0."""
    found = walk(quantiser)
    if quantiser.size:
        mean, share = _mean_error(found, original, absent)
        if share > MATTERS and np.count_nonzero(found.residuals) > BUSY * found.residuals.size:
            again = walk(quantiser._replace(bias=quantiser.bias - round(UNIT * mean)))
            found = again if _mean_error(again, original, absent)[1] < share / 2 else found
    return found.quantiser, found.residuals, found.noted


def _mean_error(found: Walked, original: NDArray[np.int32], absent: NDArray[np.bool_] | None) -> tuple[float, float]:
    """Mean error of the samples that are not `absent`, and its magnitude as a share of the root mean square error."""
    lost = (found.decoded - original) if absent is None else (found.decoded - original)[~absent]
    mean, square = (float(lost.mean()), float(np.square(lost, dtype=np.float64).mean())) if lost.size else (0.0, 0.0)
    return mean, abs(mean) / math.sqrt(square) if square else 0.0


def _excess(lost: NDArray[np.int32], residuals: NDArray[np.int32], most: float, *, several: bool) -> int:
    """By how much, in 1/UNIT and at most `most`, samples of one step, or of `several`, come back too far out."""
    away = np.abs(residuals)
    found = away > 1 if several else away == 1
    if not found.any():
        return 0
    mean = float(np.mean(lost[found] * np.sign(residuals[found])))
    return int(max(-most, min(round(UNIT * mean), most)))
