"""numba's dispatcher, which makes no program of its own of what only other kernels call.

Left to itself, numba makes of every kernel a whole program: code for this processor, and two functions by which Python and C
enter it. Most kernels are called by kernels alone, which take their code in before it is made code for the processor. So that is
all that is made of them here. It is not kept in files either: the kernels that are, have it in them.
"""

from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Flags, compile_extra
from numba.core.registry import CPUDispatcher
from numba.core.typing.templates import make_concrete_template

from voxz.jit.apart import Apart


class KernelDispatcher(CPUDispatcher):
    """Compiles a kernel for calls from Python as numba does, and apart from that for calls from kernels."""

    _compiler: Any
    targetctx: Any

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._parts: dict[tuple[Any, ...], Any] = {}

    def get_call_template(self, args: Any, kws: Any) -> tuple[Any, Any, Any, Any]:
        """What numba asks for where a kernel calls this one: its types, once it is compiled for these arguments."""
        signature, folded = self._compiler.fold_argument_types(args, kws)
        part = self._part(tuple(folded))
        name = self.py_func.__name__
        return make_concrete_template(name, key=name, signatures=[part.signature]), signature, folded, {}

    def get_overload(self, sig: Any) -> Any:
        """The key under which numba finds the code of a call."""
        return self._parts[tuple(sig)].entry_point

    def _part(self, args: tuple[Any, ...]) -> Any:
        """The kernel, compiled for calls from kernels with arguments of these types."""
        if args not in self._parts:
            flags: Any = Flags()
            self.targetdescr.options.parse_as_flags(flags, self.targetoptions)
            flags.no_cpython_wrapper = flags.no_compile = True
            library = Part(self.targetctx.codegen(), self.py_func.__qualname__)
            library.vectors = self._compiler.pipeline_class is Apart
            compiled = compile_extra(
                self.typingctx, self.targetctx, self.py_func, args, None, flags, {}, library, self._compiler.pipeline_class
            )
            key = object()
            self.targetctx.insert_user_function(key, compiled.fndesc, [library])
            self._parts[args] = compiled._replace(entry_point=key)
        return self._parts[args]


class Part(JITCodeLibrary):
    """Code that is linked into that of callers, and never made code for the processor on its own.

    It is optimised in the programs that it ends up in, not on every way there. Only the loops of an `apart_kernel` are turned
    into vectors before: in callers that know their lengths, they would be unrolled instead.
    """

    vectors = False
    """Whether it is optimised on its own, too."""

    def _optimize_final_module(self) -> None:
        if self.vectors:
            super()._optimize_final_module()

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True
