"""What a fit tells while it runs: progress for a terminal, and a line of JSON for each report in a log."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TextIO

Report = Callable[[float, str], None]
"""Called with the share of the work that is done, and words for a person."""


@dataclass
class Journal:
    """Where reports go.

    Attributes
    ----------
    report : gets the share that is done and some words; None where nobody looks
    log : gets one line of JSON a report; None for no log
    entries : gets every report as well; None where nobody asks for them
    first, last : shares of the whole work at the start and the end of the present piece
    """

    report: Report | None = None
    log: TextIO | None = None
    first: float = 0.0
    last: float = 1.0
    entries: list[dict[str, Any]] | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    def part(self, number: int, parts: int, **facts: Any) -> "Journal":
        """Journal of one of several pieces of equal length."""
        width = (self.last - self.first) / parts
        first = self.first + number * width
        return Journal(self.report, self.log, first, first + width, self.entries, {**self.facts, **facts}, self.started)

    def tell(self, share: float, words: str, **facts: Any) -> None:
        """Report that this share of the piece is done."""
        if self.report is not None:
            self.report(self.first + share * (self.last - self.first), words)
        entry = {"seconds": round(time.monotonic() - self.started, 3), **self.facts, **facts, "what": words}
        if self.entries is not None:
            self.entries.append(entry)
        if self.log is not None:
            self.log.write(json.dumps(entry) + "\n")
            self.log.flush()
