"""Kernels that count no references must not hand out arrays: these would be freed while they are used."""

import numpy as np
import pytest

from voxz.jit import COMPILED, allocating_kernel, kernel

pytestmark = pytest.mark.skipif(not COMPILED, reason="kernels are not compiled")


@kernel
def same(values):  # type: ignore[no-untyped-def]
    """Its argument."""
    return values


@kernel
def made(count):  # type: ignore[no-untyped-def]
    """Zeros."""
    return np.zeros(count)


@allocating_kernel
def both(values):  # type: ignore[no-untyped-def]
    """Its argument, and a new array."""
    return values, np.zeros(values.size)


def test_a_kernel_that_returns_arrays_is_refused() -> None:
    """Whether they are those of the caller or new."""
    with pytest.raises(AssertionError, match="allocating_kernel"):
        same(np.zeros(3))
    with pytest.raises(Exception, match=r"NRT required|Only accept returning"):
        made(3)


def test_an_allocating_kernel_may_return_arrays() -> None:
    """They stay alive."""
    found = [both(np.full(1000, float(k))) for k in range(50)]
    for k, (given, new) in enumerate(found):
        assert (given == k).all()
        assert not new.any()
