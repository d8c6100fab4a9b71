"""What targets say about themselves, and how a bound becomes stored units."""

import math

import pytest

import voxz
from voxz.target import Fitted, Target

CASES: list[tuple[Target, int, bool, float]] = [
    (voxz.Lossless(), 0, False, 0.0),
    (voxz.MaxError(0), 1, False, 0.0),
    (voxz.MaxError(2.5), 1, True, 2.5),
    (voxz.Psnr(40, max_error=3), 2, True, 40.0),
    (voxz.BitsPerVoxel(1.5), 3, True, 1.5),
    (voxz.Ratio(8), 4, True, 8.0),
    (Fitted(), 5, True, 0.0),
]


@pytest.mark.parametrize(("target", "number", "loses", "value"), CASES, ids=str)
def test_targets_know_their_number_and_what_they_lose(target: Target, number: int, loses: bool, value: float) -> None:
    assert (target.number, target.loses, target.value) == (number, loses, value)
    assert target.name == voxz_name(number)


def voxz_name(number: int) -> str:
    return ["lossless", "max-error", "psnr", "bits", "ratio", "fitted"][number]


def test_sizes_in_bits() -> None:
    assert voxz.Ratio(8).bits_per_sample(16) == 2
    assert voxz.BitsPerVoxel(1.5).bits_per_sample(16) == 1.5
    assert voxz.Psnr(40).bits_per_sample(16) is None


@pytest.mark.parametrize(
    ("target", "whole", "bound"),
    [
        (voxz.MaxError(2.9), True, 2),
        (voxz.MaxError(2.9), False, 2.9),
        (voxz.MaxError(1, "scaled"), True, 4),
        (voxz.MaxError(1, "scaled"), False, 4),
        (voxz.MaxError(0.5, "noise"), True, 5),
        (voxz.Psnr(40), True, math.inf),
        (voxz.Ratio(8, max_error=3), False, 3),
        (voxz.Lossless(), False, 0),
    ],
)
def test_bounds_in_stored_units(target: Target, whole: bool, bound: float) -> None:
    assert target.bound(noise=10.5, slope=-0.25, whole=whole) == bound


def test_a_bound_is_never_rounded_up() -> None:
    bound = voxz.MaxError(1, "scaled").bound(noise=0, slope=3.0, whole=False)
    assert bound * 3 <= 1
    assert bound == pytest.approx(1 / 3)
