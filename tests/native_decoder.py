"""The decoder in C, built from decoder/ by the C compiler that is here, and called by ctypes: its public functions alone."""

import ctypes
import functools
import hashlib
import os
import shutil
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from native import built

OK, NOT_VOXZ, TRUNCATED, DAMAGED, UNSUPPORTED, MEMORY, ARGUMENT, SOURCE, MODEL = range(9)
"""Statuses of include/voxz.h."""
NEAREST, WHOLE = 256, (1 << 64) - 1
ALL, HEAD, TAIL = range(3)
"""Parts of a file."""

_READ = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_void_p, ctypes.c_size_t)
_MODEL = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_char_p), ctypes.POINTER(ctypes.c_size_t)
)
_WRITE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
_SIZES = ctypes.c_uint64 * 5


class _Source(ctypes.Structure):
    _fields_ = (("size", ctypes.c_uint64), ("read", _READ), ("model", _MODEL), ("user", ctypes.c_void_p))


class _Sink(ctypes.Structure):
    _fields_ = (("write", _WRITE), ("user", ctypes.c_void_p))


class About(ctypes.Structure):
    """voxz_array."""

    _fields_ = (
        ("dtype", ctypes.c_int),
        ("itemsize", ctypes.c_uint),
        ("big_endian", ctypes.c_int),
        ("first_axis_fastest", ctypes.c_int),
        ("axes", ctypes.c_uint),
        ("shape", ctypes.c_uint64 * 7),
        ("size", _SIZES),
        ("brick", _SIZES),
        ("bricks", ctypes.c_uint64),
        ("resolutions", ctypes.c_uint),
        ("level", ctypes.c_uint),
        ("lossy", ctypes.c_int),
        ("bound", ctypes.c_double),
        ("sha256", ctypes.c_uint8 * 32),
    )


class Entry(ctypes.Structure):
    """voxz_entry."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_size_t),
        ("size", ctypes.c_uint64),
        ("crc32", ctypes.c_uint32),
        ("gzipped", ctypes.c_int),
        ("samples", ctypes.c_uint64),
        ("array", ctypes.c_size_t),
        ("first", ctypes.c_uint64),
    )


class Box(ctypes.Structure):
    """voxz_box."""

    _fields_ = (("start", _SIZES), ("size", _SIZES))


@functools.cache
def library(sanitized: bool = False) -> ctypes.CDLL:
    """The decoder, built once for all processes of a test run; skips where there is no C compiler."""
    if shutil.which("cc") is None or shutil.which("make") is None:
        pytest.skip("needs a C compiler and make")
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    folder = Path(tempfile.gettempdir()) / f"voxz-decoder-{'sanitized-' if sanitized else ''}{run}"
    flags = ["CFLAGS=-O1 -fsanitize=undefined -fno-sanitize-recover=all"] if sanitized else []
    found = ctypes.CDLL(str(built("libvoxz.so", folder, *flags)))
    found.voxz_message.restype = ctypes.c_char_p
    return found


@dataclass
class FailureError(Exception):
    """What a function of the library returned, and its message."""

    status: int
    message: str


class File:
    """A handle over bytes, with models by their hashes."""

    def __init__(self, blob: bytes, models: Sequence[bytes] = (), memory: int = 1 << 28, sanitized: bool = False) -> None:
        self._library, self._held = library(sanitized), np.frombuffer(blob, np.uint8)
        self._models = {hashlib.sha256(model).hexdigest()[:16].encode(): model for model in models}
        self._room, self._file = np.empty(memory, np.uint8), ctypes.c_void_p()
        self._source = _Source(len(blob), _READ(self._read), _MODEL(self._model), None)
        self._call("open", ctypes.byref(self._source), _place(self._room), ctypes.c_size_t(memory), ctypes.byref(self._file))

    def _read(self, user: int, offset: int, to: int, length: int) -> int:
        del user
        ctypes.memmove(to, self._held.ctypes.data + offset, length)
        return 0

    def _model(self, user: int, digits: bytes, data: Any, size: Any) -> int:
        del user
        if digits not in self._models:
            return 1
        data[0], size[0] = self._models[digits], len(self._models[digits])
        return 0

    def _call(self, name: str, *arguments: Any) -> None:
        status = getattr(self._library, f"voxz_{name}")(*arguments)
        if status != OK:
            raise FailureError(status, self._library.voxz_message(self._file).decode())

    def about(self, array: int = 0) -> About:
        """What an array is."""
        found = About()
        self._call("describe_array", self._file, ctypes.c_size_t(array), ctypes.byref(found))
        return found

    def entry(self, number: int = 0) -> Entry:
        """What a file is."""
        found = Entry()
        self._call("describe_entry", self._file, ctypes.c_size_t(number), ctypes.byref(found))
        return found

    def box(self, array: int = 0, brick: int = WHOLE, resolution: int = 0) -> Box:
        """Where a brick lies, or all of them."""
        found = Box()
        self._call(
            "brick_box",
            self._file,
            ctypes.c_size_t(array),
            ctypes.c_uint64(brick),
            ctypes.c_uint(resolution),
            ctypes.byref(found),
        )
        return found

    def decode(self, array: int = 0, resolution: int = 0, box: Box | None = None) -> NDArray[np.uint8]:
        """Bytes of the samples of a box, or of all, in canonical order."""
        box = box or self.box(array, WHOLE, resolution)
        samples = np.zeros(self.about(array).itemsize * int(np.prod(box.size[:], dtype=object)), np.uint8)
        self._call(
            "decode", self._file, ctypes.c_size_t(array), ctypes.c_uint(resolution), ctypes.byref(box), _place(samples),
            ctypes.c_size_t(samples.size),
        )  # fmt: skip
        return samples

    def restored(self, number: int = 0, part: int = ALL) -> bytes:
        """Content of a file, or a part of it."""
        written: list[bytes] = []

        def write(user: int, data: int, length: int) -> int:
            del user
            written.append(ctypes.string_at(data, length))
            return 0

        sink = _Sink(_WRITE(write), None)
        self._call("restore", self._file, ctypes.c_size_t(number), ctypes.c_int(part), ctypes.byref(sink))
        return b"".join(written)

    def verify(self) -> None:
        """Decode and compare everything."""
        self._call("verify", self._file)


def decode(
    blob: bytes, models: Sequence[bytes] = (), memory: int = 1 << 28, sanitized: bool = False
) -> tuple[int, str, NDArray[np.uint8]]:
    """Status, message and, in canonical order, the bytes of the samples of the first array of a file."""
    try:
        return OK, "", File(blob, models, memory, sanitized).decode()
    except FailureError as failure:
        return failure.status, failure.message, np.zeros(0, np.uint8)


def _place(array: NDArray[Any]) -> ctypes.c_void_p:
    return array.ctypes.data_as(ctypes.c_void_p)


def payload_start(blob: bytes | bytearray) -> int:
    """Where the first chunk of a file begins."""
    return int.from_bytes(blob[12:16], "little")


def with_right_sums(blob: bytearray) -> bytes:
    """The file with the checksums of its only brick and of its front made right."""
    end = payload_start(blob)
    blob[end - 12 : end - 8] = zlib.crc32(blob[end:]).to_bytes(4, "little")
    blob[end - 4 : end] = zlib.crc32(blob[: end - 4]).to_bytes(4, "little")
    return bytes(blob)
