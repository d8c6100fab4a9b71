"""Finding files of weights: shipped ones by name or hash, others by hash in the folders of the variable VOXZ_WEIGHTS.

A .voxz file names its model by the SHA-256 of the model's file. So a name may get better weights later. A model that was
shipped once stays: its file, its hash and its name here.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from voxz.errors import CorruptError, MissingWeightsError, UsageError
from voxz.weights.safetensors_file import MOST_BYTES

_Parsed = TypeVar("_Parsed")

FOLDER = Path(__file__).parent
SUFFIX = ".safetensors"
VARIABLE = "VOXZ_WEIGHTS"

TRANSFORMS: dict[str, str] = {
    "general": "fcf6542c86f96e637d62ce4f65958e572bd899f4c41b8dc6ec5d950bed4b565d",
    "general-reversible": "ea98d45680d03cc224c3681d1906de39aee9f9ed0f62567d0c01ca00068f078f",
}
"""Shipped transforms: name and SHA-256 of the file, which is called ``NAME-`` and the first 12 digits of its SHA-256."""

ENTROPY: dict[str, str] = {
    "entropy-general": "5d370dd59ce746a3998a5f3f8e4cbf61257c132b8ec25882e6c5eb69fe9f547a",
}
"""Shipped entropy networks, in the same way."""

SHIPPED = TRANSFORMS | ENTROPY
"""All shipped models."""


def file_of(name: str) -> Path:
    """File of a shipped model; `UsageError` if there is none of this name."""
    if name not in SHIPPED:
        raise UsageError(f"there is no model {name!r}; name one of {', '.join(SHIPPED)}, or a path that ends in {SUFFIX}")
    return FOLDER / f"{name}-{SHIPPED[name][:12]}{SUFFIX}"


def read_named(name: str) -> bytes:
    """Bytes of a shipped model, checked against its hash."""
    data = file_of(name).read_bytes()
    if hashlib.sha256(data).hexdigest() != SHIPPED[name]:
        raise CorruptError(f"the model {name} is damaged: its SHA-256 is not the one that voxz knows; install voxz anew")
    return data


def read_path(path: str, parse: Callable[[bytes], _Parsed]) -> _Parsed:
    """Model in the file that a caller named.

    Raises
    ------
    UsageError, CorruptError
        It cannot be read, or `parse` finds no such model in it; the message names the file.
    """
    try:
        if Path(path).stat().st_size > MOST_BYTES:
            raise UsageError(f"cannot use {path} as a model: it has more than {MOST_BYTES} bytes")
        data = Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read the model {path} ({error.strerror})") from None
    try:
        return parse(data)
    except CorruptError as error:
        raise CorruptError(f"cannot use {path} as a model: {error}") from None


def read_by_digest(digest: bytes, name: str) -> bytes:
    """Bytes of the model whose SHA-256 begins with `digest`; `name` is for the message if there is none.

    Raises
    ------
    MissingWeightsError
        Neither shipped nor in a folder of VOXZ_WEIGHTS.
    """
    for path in _candidates():
        if path.stat().st_size <= MOST_BYTES:
            data = path.read_bytes()
            if hashlib.sha256(data).digest().startswith(digest):
                return data
    raise MissingWeightsError(
        f"the file was made with the model {name!r} (SHA-256 {digest.hex()}...), which is not here; put its file into a folder "
        f"and name that folder in the variable {VARIABLE}, or install a voxz that ships it"
    )


def _candidates() -> Iterator[Path]:
    """Files that may hold a model."""
    folders = [FOLDER, *(Path(part) for part in os.environ.get(VARIABLE, "").split(os.pathsep) if part)]
    for folder in folders:
        yield from sorted(folder.glob(f"*{SUFFIX}"))
