"""How a payload names a model: the first DIGEST bytes of the SHA-256 of its file, u8 length of its name, the name in ASCII."""

from typing import Protocol

from voxz.weights.store import read_by_digest

DIGEST = 8

LONGEST = DIGEST + 1 + 255
"""Most bytes that this takes."""


class Reader(Protocol):
    """A payload that is read from the front."""

    def exactly(self, length: int) -> bytes:
        """Return the next `length` bytes; `CorruptError` if there are fewer."""


def name_bytes(digest: bytes, name: str) -> bytes:
    """What a payload says of the model with this SHA-256 and name."""
    text = name.encode("ascii", "replace")[:255]
    return digest[:DIGEST] + bytes([len(text)]) + text


def read_named_bytes(reader: Reader) -> bytes:
    """File of the model that a payload names.

    Raises
    ------
    CorruptError, MissingWeightsError
        The payload ends early; the model is not here.
    """
    digest = reader.exactly(DIGEST)
    name = reader.exactly(reader.exactly(1)[0]).decode("ascii", "replace")
    return read_by_digest(digest, name)
