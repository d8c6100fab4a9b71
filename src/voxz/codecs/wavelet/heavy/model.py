"""The trained weights of the heavy profile, what a caller can ask for, and how a payload names them.

``light`` needs no weights; ``heavy`` takes the general ones that are shipped, ``heavy:NAME`` others that are, ``heavy:PATH``
those of a file, which has to lie in a folder of VOXZ_WEIGHTS wherever what it coded is read.
How a payload names them is in `voxz.weights.naming`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet.heavy.network import FEATURES, INNER, NEAR, OUTER, OUTPUTS, WIDE_ABOVE, WIDE_BEFORE
from voxz.errors import CorruptError, UsageError
from voxz.weights.naming import Reader, name_bytes, read_named_bytes
from voxz.weights.safetensors_file import unpack
from voxz.weights.store import ENTROPY, SUFFIX, read_named, read_path

LIGHT, HEAVY = "light", "heavy"
GENERAL = "entropy-general"
PREFIX = "entropy-"

LEVELS = 4
"""Levels with a bias of their own, from the finest on; coarser ones share the last."""

MOST_UNITS = 256
LARGEST_WEIGHT = 2.0**16

_SHAPES: dict[str, tuple[int | str, ...]] = {
    "first": (8, FEATURES, "one"),
    "slope": (8, "one"),
    "bias": (8, "one"),
    "level_bias": (LEVELS, "one"),
    "kind_bias": (2, "one"),
    "second": ("one", "two"),
    "second_bias": ("two",),
    "third": ("two", OUTPUTS),
    "third_bias": (8, OUTPUTS),
    "edges": (2, 3),
}

_ALWAYS = (*range(NEAR), OUTER, INNER, WIDE_ABOVE, WIDE_BEFORE)
"""Inputs that every band has."""

Weights = NDArray[np.float64]


class Layers(NamedTuple):
    """Weights for a band: those of the first layer with what depends on the band put together; all float64.

    Attributes
    ----------
    first : (FEATURES, one)
    slope, bias : (one,): what the expected magnitude adds, and what is always added
    second, second_bias : (one, two) and (two,)
    third, third_bias : (two, OUTPUTS) and (OUTPUTS,); in a walk with an axis of EXPERTS in front
    edges : (2, 3), by quantiser and index, how far the bounds of an index lie outside
    """

    first: Weights
    slope: Weights
    bias: Weights
    second: Weights
    second_bias: Weights
    third: Weights
    third_bias: Weights
    edges: Weights


@dataclass(frozen=True)
class Model:
    """Weights of the network: ``one`` and ``two`` units in the hidden layers.

    Attributes
    ----------
    name, digest : as a payload names them
    arrays : by name, see _SHAPES; first axes of 8 are orientations, of ``kind_bias`` without and with loss
    """

    name: str
    digest: bytes
    arrays: Mapping[str, Weights]

    @classmethod
    def from_bytes(cls, data: bytes) -> "Model":
        """Weights of a file; `CorruptError` unless it holds the arrays that are expected, with finite numbers in bounds."""
        found, texts = unpack(data)
        if "second" not in found or found["second"].ndim != 2:
            raise CorruptError("the file holds no model of the heavy profile, as voxz train entropy makes them")
        units = {"one": found["second"].shape[0], "two": found["second"].shape[1]}
        arrays = {}
        for name, shape in _SHAPES.items():
            expected = tuple(units[n] if isinstance(n, str) else n for n in shape)
            array = found.get(name)
            if array is None or array.shape != expected or max(expected) > MOST_UNITS or not min(expected):
                got = "nothing" if array is None else f"shape {array.shape}"
                raise CorruptError(f"a model of the heavy profile has {got} for {name!r}, expected shape {expected}")
            arrays[name] = np.ascontiguousarray(array.astype(np.float64))
            if not (np.abs(arrays[name]) <= LARGEST_WEIGHT).all():
                raise CorruptError(f"a model of the heavy profile has numbers out of bounds for {name!r}")
        return cls(texts.get("name", ""), hashlib.sha256(data).digest(), arrays)

    def layers(self, orientation: int, level: int, lossy: bool, inputs: NDArray[np.int64]) -> Layers:
        """Weights for a band in which only these `inputs` from other bands are known, besides those it always has."""
        a = self.arrays
        first, slope = a["first"][orientation], a["slope"][orientation].copy()
        for k in [*_ALWAYS, *(int(k) for k in inputs)]:
            slope -= first[k]
        bias = a["bias"][orientation] + a["level_bias"][min(level, LEVELS - 1)] + a["kind_bias"][int(lossy)]
        edges = a["edges"] if lossy else np.zeros_like(a["edges"])
        return Layers(
            np.ascontiguousarray(first),
            slope,
            bias,
            a["second"],
            a["second_bias"],
            a["third"],
            a["third_bias"][orientation].copy(),
            edges,
        )

    def pack(self) -> bytes:
        """What a payload says of it."""
        return name_bytes(self.digest, self.name)


def read_model(reader: Reader) -> Model:
    """Model that a payload names.

    Raises
    ------
    CorruptError, MissingWeightsError
        It makes no sense, or is not here.
    """
    return _parsed(read_named_bytes(reader))


def asked_model(entropy: str | None) -> Model | None:
    """Model for what a caller asked: None for the light profile."""
    kind, _, name = (entropy or LIGHT).partition(":")
    if kind == LIGHT and not name:
        return None
    if kind != HEAVY:
        raise UsageError(f"got the entropy profile {entropy!r}, expected {LIGHT}, {HEAVY}, {HEAVY}:NAME, {HEAVY}:PATH{SUFFIX}")
    if name.endswith(SUFFIX):
        return read_path(name, _parsed)
    full = name if name.startswith(PREFIX) else PREFIX + name if name else GENERAL
    if full not in ENTROPY:
        names = ", ".join(one.removeprefix(PREFIX) for one in ENTROPY)
        raise UsageError(f"got the profile {entropy!r}, expected {HEAVY}: with one of {names} or a path that ends in {SUFFIX}")
    return _parsed(read_named(full))


@cache
def _parsed(data: bytes) -> Model:
    return Model.from_bytes(data)
