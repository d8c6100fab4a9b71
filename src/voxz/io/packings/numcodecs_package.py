"""The package numcodecs, which packs chunks of Zarr: not there, too new, or too old are cases that have words."""

import contextlib
import importlib
import zlib
from typing import Any

from voxz.errors import MissingDependencyError, RepackingError


def numcodecs(name: str) -> Any:
    """A module of the package; `MissingDependencyError` without it."""
    try:
        return importlib.import_module(f"numcodecs.{name}")
    except ImportError:
        raise MissingDependencyError(
            f"chunks of Zarr in {name} are packed by numcodecs; install it with: pip install 'voxz[zarr]'"
        ) from None


def unpacked(name: str, data: bytes, length: int) -> bytes | None:
    """The `length` bytes that `data` holds; None if it does not, or if the package is not there."""
    with contextlib.suppress(MissingDependencyError, RuntimeError, ValueError, TypeError):
        module = numcodecs(name)
        buffer = bytearray(length)
        found = bytes(module.decompress(data, buffer))
        return found if len(found) == length else None
    return None


def refuse_repacked(data: bytes, crc32: int) -> bytes:
    """`data`, if it is what was unpacked; `RepackingError` if this numcodecs packs differently."""
    if zlib.crc32(data) != crc32:
        raise RepackingError("the numcodecs that is installed")
    return data
