"""The decoder in C, built from decoder/ by the C compiler that is here, and called by ctypes."""

import ctypes
import functools
import os
import shutil
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from native import built

OK, NOT_VOXZ, TRUNCATED, DAMAGED, UNSUPPORTED, MEMORY, ARGUMENT, SOURCE, MODEL = range(9)
"""Statuses of include/voxz.h."""

_READ = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_void_p, ctypes.c_size_t)
_SIZES = ctypes.c_uint64 * 5


class _Source(ctypes.Structure):
    _fields_ = (("size", ctypes.c_uint64), ("read", _READ), ("user", ctypes.c_void_p))


class _Array(ctypes.Structure):
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
        ("level", ctypes.c_uint),
        ("lossy", ctypes.c_int),
        ("bound", ctypes.c_double),
        ("sha256", ctypes.c_uint8 * 32),
    )


class _Box(ctypes.Structure):
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
    found.voxz_missing_model.restype = ctypes.c_char_p
    return found


def decode(
    blob: bytes, models: Sequence[bytes] = (), memory: int = 1 << 28, sanitized: bool = False
) -> tuple[int, str, NDArray[np.uint8]]:
    """Status, message and, in canonical order, the bytes of the samples of the first array of a file."""
    lib, held = library(sanitized), np.frombuffer(blob, np.uint8)
    room, file, nothing = np.empty(memory, np.uint8), ctypes.c_void_p(), np.zeros(0, np.uint8)
    own = room.ctypes.data_as(ctypes.c_void_p), ctypes.c_size_t(memory)

    def read(user: int, offset: int, to: int, length: int) -> int:
        ctypes.memmove(to, held.ctypes.data + offset, length)
        return 0

    source = _Source(len(blob), _READ(read), None)
    status = lib.voxz_open(ctypes.byref(source), *own, ctypes.byref(file))
    if status != OK:
        return status, lib.voxz_message(file).decode(), nothing
    kept = [np.frombuffer(model, np.uint8) for model in models]
    for model in kept:
        lib.voxz_add_model(file, model.ctypes.data_as(ctypes.c_void_p), ctypes.c_size_t(model.size))
    about, box = _Array(), _Box()
    lib.voxz_describe(file, ctypes.c_size_t(0), ctypes.byref(about))
    box.size[:] = about.size[:]
    samples = np.zeros(about.itemsize * int(np.prod(about.size[:], dtype=object)), np.uint8)
    status = lib.voxz_decode_box(
        file, ctypes.c_size_t(0), ctypes.byref(box), samples.ctypes.data_as(ctypes.c_void_p), ctypes.c_size_t(samples.size)
    )
    return status, lib.voxz_message(file).decode(), samples if status == OK else nothing


def payload_start(blob: bytes | bytearray) -> int:
    """Where the first chunk of a file begins."""
    return int.from_bytes(blob[12:16], "little")


def with_right_sums(blob: bytearray) -> bytes:
    """The file with the checksums of its only brick and of its front made right."""
    end = payload_start(blob)
    blob[end - 12 : end - 8] = zlib.crc32(blob[end:]).to_bytes(4, "little")
    blob[end - 4 : end] = zlib.crc32(blob[: end - 4]).to_bytes(4, "little")
    return bytes(blob)
