"""Order of stretches and the axes they make."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from voxz.io.arrange import arrange

RNG = np.random.default_rng(3)


def shuffled(positions: Sequence[tuple[float, ...]]) -> tuple[list[tuple[float, ...]], tuple[int, ...]]:
    """Positions in an arbitrary order, arranged, and the shape."""
    mixed = [positions[i] for i in RNG.permutation(len(positions))]
    order, shape = arrange(mixed)
    assert sorted(order) == list(range(len(positions)))
    return [mixed[i] for i in order], shape


def test_grids_have_an_axis_for_each_component_that_varies() -> None:
    grid = [(float(t), 5.0, float(z)) for t, z in itertools.product(range(3), range(4))]
    assert shuffled(grid) == (grid, (3, 4))


@pytest.mark.parametrize("times_first", [True, False])
def test_slices_numbered_in_either_order_are_a_series(times_first: bool) -> None:
    """Instance numbers go through all slices of a time, or through all times of a slice."""
    number = (lambda t, z: 4 * t + z) if times_first else (lambda t, z: 3 * z + t)
    series = [(float(number(t, z)), 0.0, 2.5 * z) for t, z in itertools.product(range(3), range(4))]
    assert shuffled(series) == (series, (3, 4))


def test_places_that_are_rounded_differently_are_one() -> None:
    series = [(float(4 * t + z), 2.5 * z + 1e-5 * t) for t, z in itertools.product(range(3), range(4))]
    assert shuffled(series) == (series, (3, 4))


def test_missing_slices_leave_one_axis() -> None:
    series = [(float(4 * t + z), float(z)) for t, z in itertools.product(range(3), range(4))]
    del series[5]
    order, shape = shuffled(series)
    assert shape == (11,)
    assert [place for _, place in order] == [0, 1, 2, 3, 0, 1, 2, 3, 0, 2, 3]


def test_slices_at_one_position_are_a_time_axis() -> None:
    assert shuffled([(float(t), 7.0) for t in range(5)]) == ([(float(t), 7.0) for t in range(5)], (5,))


def test_positions_without_components_keep_their_order() -> None:
    assert arrange([(), ()]) == ([0, 1], (2,))
    assert arrange([(2.0,), (1.0, 1.0)]) == ([0, 1], (2,))
    assert arrange([]) == ([], (0,))
