"""numba's compiler, told that the arrays of a function do not overlap."""

from typing import Any

from numba.core.compiler import Compiler


class Apart(Compiler):
    """Marks the pointers among the arguments `noalias`, as LLVM calls it."""

    def define_pipelines(self) -> list[Any]:
        """Passes of the compiler."""
        self.state.flags.noalias = True
        passes: list[Any] = super().define_pipelines()
        return passes
