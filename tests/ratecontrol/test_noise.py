"""The noise estimate against noise of known strength, and the bounds that are made from it."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import phantoms
import voxz
from voxz.io.array import ArraySource
from voxz.ratecontrol.noise import noise_of

SHAPE = (12, 160, 160)


def body() -> NDArray[np.float64]:
    """A bright disc with a gradient, a rim and fine texture, on zero."""
    _, y, x = np.indices(SHAPE) - 80.0
    radius = np.hypot(y, x)
    texture = 15 * np.sin(x / 4) * np.cos(y / 5)
    return np.where(radius < 72, 600 + 2 * x - y + texture + 200 * (radius > 60) + 150 * (np.hypot(y - 20, x) < 15), 0)


def gaussian(sigma: float, seed: int = 1, shape: tuple[int, ...] = SHAPE) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(0, sigma, shape)


def rician(signal: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    return np.hypot(signal + gaussian(sigma, 1, signal.shape), gaussian(sigma, 2, signal.shape))


@pytest.mark.parametrize("sigma", [3, 10, 40])
def test_gaussian_noise_on_a_body_with_edges_and_texture(sigma: float) -> None:
    image = body() - 1000 + gaussian(sigma)
    assert noise_of(ArraySource(image.round().astype(np.int16))) == pytest.approx(sigma, rel=0.1)
    assert noise_of(ArraySource(image.astype(">f4"))) == pytest.approx(sigma, rel=0.1)


@pytest.mark.parametrize("sigma", [5, 20, 100])
def test_rician_noise_also_where_the_signal_is_weak(sigma: float) -> None:
    image = rician(body(), sigma)
    assert noise_of(ArraySource(image.round().astype(np.uint16))) == pytest.approx(sigma, rel=0.1)


def test_weak_signal_shrinks_the_spread_of_magnitudes() -> None:
    image = rician(np.full(SHAPE, 150.0), 100)
    assert image.std() < 0.87 * 100
    assert noise_of(ArraySource(image)) == pytest.approx(100, rel=0.1)


def test_constant_background_does_not_count() -> None:
    image = rician(body(), 15) * (body() > 0)
    assert np.count_nonzero(image == 0) > 0.3 * image.size
    assert noise_of(ArraySource(image.round().astype(np.int16))) == pytest.approx(15, rel=0.1)


def test_noise_that_varies_is_taken_where_it_is_low() -> None:
    strength = np.linspace(5, 25, SHAPE[2])
    assert 5 < noise_of(ArraySource(1000 + gaussian(1) * strength)) < 15


def test_series_are_compared_along_their_fourth_axis() -> None:
    coarse = np.random.default_rng(3).normal(0, 80, (10, 64, 64))
    still = 500 + coarse
    moving = np.array([still + gaussian(6, t, still.shape) for t in range(5)])
    assert noise_of(ArraySource(moving)) == pytest.approx(6, rel=0.1)


def test_the_volume_with_the_least_noise_counts() -> None:
    volumes = np.array([300 + gaussian(sigma, 7 + k) for k, sigma in enumerate((20, 20, 8, 20))])
    assert noise_of(ArraySource(volumes)) == pytest.approx(8, rel=0.1)


def test_repeated_volumes_and_slices_say_nothing() -> None:
    image = (300 + gaussian(9)).round().astype(np.int16)
    assert noise_of(ArraySource(np.array([image, image]))) == pytest.approx(9, rel=0.1)
    assert noise_of(ArraySource(image.repeat(3, axis=0))) == pytest.approx(9, rel=0.1)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 4, 4)),
        np.zeros((3, 40, 40), np.int16),
        np.full((3, 40, 40), np.nan),
        np.zeros(7),
        np.zeros((4, 2, 2), np.uint8),
        np.zeros((3, 8, 8), bool),
        np.float64(3),
        np.full((2, 9, 9), np.inf, np.float32),
    ],
)
def test_images_without_noise_give_zero(array: NDArray[Any]) -> None:
    assert noise_of(ArraySource(np.asarray(array))) == 0


def test_nan_and_infinity_do_not_count() -> None:
    image = 100 + gaussian(4).astype(np.float32)
    image[:, ::17, ::13] = np.nan
    image[:, 5::23, 7::19] = -np.inf
    assert noise_of(ArraySource(image)) == pytest.approx(4, rel=0.1)


def test_complex_samples_and_channels() -> None:
    image = 100 + gaussian(4) + 1j * gaussian(4, 2)
    assert noise_of(ArraySource(image)) == pytest.approx(4, rel=0.1)


def test_a_bound_in_units_of_the_noise() -> None:
    image = (500 + gaussian(10)).round().astype(np.int16)
    blob = voxz.encode(image, target=voxz.MaxError(0.5, unit="noise"), level=1)
    loss = voxz.info(blob).to_dict()["loss"]
    assert loss["noise"] == pytest.approx(10, rel=0.1)
    assert loss["bound"] == np.floor(0.5 * loss["noise"])
    assert (loss["asked"], loss["unit"]) == (0.5, "noise")
    assert np.abs(voxz.decode(blob).astype(int) - image).max() <= loss["bound"]
    assert "standard deviations of the noise" in loss["promise"]
    assert blob == voxz.encode(image, target=voxz.MaxError(0.5, unit="noise"), level=1, threads=1)


def test_floats_need_no_whole_bound() -> None:
    image = phantoms.ratio_map((4, 40, 40)) + gaussian(0.01, 5, (4, 40, 40)).astype(np.float32)
    blob = voxz.encode(image, target=voxz.MaxError(0.25, unit="noise"), level=1)
    loss = voxz.info(blob).to_dict()["loss"]
    assert 0 < loss["bound"] <= 0.25 * loss["noise"]
    assert np.abs(voxz.decode(blob).astype(float) - image).max() <= loss["bound"]


def test_noise_below_the_step_of_integers_leaves_nothing_to_lose() -> None:
    image = (500 + gaussian(1)).round().astype(np.int16)
    blob = voxz.encode(image, target=voxz.MaxError(0.5, unit="noise"), level=1)
    assert (voxz.decode(blob) == image).all()
    loss = voxz.info(blob).to_dict()["loss"]
    assert loss["bound"] == 0
    assert "nothing may be lost" in loss["promise"]
