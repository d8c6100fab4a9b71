"""The line of a progress bar: it stays one line on any terminal, and names stand in it as they are."""

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    Task,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Column
from rich.text import Text


class _Words(TextColumn):
    """What is at work, in the room that figures leave; square brackets in names are no markup."""

    def __init__(self) -> None:
        super().__init__("{task.description}", markup=False, table_column=Column(ratio=1))

    def render(self, task: Task) -> Text:
        """The words, which do not wrap."""
        words = super().render(task)
        words.no_wrap, words.overflow = True, "ellipsis"
        return words


def line(console: Console, *, counts: bool = False, speed: bool = True, width: int = 20) -> Progress:
    """A bar on `console` that counts bytes, or things; `width` of the bar itself, in columns."""

    def whole() -> Column:
        return Column(no_wrap=True)

    amounts = [MofNCompleteColumn(table_column=whole())] if counts else [DownloadColumn(table_column=whole())]
    speeds = [TransferSpeedColumn(table_column=whole())] if speed and not counts else []
    figures = [BarColumn(width, table_column=whole()), *amounts, *speeds, TimeRemainingColumn(table_column=whole())]
    return Progress(_Words(), *figures, console=console, transient=True, expand=True)
