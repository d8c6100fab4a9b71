"""What the pipeline asks of a source of samples, and of whoever watches."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from voxz.volume.layout import Foreign, Layout

if TYPE_CHECKING:
    from voxz.io.gzip_members import Repacking

Progress = Callable[[int, int], None]
"""Called with the bytes of samples done and their total."""


def part_of(progress: Progress | None, number: int, parts: int) -> Progress | None:
    """Progress of one of several passes of equal length."""
    if progress is None:
        return None
    return lambda done, total: progress(number * total + done, parts * total)


@runtime_checkable
class Told(Protocol):
    """Progress that takes words, too."""

    def say(self, words: str) -> None:
        """Show these words beside the progress; none to take them away."""


class SampleReader(Protocol):
    """Where samples come from, in memory order."""

    layout: Layout

    def read_samples(self, length: int) -> bytes:
        """Return the next `length` bytes."""


class Samples(SampleReader, Protocol):
    """A volume, and what lay around its samples."""

    foreign: Foreign

    def read_tail(self) -> bytes:
        """Return what follows the samples."""

    def gzip(self) -> "Repacking | None":
        """After the tail: how the content becomes a .gz file again; None if it was none."""
