"""What the pipeline asks of a source of samples, and of whoever watches."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from voxz.volume.layout import Foreign, Layout

Progress = Callable[[int, int], None]
"""Called with the bytes of samples done and their total."""


@runtime_checkable
class Told(Protocol):
    """Progress that takes words, too."""

    def say(self, words: str) -> None:
        """Show these words beside the progress; none to take them away."""


class Samples(Protocol):
    """Where samples come from, in memory order, and what lay around them."""

    layout: Layout
    foreign: Foreign

    def read_samples(self, length: int) -> bytes:
        """Return the next `length` bytes."""

    def read_tail(self) -> bytes:
        """Return what follows the samples."""

    def gzip_level(self) -> int | None:
        """Return the level at which canonical gzip gives the very original, or None."""

    def checksums(self) -> tuple[bytes, bytes]:
        """Return the SHA-256 of the samples and of the whole uncompressed data file."""
