"""The codecs a brick can be coded with, by name and by the number stored in files.

A codec is a module with two functions: ``encode_brick(samples, level)`` returns a payload, or None for samples it cannot
take, and ``decode_brick(payload, shape, dtype)`` returns the samples. Modules are imported when first used: the compiled kernels
behind them cost start-up time that ``voxz info`` should not pay.
"""

import importlib
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from voxz.errors import UnsupportedError, UsageError

STORED, PREDICTIVE, FLOATS = 0, 1, 3

CODECS = {"stored": STORED, "predictive": PREDICTIVE, "floats": FLOATS}

_SMALL = 1 << 16
"""Bytes of a brick that is also stored, to see which is smaller."""


class Codec(Protocol):
    """What the module of a codec offers; samples are ``(series, z, y, x, channels)`` in native byte order."""

    def encode_brick(self, samples: NDArray[np.generic], level: int) -> bytes | None:
        """Return the payload, or None."""

    def decode_brick(self, payload: bytes, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
        """Return the samples; damage raises `CorruptError`."""


def codec(number: int) -> Codec:
    """Return the codec with this number."""
    for name, known in CODECS.items():
        if known == number:
            return cast(Codec, importlib.import_module(f"voxz.codecs.{name}"))
    raise UnsupportedError(f"a brick uses codec {number}, which this version does not know; install a newer voxz")


def check_name(name: str | None) -> None:
    """Raise `UsageError` unless `name` is that of a codec, or None for the one that suits the samples."""
    if name is not None and name not in CODECS:
        raise UsageError(f"got codec {name!r}, expected one of {', '.join(CODECS)}")


def encode_brick(samples: NDArray[np.generic], level: int, name: str | None = None) -> tuple[int, bytes]:
    """Code a brick with the codec called `name`, or the one that suits its type; fall back to `stored`."""
    predictable = samples.dtype.kind in "iu" and samples.dtype.itemsize <= 4
    if predictable and name != "stored":
        payload = codec(PREDICTIVE).encode_brick(samples, level)
        if payload is not None and len(payload) < samples.nbytes:
            return PREDICTIVE, payload
    if samples.dtype.kind in "fc" and name != "stored":
        payload = codec(FLOATS).encode_brick(samples, level)
        if payload is not None and len(payload) < samples.nbytes:
            stored = codec(STORED).encode_brick(samples, level) if samples.nbytes <= _SMALL else None
            return (FLOATS, payload) if stored is None or len(payload) <= len(stored) else (STORED, stored)
    payload = codec(STORED).encode_brick(samples, level)
    assert payload is not None
    return STORED, payload


def decode_brick(number: int, payload: bytes, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    """Samples of a payload of codec `number`."""
    return codec(number).decode_brick(payload, shape, dtype)
