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
    return _compiled(function)


def inlined_kernel(function: Function) -> Function:
    """Like `kernel`, for steps of a single sample: compiled into each kernel that calls it.

    Left to itself, the compiler inlines such steps in one kernel and calls them in the next, depending on what was compiled
    before; that made a difference of up to 1.7 in time.
    """
    return _compiled(function, forceinline=True)


def apart_kernel(function: Function) -> Function:
    """Like `kernel`, for loops over arrays of which none that is written overlaps another.

    Compiled code then need not find out before each loop, which takes as long as some fifty samples.
    """
    return _compiled(function, apart=True)


def allocating_kernel(function: Function) -> Function:
    """Like `kernel`, for functions that make or return arrays."""
    return _compiled(function, _nrt=True)


def _compiled(function: Function, apart: bool = False, **options: bool) -> Function:
    if not COMPILED:
        return function
    from numba.core.compiler import Compiler  # noqa: PLC0415 - the plain mode must not need it

    from voxz.jit.apart import Apart  # noqa: PLC0415 - likewise
    from voxz.jit.cache import KernelCache  # noqa: PLC0415 - likewise
    from voxz.jit.dispatcher import KernelDispatcher  # noqa: PLC0415 - likewise

    always = {"nopython": True, "nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True, "_nrt": False}
    compiled: Any = KernelDispatcher(function, {}, {**always, **options}, Apart if apart else Compiler)
    compiled._cache = KernelCache(compiled)
    return cast(Function, compiled)
