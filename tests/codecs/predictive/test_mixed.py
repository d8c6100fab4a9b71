"""Parts of levels 6 to 9: tables, least squares on decoded samples, decisions."""

import math

import numpy as np
import pytest

from voxz.codecs.predictive.levels import MIXED
from voxz.codecs.predictive.mixed.correction import NEARBY, Correction, begin_row, correct, learn_misses, note_miss
from voxz.codecs.predictive.mixed.online_least_squares import add_row, learn_row
from voxz.codecs.predictive.mixed.state import MOST_TILES, fresh_state
from voxz.codecs.predictive.neighbourhood import MODES
from voxz.codecs.predictive.padding import Geometry
from voxz.entropy.binary import finish, start
from voxz.entropy.logistic import LOG_ODDS, LOGISTIC, QUARTER_OCTAVES, REACH
from voxz.entropy.mixing import COUNTERS, decide, log_odds, logistic


def test_tables_are_what_they_are_called() -> None:
    x = np.linspace(-REACH, REACH, len(LOGISTIC) - 1)
    assert LOGISTIC[:-1] == pytest.approx(1 / (1 + np.exp(-x)), abs=1e-9)
    p = (np.arange(len(LOG_ODDS)) + 0.5) / len(LOG_ODDS)
    assert pytest.approx(np.log(p / (1 - p)), abs=1e-8) == LOG_ODDS
    assert (-LOG_ODDS[::-1] == LOG_ODDS).all()
    for value in (-13.0, -0.3, 0.0, 2.5, 40.0):
        bounded = min(max(value, -REACH), REACH)
        assert logistic(value) == pytest.approx(1 / (1 + math.exp(-bounded)), abs=1e-4)
    assert log_odds(0.5) == pytest.approx(0, abs=1e-3)
    assert QUARTER_OCTAVES[[0, 2, 6, 14]].tolist() == [0, 4, 8, 12]


def test_least_squares_finds_the_predictor() -> None:
    rng = np.random.default_rng(1)
    taps, width, size = 5, 64, 8
    truth = np.array([0.5, -0.25, 1.0, 0.0, 0.125])
    state, moments = np.zeros(size * (size + 1) // 2), np.zeros((size, size))
    triangle, solution = np.zeros((size, size)), np.zeros(size)
    features = np.zeros((size, width))
    for _ in range(6):
        features[:taps] = rng.normal(0, 20, (taps, width))
        features[taps] = truth @ features[:taps] + rng.normal(0, 0.1, width)
        add_row(features, np.ones(width), taps, 0, width, np.zeros((8, size)), moments)
        expected = features[: taps + 1, :] @ features[: taps + 1, :].T
        assert np.triu(moments)[: taps + 1, : taps + 1] == pytest.approx(np.triu(expected))
        learn_row(state, moments, 0.9, 0, taps, 0.01, triangle, solution)
    assert solution[:taps] == pytest.approx(truth, abs=0.02)


def test_a_row_of_a_tile_takes_its_own_voxels_only() -> None:
    features = np.zeros((8, 21))
    features[0] = 1.0
    moments = np.zeros((8, 8))
    add_row(features, np.full(21, 2.0), 3, 5, 21, np.zeros((8, 8)), moments)
    assert moments[0, 0] == 4 * 16


def test_the_correction_finds_what_errors_share() -> None:
    height, width, places = 8, 64, np.array([100.0, 0.0])
    correction, noise = Correction.fresh(1, height, width, 32, 2), np.random.default_rng(3).normal(0, 1, (6, height, width))
    for plane in noise:
        for y, row in enumerate(plane):
            miss = 0.0
            begin_row(y, 1, correction)
            for x, new in enumerate(row):
                corrected = correct(100.0, x, y, 4.0, places, correction)
                assert abs(corrected - 100.0) <= 7.0
                miss = 0.5 * miss + new
                note_miss(miss, x, y, 1 + NEARBY, correction)
            learn_misses(np.ones(width), y, 1 + NEARBY, correction)
    expected = [0.0, 0.5] + (NEARBY - 1) * [0.0]
    assert correction.solutions[:, : 1 + NEARBY] == pytest.approx(np.tile(expected, (2, 1)), abs=0.1)


def coded_bytes(bits: list[int]) -> int:
    """Bytes of bits that one decision after the other codes with nothing but counters, after decoding them again."""
    experts, size = 1, 1 + COUNTERS
    stream = np.zeros(len(bits), np.uint8)
    decoded = []
    for decoding in (False, True):
        work = np.zeros(4, np.int64)
        start(work, stream.tobytes() if decoding else b"")
        first, second = np.full(size, 0.4), np.full(size, 0.4)
        counters, slots = np.full(COUNTERS, 1 << 23, np.uint32), np.arange(COUNTERS)
        refiner = 1 / (1 + np.exp(-np.linspace(-8, 8, 33)))
        for bit in bits:
            given = 0 if decoding else bit
            inputs = np.zeros(experts + COUNTERS)
            decoded.append(decide(inputs, experts, first, second, counters, slots, refiner, work, stream, given, decoding))
        if not decoding:
            stream = np.frombuffer(finish(work, stream), np.uint8).copy()
    assert decoded == 2 * bits
    return len(stream)


def test_decisions_come_back_and_cost_what_they_tell() -> None:
    rng = np.random.default_rng(2)
    rare = (rng.random(8000) < 0.03).astype(int).tolist()
    entropy = 8000 * -(0.03 * math.log2(0.03) + 0.97 * math.log2(0.97)) / 8
    assert 0.9 * entropy < coded_bytes(rare) < 1.1 * entropy
    assert coded_bytes([1] * 8000) < 40


@pytest.mark.parametrize("level", MIXED)
def test_state_stays_small_on_large_slices(level: int) -> None:
    geometry = Geometry(1, 1, 1500, 1500)
    squares, mixture, correction = fresh_state(MIXED[level], geometry, np.zeros((1, 2), np.int64))
    assert squares.states.shape[2] <= MOST_TILES
    assert sum(array.nbytes for array in (squares.states, mixture.weights, mixture.counters, mixture.recent)) < 100 << 20
    assert sum(array.nbytes for array in correction if isinstance(array, np.ndarray)) < 48 << 20
    assert max(len(MIXED[level].support.taps(mode)) for mode in range(MODES)) + 2 < 32
