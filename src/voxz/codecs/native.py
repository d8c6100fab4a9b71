"""Bricks decoded by the library in C of `decoder/`, with VOXZ_DECODER=c: nothing is compiled, and numba is not imported.

The library is the file that VOXZ_DECODER_LIBRARY names, or else the one beside this module, which `make native` builds. It gives
the samples that the kernels of this package give, bit for bit, and errors of the same causes.
"""

import ctypes
import functools
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.errors import CorruptError, MissingDependencyError, MissingWeightsError, UnsupportedError, UsageError, VoxzError
from voxz.limits import memory_of
from voxz.volume.layout import DTYPES
from voxz.weights.store import read_by_digest

CHOICE, LIBRARY = "VOXZ_DECODER", "VOXZ_DECODER_LIBRARY"
NAME = {"win32": "voxz.dll", "darwin": "libvoxz.dylib"}.get(sys.platform, "libvoxz.so")

_OK, _TRUNCATED, _DAMAGED, _UNSUPPORTED, _MEMORY = 0, 2, 3, 4, 5
"""Statuses of voxz.h."""

_CAUSES: dict[int, type[VoxzError]] = {
    _TRUNCATED: CorruptError,
    _DAMAGED: CorruptError,
    _UNSUPPORTED: UnsupportedError,
    _MEMORY: CorruptError,
}
"""Errors by status. A sound brick does with the memory that decoding may take at most."""

_READ = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_void_p, ctypes.c_size_t)
_MODEL = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_char_p), ctypes.POINTER(ctypes.c_size_t)
)


class _Source(ctypes.Structure):
    _fields_ = (("size", ctypes.c_uint64), ("read", _READ), ("model", _MODEL), ("user", ctypes.c_void_p))


class _Brick(ctypes.Structure):
    _fields_ = (
        ("codec", ctypes.c_uint),
        ("dtype", ctypes.c_int),
        ("size", ctypes.c_uint32 * 5),
        ("payload", ctypes.c_char_p),
        ("length", ctypes.c_size_t),
        ("halvings", ctypes.c_uint * 3),
        ("start", ctypes.c_uint64 * 3),
        ("nearest", ctypes.c_int),
    )


def asked_for() -> bool:
    """Whether the library is to decode bricks; `UsageError` if something else is to that there is not."""
    chosen = os.environ.get(CHOICE) or "numba"
    if chosen not in ("numba", "c"):
        raise UsageError(f"{CHOICE} must be numba or c (got {chosen!r})")
    return chosen == "c"


def decode_brick(number: int, payload: bytes, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    """Samples ``(series, z, y, x, channels)`` of a brick, as `voxz.codecs.registry.decode_brick` gives them.

    Raises
    ------
    CorruptError, UnsupportedError, MissingWeightsError
        The payload is damaged, of a later version, or needs a model that is not here.
    MissingDependencyError
        There is no library.
    """
    return _decoded(number, payload, shape, dtype, (0, 0, 0), [0, 0, 0], shape, False)


def coarse_brick(
    number: int,
    payload: bytes,
    shape: tuple[int, ...],
    dtype: np.dtype[np.generic],
    halvings: tuple[int, int, int],
    starts: list[int],
    names: bool,
) -> NDArray[np.generic]:
    """The same at a lower resolution, as `voxz.image.preview_brick.coarse_brick` gives them."""
    ends = [start + n for start, n in zip(starts, shape[1:4], strict=True)]
    kept = [-(-end >> h) - -(-start >> h) for start, end, h in zip(starts, ends, halvings, strict=True)]
    return _decoded(number, payload, shape, dtype, halvings, starts, (shape[0], *kept, shape[4]), names)


def _decoded(
    number: int,
    payload: bytes,
    shape: tuple[int, ...],
    dtype: np.dtype[np.generic],
    halvings: tuple[int, int, int],
    starts: list[int],
    kept: tuple[int, ...],
    names: bool,
) -> NDArray[np.generic]:
    code = next(code for code, name in DTYPES.items() if np.dtype(name) == dtype)
    brick = _Brick(
        number, code, (ctypes.c_uint32 * 5)(*shape), payload, len(payload),
        (ctypes.c_uint * 3)(*halvings), (ctypes.c_uint64 * 3)(*starts), names,
    )  # fmt: skip
    models = _Models()
    source = _Source(0, _READ(), _MODEL(models.find), None)
    samples, memory = np.empty(kept, dtype), np.empty(memory_of(int(np.prod(shape)), len(payload)), np.uint8)
    message = ctypes.c_char_p()
    status = _library(os.environ.get(LIBRARY) or str(Path(__file__).parent / NAME)).voxz_decode_brick(
        ctypes.byref(brick), ctypes.byref(source), _place(memory), ctypes.c_size_t(memory.size), _place(samples),
        ctypes.byref(message),
    )  # fmt: skip
    if status == _OK:
        return samples
    if models.missing is not None:
        raise models.missing
    raise _CAUSES[status]((message.value or b"").decode())


class _Models:
    """The models that a brick asks for, and the error about one that is not here."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self.missing: MissingWeightsError | None = None

    def find(self, user: int, digits: bytes, data: Any, size: Any) -> int:
        """Give a model by the first digits of its SHA-256: 0 if there is one."""
        del user
        try:
            self._held.append(read_by_digest(bytes.fromhex(digits.decode()), digits.decode()))
        except MissingWeightsError as error:
            self.missing = error
            return 1
        data[0], size[0] = self._held[-1], len(self._held[-1])
        return 0


def _place(array: NDArray[Any]) -> ctypes.c_void_p:
    return array.ctypes.data_as(ctypes.c_void_p)


@functools.cache
def _library(path: str) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(path)
    except OSError:
        raise MissingDependencyError(
            f"the decoder in C is not at {path}; build it with `make native` or `make decoder`, and name the library in the "
            f"variable {LIBRARY}, or leave {CHOICE} unset"
        ) from None
