"""A trained transform: its family, its numbers, and the file that they travel in."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.errors import CorruptError
from voxz.transforms.band_norms import TABLE, Norms
from voxz.transforms.lifting_family import Family
from voxz.weights.safetensors_file import pack, unpack

KIND = "voxz wavelet transform"
VERSION = "1"

LARGEST_TAP = 16.0
"""Size of a filter's numbers at most."""

NORM_RANGE = (2.0**-8, 2.0**8)


@dataclass(frozen=True)
class Model:
    """A trained transform.

    Attributes
    ----------
    name : for people; files name it, too
    family : what it is
    filters : of the shape of the family
    norms : of its synthesis functions
    networks : arrays of the networks, by name
    """

    name: str
    family: Family
    filters: NDArray[np.float64]
    norms: Norms
    networks: dict[str, NDArray[np.float64]]

    def to_bytes(self) -> bytes:
        """The file."""
        arrays: dict[str, NDArray[Any]] = {"filters": self.filters, "norms": self.norms.table.astype(np.float32)}
        arrays |= {f"networks.{name}": values.astype(np.float32) for name, values in self.networks.items()}
        return pack(arrays, {"kind": KIND, "version": VERSION, "name": self.name, "family": json.dumps(asdict(self.family))})

    def digest(self) -> bytes:
        """SHA-256 of the file."""
        return hashlib.sha256(self.to_bytes()).digest()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Model":
        """Model of a file; `CorruptError` if it is damaged, of another version or of another kind."""
        arrays, facts = unpack(data)
        kind, version = facts.get("kind"), facts.get("version")
        if kind != KIND:
            got = "other arrays" if kind is None else f"a {kind!r}"
            raise CorruptError(f"the file must hold a {KIND!r}, as voxz train wavelet makes them (got {got})")
        if version != VERSION:
            raise CorruptError(f"the transform must be of version {VERSION!r} (got {version!r}); train it anew with this voxz")
        family = _family(facts.get("family", ""))
        numbers = {name: np.ascontiguousarray(values, np.float64) for name, values in arrays.items()}
        shapes = {"filters": family.shape, "norms": TABLE}
        shapes |= {f"networks.{name}": shape for name, shape in family.networks.items()}
        if {name: values.shape for name, values in numbers.items()} != shapes:
            raise CorruptError("the arrays of a model are not those of its family; get the file anew")
        if not all(np.isfinite(values).all() and np.abs(values).max(initial=0) <= 2.0**16 for values in numbers.values()):
            raise CorruptError("the numbers of a model are out of bounds; get the file anew")
        norms = Norms(numbers.pop("norms"))
        filters = numbers.pop("filters")
        low, high = NORM_RANGE
        if np.abs(filters).max() > LARGEST_TAP or norms.table.min() < low or norms.table.max() > high:
            raise CorruptError("the numbers of a model are out of bounds; get the file anew")
        networks = {name.removeprefix("networks."): values for name, values in numbers.items()}
        return cls(facts.get("name", ""), family, filters, norms, networks)


@dataclass(frozen=True)
class Tuned:
    """A model that was tuned to a volume, to be taken where it saves; None if there was nothing to learn."""

    model: Model | None


def _family(text: str) -> Family:
    """Family from the text of a file."""
    try:
        values: dict[str, Any] = json.loads(text)
        family = Family(**values)
    except (ValueError, TypeError, RecursionError):
        raise CorruptError("the family of a model cannot be read; get the file anew") from None
    whole = (family.steps, family.reach, family.classes)
    if (
        not all(type(n) is int for n in whole)
        or type(family.reversible) is not bool
        or not all(type(text) is str for text in (family.sharing, family.network, family.network_sharing))
    ):
        raise CorruptError("the family of a model has fields of wrong types; get the file anew")
    fault = family.fault()
    if fault:
        raise CorruptError(f"the family of a model is one that this voxz does not know ({fault}); it may need a later one")
    return family
