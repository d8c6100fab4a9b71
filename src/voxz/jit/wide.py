"""Products of 128 bits, which neither numpy nor numba has: their higher half is what division by an inverse needs."""

from typing import Any

import numpy as np

from voxz.jit import COMPILED


def _plain(first: Any, second: Any) -> Any:
    """Higher half of the product of two whole numbers of 64 bits without sign."""
    return np.uint64(int(first) * int(second) >> 64)


def _compiled() -> Any:
    """The same for kernels: one instruction of the processor."""
    from llvmlite import ir  # type: ignore[import-untyped]  # noqa: PLC0415 - the plain mode must not need it
    from numba.core import types  # noqa: PLC0415 - likewise
    from numba.extending import intrinsic  # noqa: PLC0415 - likewise

    def high_product(_context: Any, _first: Any, _second: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            wide = ir.IntType(128)
            first, second = (builder.zext(argument, wide) for argument in arguments)
            return builder.trunc(builder.lshr(builder.mul(first, second), ir.Constant(wide, 64)), ir.IntType(64))

        return types.uint64(types.uint64, types.uint64), generate

    return intrinsic(high_product)


high_product = _compiled() if COMPILED else _plain
