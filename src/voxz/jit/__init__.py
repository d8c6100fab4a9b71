"""One decorator for every kernel: compiled by numba, or plain Python when ``VOXZ_JIT=0``.

A kernel is ordinary Python over numpy arrays and integers (or IEEE doubles with ``+ - * / sqrt`` in a fixed
order). Compiled or not, the same source gives the same bytes, so the plain form is the reference decoder.
Fast-math stays off and the global interpreter lock is released, so bricks run on several threads. Compiled
code is kept between processes, see `voxz.jit.cache`.
"""

import os
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np

Function = TypeVar("Function", bound=Callable[..., object])

COMPILED = os.environ.get("VOXZ_JIT", "1") != "0"

at = np.uint64
"""Index type of inner loops: unsigned, so that compiled code needs no test for indices counted from the end."""


def kernel(function: Function) -> Function:
    """Return `function` compiled for this machine, or unchanged when ``VOXZ_JIT=0``.

    A kernel neither makes nor returns arrays: it works in those of its caller. So it need not count references to them, which
    would cost a fifth of the time where kernels are called for each row. See `allocating_kernel` for the others.
    """
    return _compiled(function, counts_references=False)


def allocating_kernel(function: Function) -> Function:
    """Like `kernel`, for functions that make or return arrays."""
    return _compiled(function, counts_references=True)


def _compiled(function: Function, *, counts_references: bool) -> Function:
    if not COMPILED:
        return function
    import numba  # noqa: PLC0415 - the plain mode must not need it

    from voxz.jit.cache import KernelCache  # noqa: PLC0415 - likewise

    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": counts_references}
    compiled: Any = numba.njit(**options)(function)
    compiled._cache = KernelCache(compiled)
    return cast(Function, compiled)
