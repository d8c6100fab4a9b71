"""Bricks of dense values as both walks take them: padded series, and models expanded to arrays."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.predictive.frame import Brick
from voxz.codecs.predictive.levels import DEFAULT, SETTINGS, MixedSettings, Settings
from voxz.codecs.predictive.mixed.state import fresh_state
from voxz.codecs.predictive.mixed.walk import walk
from voxz.codecs.predictive.padding import Geometry
from voxz.codecs.predictive.predictor import Arrays, Predictor
from voxz.codecs.predictive.quantiser import STEP_BITS, Quantiser
from voxz.codecs.predictive.row_code import WEIGHT_BITS, Notes, Streams, Tables, tables_of
from voxz.codecs.predictive.row_sums import Expectation, Predictors
from voxz.codecs.predictive.walk import ROWS_AT_ONCE, traverse
from voxz.entropy.bits import from_bytes
from voxz.entropy.contexts import GRADES, Contexts

FINEST_STEPS = 4
"""Bits of a step up to which expected errors keep their resolution."""

NO_TABLES = Tables(np.zeros(GRADES, np.int32), np.zeros(1, np.int64), np.zeros(1, np.uint8), np.zeros(1, np.int32), False, 0)
"""What the encoder passes: it notes contexts, and chooses tables afterwards."""

Scalar = TypeVar("Scalar", bound=np.generic)


def pad(dense: NDArray[Scalar], geometry: Geometry) -> NDArray[Scalar]:
    """Put dense values in place in a padded array."""
    padded = np.zeros(geometry.size, dense.dtype)
    geometry.interior(padded)[...] = dense
    return padded


def code_series(
    padded: NDArray[np.int32],
    highest: int,
    geometry: Geometry,
    settings: Settings,
    predictor: Predictor,
    contexts: Contexts | None,
    words: bytes,
    raw: bytes,
    residuals: NDArray[np.int32],
    noted: NDArray[np.int32],
    absent: NDArray[np.bool_],
    quantiser: Quantiser,
) -> bool:
    """Walk at levels 1 to 5; it decodes if there are `contexts`. With loss, `padded` gets what will be decoded."""
    arrays = Arrays.derive(settings, geometry, predictor.references)
    room = ROWS_AT_ONCE * geometry.width
    stream = np.concatenate([np.frombuffer(words, "<u2").astype(np.uint16), np.zeros(room + 1, np.uint16)])
    bits = np.concatenate([from_bytes(raw), np.zeros(2 * room, np.uint32)])
    scaling = WEIGHT_BITS + max(0, quantiser.size.bit_length() - STEP_BITS - FINEST_STEPS)
    return traverse(
        _brick(padded, highest, geometry, absent),
        _predictors(predictor, arrays),
        Expectation(arrays.weights, arrays.error_offsets, arrays.error_groups),
        NO_TABLES._replace(scaling=scaling) if contexts is None else tables_of(contexts, scaling),
        Streams(stream, bits, 8 * len(raw)),
        Notes(residuals, noted),
        quantiser,
        settings.ahead,
        contexts is not None,
    )


def mix_series(
    padded: NDArray[np.int32],
    highest: int,
    geometry: Geometry,
    settings: MixedSettings,
    predictor: Predictor,
    coder: NDArray[np.int64],
    data: NDArray[np.uint8],
    absent: NDArray[np.bool_],
    quantiser: Quantiser,
    *,
    decoding: bool,
) -> bool:
    """Walk at levels 6 to 9."""
    arrays = Arrays.derive(SETTINGS[DEFAULT], geometry, predictor.references)
    return walk(
        _brick(padded, highest, geometry, absent),
        _predictors(predictor, arrays),
        Expectation(arrays.weights, arrays.error_offsets, arrays.error_groups),
        *fresh_state(settings, geometry, predictor.references),
        coder,
        data,
        quantiser,
        quantiser.size or None,
        decoding,
    )


def _brick(padded: NDArray[np.int32], highest: int, geometry: Geometry, absent: NDArray[np.bool_]) -> Brick:
    total = np.zeros(geometry.volume if geometry.series > 1 else 0, np.int64)
    return Brick(padded, np.zeros(padded.size, np.int32), absent, total, geometry.sizes(), highest)


def _predictors(predictor: Predictor, arrays: Arrays) -> Predictors:
    return Predictors(
        np.array(predictor.tiles, np.int64),
        predictor.precision,
        predictor.references,
        predictor.thresholds,
        predictor.coefficients.ravel(),
        arrays.stride,
        arrays.offsets,
        arrays.groups,
    )
