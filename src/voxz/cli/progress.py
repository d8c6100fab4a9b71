"""A progress bar on standard error, on a terminal only."""

import contextlib
import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from voxz.pipeline.samples import Progress


@dataclass(frozen=True)
class Shown:
    """A bar to report progress to, by calling it, and to put words beside."""

    update: Progress
    say: Callable[[str], None]

    def __call__(self, done: int, total: int) -> None:
        """Move the bar."""
        self.update(done, total)


@contextlib.contextmanager
def shown(title: str, *, counts: bool = False, wanted: bool = True) -> Iterator[Shown | None]:
    """Give a function to report progress to, or None where nobody looks or wants it; progress is in bytes, or `counts`."""
    if not wanted or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415 - start-up time

    from voxz.cli.bar import line  # noqa: PLC0415

    console = Console(stderr=True)
    with line(console, counts=counts) as bar, _told(lambda words: console.print(words, highlight=False, markup=False)):
        task = bar.add_task(title)

        def say(words: str) -> None:
            bar.update(task, description=f"{title}: {words}" if words else title)

        yield Shown(lambda done, total: bar.update(task, completed=done, total=total), say)


@contextlib.contextmanager
def _told(show: Callable[[str], None]) -> Iterator[None]:
    """Show what the library logs meanwhile, a line each: that kernels are compiled."""

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            show(f"voxz: {record.getMessage()}")

    logger, lines = logging.getLogger("voxz"), Lines()
    level = logger.level
    logger.addHandler(lines)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(lines)
        logger.setLevel(level)
