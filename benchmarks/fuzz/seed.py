"""What a sound file must offer to be damaged and read."""

from collections.abc import Sequence
from random import Random
from typing import Protocol

Files = dict[str, bytes]
"""Contents of files by name."""

MOST_BYTES = 1 << 20
"""Samples that a mutated header may ask for."""


class Seed(Protocol):
    """A sound file, or several that belong together.

    Attributes
    ----------
    name : of the seed
    family : what the report counts it under: a codec, "archive", a format
    files : what it is
    kinds : of damage that it knows
    """

    @property
    def name(self) -> str:
        """See above."""

    @property
    def family(self) -> str:
        """See above."""

    @property
    def files(self) -> Files:
        """See above."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """See above."""

    def damaged(self, kind: str, others: Sequence["Seed"], rng: Random) -> Files:
        """The files with damage of one kind, which may take parts of `others`."""

    def read(self, files: Files, rng: Random) -> str:
        """Read damaged files in one of the ways there are; the outcome is a name. A fault is any exception."""


def named(seeds: Sequence[Seed], words: Sequence[str]) -> list[Seed]:
    """Seeds whose names have one of these `words`; all without any."""
    return [seed for seed in seeds if not words or any(word in seed.name for word in words)]
