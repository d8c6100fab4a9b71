"""Compiled kernels, kept in files from one process to the next.

numba's own cache looks at the file of a kernel only. A kernel that was inlined from another file, a constant or a table could
change there and the old machine code would still run. Here the name of a file is a digest of everything that is compiled: the
byte code of the kernel and of all kernels it calls, the constants and tables they read, the types of the arguments, the
processor, and the versions of Python and numba. Comments and docstrings do not count.

Each piece of machine code is a file of its own, written under a temporary name and renamed, with its SHA-256 in front. So any
number of processes may start at once on a shared file system, and half a file is never run. Of several that need the same
kernel, one compiles it (`voxz.jit.claim`).

Files are looked for in every folder of `folders` and written to the first that can be written. A read-only installation
therefore runs what ``voxz warm`` compiled into it. Where nothing can be written, one warning says so and kernels are compiled
in memory. The files are code: keep the folder as safe as the installation itself.
"""

import contextlib
import functools
import hashlib
import logging
import os
import pickle
import sys
import uuid
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from voxz.jit.claim import Claim

PACKAGE = __name__.split(".", maxsplit=1)[0]
VARIABLE = "VOXZ_CACHE_DIR"
HASH_BYTES = hashlib.sha256().digest_size


class KernelCache:
    """Cache of one kernel's machine code, in the form that numba's dispatchers ask for."""

    def __init__(self, dispatcher: Any) -> None:
        self._dispatcher = dispatcher
        self._claims: dict[str, Claim] = {}

    @property
    def cache_path(self) -> str:
        """Folder that is tried first."""
        return str(folders()[0])

    def enable(self) -> None:
        """Nothing to do: the cache is always on."""

    def disable(self) -> None:
        """Nothing to do, see `enable`."""

    def flush(self) -> None:
        """Nothing to do: a file whose kernel has changed is not read again."""

    def load_overload(self, signature: Any, context: Any) -> Any:
        """Machine code for these types of arguments, or None."""
        from numba.core.compiler import CompileResult  # noqa: PLC0415 - the plain mode must not need it
        from numba.core.runtime.nrt import rtsys  # noqa: PLC0415 - likewise

        rtsys.initialize(context)  # all that running takes; `context.refresh` would load what only compiling takes, with SciPy
        name = self._name(signature, context.codegen())
        kept = _kept(name)
        if kept is None:
            _tell()
            self._claim(name)
            kept = _kept(name)
        if kept is None:
            return None
        self._release(name)
        return CompileResult._rebuild(context, *pickle.loads(kept))

    def save_overload(self, signature: Any, result: Any) -> None:
        """Keep machine code, if there is a place for it."""
        from numba.core.serialize import dumps  # noqa: PLC0415 - the plain mode must not need it

        assert not result.lifted
        assert not result.library.has_dynamic_globals
        assert self._dispatcher.targetoptions["_nrt"] or not _holds_arrays(result.signature.return_type), (
            f"{self._dispatcher.__name__} returns arrays; they would be freed while they are used: make it an `allocating_kernel`"
        )
        data = dumps(result._reduce())
        name = self._name(signature, result.codegen)
        try:
            self._keep(name, hashlib.sha256(data).digest() + data)
        finally:
            self._release(name)

    def _keep(self, name: str, data: bytes) -> None:
        for folder in folders():
            with contextlib.suppress(OSError):
                _write(folder / name, data)
                if folder == _own_folder():
                    self._remove_outdated(folder)
                return
        _warn()

    def _claim(self, name: str) -> None:
        """Be the process that compiles a kernel, or wait for the one that is."""
        for folder in folders():
            with contextlib.suppress(OSError):
                self._claims[name] = Claim(folder / name)
                return

    def _release(self, name: str) -> None:
        if name in self._claims:
            self._claims.pop(name).release()

    def _name(self, signature: Any, codegen: Any) -> str:
        machine = (_versions(), codegen.magic_tuple(), [_described(kind) for kind in signature])
        return f"{self._stem()}{hashlib.sha256(repr(machine).encode()).hexdigest()[:32]}.kernel"

    @functools.cached_property
    def _fingerprint(self) -> str:
        return fingerprint(self._dispatcher)

    def _stem(self) -> str:
        return f"{self._prefix()}{self._fingerprint}-"

    def _prefix(self) -> str:
        return f"{self._dispatcher.__module__}.{self._dispatcher.__name__}-{sys.implementation.cache_tag}-"

    def _remove_outdated(self, folder: Path) -> None:
        """Remove what was compiled of earlier sources: inside an installation, there is only one source at a time."""
        for file in folder.glob(f"{self._prefix()}*"):
            if not file.name.startswith(self._stem()):
                file.unlink(missing_ok=True)


def folders() -> list[Path]:
    """Folders that are looked into, the best first: ``VOXZ_CACHE_DIR``, or the installation and the user's cache."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return [Path(chosen).expanduser()]
    from numba.misc.appdirs import AppDirs  # noqa: PLC0415 - the plain mode must not need it

    return [_own_folder(), Path(AppDirs(appname=PACKAGE, appauthor=False).user_cache_dir) / "kernels"]


def fingerprint(function: Callable[..., Any]) -> str:
    """Digest of all that decides what a kernel computes: its byte code, and what that reads and calls, however deep."""
    hasher = hashlib.sha256()
    for piece in _pieces(function, {}):
        hasher.update(f"{len(piece)}:".encode() + piece)
    return hasher.hexdigest()[:16]


def _pieces(value: Any, seen: dict[int, int]) -> Iterator[bytes]:
    """Yield bytes that are the same exactly if `value` means the same to the compiler."""
    function = getattr(value, "py_func", value)
    if isinstance(function, FunctionType):
        if id(function) in seen:
            yield f"function {seen[id(function)]}".encode()
            return
        seen[id(function)] = len(seen)
        yield repr((sorted(getattr(value, "targetoptions", {}).items()), _compiler_of(value))).encode()
        assert function.__closure__ is None
        yield from _pieces(function.__defaults__, seen)
        yield from _pieces_of_code(function.__code__, function, seen)
    elif isinstance(value, np.ndarray):
        yield repr((value.dtype.str, value.shape)).encode()
        yield value.tobytes()
    elif isinstance(value, tuple):
        yield f"tuple {len(value)}".encode()
        for item in value:
            yield from _pieces(item, seen)
    elif isinstance(value, (int, float, complex, str, bytes, np.generic, np.dtype, type(None))):
        yield repr((type(value).__name__, value)).encode()
    else:
        name = getattr(value, "__qualname__", getattr(value, "__name__", None))
        assert name, f"a kernel reads a global of type {type(value)}, which has no name"
        yield repr((getattr(value, "__module__", None), name, getattr(value, "_fields", None))).encode()


def _pieces_of_code(code: CodeType, function: FunctionType, seen: dict[int, int]) -> Iterator[bytes]:
    yield code.co_code
    yield repr((code.co_argcount, code.co_names, code.co_varnames)).encode()
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _pieces_of_code(constant, function, seen)
        elif constant is not function.__doc__:
            yield from _pieces(constant, seen)
    for name in code.co_names:
        if name in function.__globals__:
            value = function.__globals__[name]
            own = isinstance(value, ModuleType) and value.__name__.split(".")[0] == PACKAGE
            assert not own, f"{function.__name__} reads the module {name}; import what a kernel uses by name"
            yield from _pieces(value, seen)


def _holds_arrays(kind: Any) -> bool:
    """Whether values of a type of numba are, or contain, arrays."""
    return hasattr(kind, "layout") or any(_holds_arrays(part) for part in getattr(kind, "types", ()))


def _described(kind: Any) -> Any:
    """Text of a type of numba, with the names of fields, which its own text leaves out."""
    inner = [_described(part) for part in getattr(kind, "types", ())]
    return (str(kind), getattr(kind, "fields", ()), inner) if inner else str(kind)


@functools.cache
def _versions() -> tuple[Any, ...]:
    import numba  # noqa: PLC0415 - the plain mode must not need it

    config: Any = numba.core.config
    return numba.__version__, np.__version__, config.OPT, config.BOUNDSCHECK


@functools.cache
def _own_folder() -> Path:
    return Path(__file__).parents[1] / "__pycache__" / "kernels"


def _kept(name: str) -> bytes | None:
    """What a file of one of the folders holds, if it is whole."""
    for folder in folders():
        with contextlib.suppress(OSError):
            data = (folder / name).read_bytes()
            if hashlib.sha256(data[HASH_BYTES:]).digest() == data[:HASH_BYTES]:
                return data[HASH_BYTES:]
    return None


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{uuid.uuid4().hex}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        if not path.exists():  # on Windows, a file that another process reads cannot be replaced, and need not be
            raise


@functools.cache
def _tell() -> None:
    """Once in a process, to whoever listens: the command line on a terminal does."""
    logging.getLogger(PACKAGE).info("compiling for this machine, which takes a while once; `voxz warm` does it ahead")


@functools.cache
def _warn() -> None:
    """Once in a process."""
    tried = " nor ".join(str(folder) for folder in folders())
    warnings.warn(
        f"cannot write to {tried}: kernels are compiled again in each process; set {VARIABLE} to a folder that can be written",
        stacklevel=2,
    )


def _compiler_of(value: Any) -> str:
    """Name of what compiles a kernel; empty for other functions."""
    compiler: Any = getattr(value, "_compiler", None)
    return "" if compiler is None else str(compiler.pipeline_class.__name__)
