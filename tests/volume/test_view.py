"""Views of samples: what the array is, and that it is undone exactly."""

import numpy as np
import pytest

from voxz.errors import CorruptError
from voxz.volume.view import IDENTITY, View, axes, channels_first, mosaic


def test_mosaic_gives_slices() -> None:
    slices = np.arange(6 * 4 * 5).reshape(6, 4, 5)
    picture = np.block([[slices[0], slices[1], slices[2]], [slices[3], slices[4], slices[5]]])
    view = mosaic(2, 3, 4, 5)
    assert np.array_equal(view.apply(picture).reshape(6, 4, 5), slices)
    assert np.array_equal(view.undo(slices).reshape(picture.shape), picture)


def test_channels_first_gives_voxels() -> None:
    colours = np.arange(3 * 4 * 5).reshape(3, 4, 5)
    voxels = channels_first(3, 4, 5).apply(colours).reshape(4, 5, 3)
    assert np.array_equal(voxels, np.moveaxis(colours, 0, -1))


@pytest.mark.parametrize(
    "view", [IDENTITY, axes((4, 5, 6), (2, 0, 1), (0, 2)), axes((4, 5, 6), (0, 1, 2), (1,)), mosaic(4, 5, 2, 3)]
)
def test_views_are_undone(view: View) -> None:
    samples = np.arange(120)
    assert np.array_equal(view.undo(view.apply(samples)), samples)
    assert np.array_equal(view.apply(view.undo(samples)), samples)


def test_axes_are_reversed_in_the_array() -> None:
    file = np.arange(24).reshape(2, 3, 4)
    seen = axes((2, 3, 4), (1, 0, 2), (0,)).apply(file).reshape(3, 2, 4)
    assert np.array_equal(seen, file.transpose(1, 0, 2)[::-1])


@pytest.mark.parametrize(
    "wrong", [((2, 3), (0, 0), ()), ((2, 3), (0,), ()), ((2,) * 10, tuple(range(10)), ()), ((2, 3), (0, 1), (2,))]
)
def test_impossible_views_are_refused(wrong: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]) -> None:
    with pytest.raises(CorruptError):
        axes(*wrong)
