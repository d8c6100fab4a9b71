"""The 9/7 wavelet: the same bits as whole-array arithmetic, in doubles and singles, compiled or not."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from samples import printed_by_plain_python
from voxz.transforms.lifting_97 import HIGH_97, LOW_97, STEPS_97, lift_97
from voxz.transforms.pyramid import Pyramid


def analysed(volume: NDArray[Any], axis: int) -> NDArray[Any]:
    """What is low, then what is high along an axis; neighbours beyond the ends are the nearest of their half."""
    line = np.moveaxis(volume, axis, 0)
    low, high = line[0::2].copy(), line[1::2].copy()
    after = np.minimum(np.arange(len(high)) + 1, len(low) - 1)
    before, behind = np.maximum(np.arange(len(low)) - 1, 0), np.minimum(np.arange(len(low)), len(high) - 1)
    for predict, update in (STEPS_97[:2], STEPS_97[2:]):
        high += predict * (low[: len(high)] + low[after])
        low += update * (high[before] + high[behind])
    return np.moveaxis(np.concatenate([low * LOW_97, high * HIGH_97]), 0, axis)


SHAPES = st.tuples(st.integers(2, 9), st.integers(2, 21), st.integers(2, 19))


@given(SHAPES, st.integers(0, 2), st.sampled_from(["f4", "f8"]), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_lifting_is_bit_exact(shape: tuple[int, int, int], axis: int, dtype: str, seed: int) -> None:
    volume = (np.random.default_rng(seed).normal(size=shape) * 1000).astype(dtype)
    lifted = volume.copy()
    lift_97(lifted, shape, axis, forward=True)
    assert lifted.tobytes() == np.ascontiguousarray(analysed(volume, axis)).tobytes()
    lift_97(lifted, shape, axis, forward=False)
    np.testing.assert_allclose(lifted, volume, rtol=0, atol=1e-2 if dtype == "f4" else 1e-9)


def test_many_lines_beside_each_other_are_like_few() -> None:
    volume = np.random.default_rng(1).normal(size=(5, 6, 700)).astype("f4")
    for axis in (0, 1):
        whole = volume.copy()
        lift_97(whole, volume.shape, axis, forward=True)
        part = np.ascontiguousarray(volume[..., 300:420])
        lift_97(part, part.shape, axis, forward=True)
        assert whole[..., 300:420].tobytes() == part.tobytes()


def test_only_the_box_changes() -> None:
    volume = np.random.default_rng(2).normal(size=(6, 7, 8))
    for axis in range(3):
        changed = volume.copy()
        lift_97(changed, (4, 5, 6), axis, forward=True)
        assert (changed[:4, :5, :6] != volume[:4, :5, :6]).any()
        changed[:4, :5, :6] = volume[:4, :5, :6]
        assert (changed == volume).all()


def parity_digests() -> str:
    """Of pyramids in singles and doubles."""
    found = ""
    for dtype in ("f4", "f8"):
        volume = (np.random.default_rng(3).normal(size=(6, 11, 14)) * 300).astype(dtype)
        pyramid = Pyramid(volume.shape, (1, 2, 2))
        pyramid.analyse(volume)
        found += volume.tobytes().hex()
        pyramid.synthesise(volume)
        found += volume.tobytes().hex()
    return found


def test_plain_python_gives_the_same_bits() -> None:
    assert printed_by_plain_python(__file__) == parity_digests()


def test_strided_volumes_are_transformed_too() -> None:
    volume = np.random.default_rng(4).normal(size=(4, 6, 8))
    straight, turned = volume.copy(), np.asfortranarray(volume)
    for one in (straight, turned):
        Pyramid(volume.shape, (1, 1, 1)).analyse(one)
    np.testing.assert_array_equal(straight, turned)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_an_axis_of_one_sample_stays(axis: int) -> None:
    shape = tuple(1 if k == axis else 5 for k in range(3))
    volume = np.arange(25.0).reshape(shape)
    lift_97(volume, shape, axis, forward=True)
    assert (volume == np.arange(25.0).reshape(shape)).all()
