"""The figures of `voxz.metrics` against their definitions."""

import numpy as np
import pytest

from voxz.metrics import WINDOW, data_range_of, errors, psnr, ssim


def test_errors_are_exact_and_know_nan_and_infinity() -> None:
    assert errors(np.array([255], np.uint8), np.array([0], np.uint8))[0] == 255
    assert errors(np.array([-(1 << 31)], np.int32), np.array([(1 << 31) - 1], np.int32))[0] == -(1 << 32) + 1
    special = np.array([np.nan, np.inf, -np.inf, 1.0])
    assert errors(special, special).tolist() == [0, 0, 0, 0]
    assert np.isnan(errors(special, np.zeros(4))[0])


def test_psnr_and_range() -> None:
    assert psnr(1.0, 255.0) == pytest.approx(48.1308, abs=1e-4)
    assert psnr(0.0, 255.0) is None
    assert data_range_of(np.array([-128, 127], np.int8)) == 255
    assert data_range_of(np.array([np.nan, 1.5, 4.0, np.inf])) == 2.5


@pytest.mark.parametrize("shape", [(9, 12, 15), (3, 12, 15)])
def test_ssim_in_three_dimensions(shape: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(1)
    a = rng.normal(100, 20, shape)
    b = a + rng.normal(0, 10, shape)
    window = (WINDOW if shape[0] >= WINDOW else 1, WINDOW, WINDOW)
    x, y = (np.lib.stride_tricks.sliding_window_view(v, window).reshape(-1, np.prod(window)) for v in (a, b))
    c1, c2 = (0.01 * 200) ** 2, (0.03 * 200) ** 2
    covariance = ((x - x.mean(1, keepdims=True)) * (y - y.mean(1, keepdims=True))).sum(1) / (x.shape[1] - 1)
    expected = (2 * x.mean(1) * y.mean(1) + c1) * (2 * covariance + c2)
    expected /= (x.mean(1) ** 2 + y.mean(1) ** 2 + c1) * (x.var(1, ddof=1) + y.var(1, ddof=1) + c2)
    assert ssim(a, b, 200.0) == pytest.approx(expected.mean())
