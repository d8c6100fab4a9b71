"""What the choice of a transform looks at."""

import numpy as np
import pytest

from voxz.codecs.wavelet.transform_choice import SMALL_PARTS, choose_scales

SIDE, MIDDLE = 256, 128


@pytest.fixture
def volume() -> np.ndarray:
    """Noise that all slices share, but for the middle, where each has its own."""
    rng = np.random.default_rng(1)
    found = np.repeat(rng.normal(0, 100, (1, SIDE, SIDE)), 32, axis=0)
    box = slice((SIDE - MIDDLE) // 2, (SIDE + MIDDLE) // 2)
    found[:, box, box] = rng.normal(0, 100, (32, MIDDLE, MIDDLE))
    return found[None]


def test_scales_along_z_suit_the_whole_slice_and_not_its_middle_alone(volume: np.ndarray) -> None:
    middle = slice((SIDE - MIDDLE) // 2, (SIDE + MIDDLE) // 2)
    assert choose_scales(volume[..., middle, middle], 100.0)[0] == 0
    assert choose_scales(volume, 100.0)[0] > 0
    assert choose_scales(volume.astype(np.float32), 100.0, SMALL_PARTS)[0] > 0


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 300, 5), (40, 1, 200), (3, 65, 64), (100, 33, 33)])
def test_any_shape_has_scales(shape: tuple[int, int, int]) -> None:
    scales = choose_scales(np.random.default_rng(1).normal(0, 10, (1, *shape)), 1.0)
    assert all(n == 1 or length >= 1 << n for n, length in zip(scales, shape, strict=True) if n)
