"""Kernels whose arrays do not overlap: the compiler is told, and the cache tells them from others."""

import re
from pathlib import Path

import numpy as np
import pytest

from voxz.jit import COMPILED, apart_kernel, kernel

pytestmark = pytest.mark.skipif(not COMPILED, reason="kernels are not compiled")


def doubled(values, sums):  # type: ignore[no-untyped-def]
    """Fill `sums` with twice the `values`."""
    for i in range(values.size):
        sums[i] = 2 * values[i]


APART, ANY = apart_kernel(doubled), kernel(doubled)


def marked(compiled) -> bool:  # type: ignore[no-untyped-def]
    """Whether LLVM is told that nothing else points to the samples of `sums`."""
    (signature,) = compiled.signatures
    return re.search(r"noalias [^,%]*%arg\.sums\.4", compiled.inspect_llvm(signature)) is not None


def test_the_compiler_need_not_ask_whether_arrays_overlap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Arguments are marked, unlike those of other kernels."""
    monkeypatch.setenv("VOXZ_CACHE_DIR", str(tmp_path))
    values = np.arange(100)
    for compiled in (APART, ANY):
        sums = np.zeros(100, np.int64)
        compiled(values, sums)
        assert (sums == 2 * values).all()
    assert marked(APART)
    assert not marked(ANY)


def test_the_cache_tells_them_from_others() -> None:
    """What one was compiled to is not run for the other."""
    from voxz.jit.cache import fingerprint

    assert fingerprint(APART) != fingerprint(ANY)
