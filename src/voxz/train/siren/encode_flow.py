"""The flow of `voxz.compress` through the codec siren: log, progress, and a fit that can be interrupted."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from voxz.codecs.siren.options import Siren
from voxz.pipeline.plan import Plan
from voxz.pipeline.samples import Progress, Told
from voxz.ratecontrol.planning import Opener
from voxz.ratecontrol.target import Target
from voxz.train.need_torch import need_torch
from voxz.train.siren.fit_volume import fit_plan
from voxz.train.siren.journal import Journal
from voxz.train.siren.log_plot import log_png

SUFFIX = ".fit"
"""Behind the name of the output: the file in which an unfinished fit is kept."""


@contextmanager
def fitted(
    target: Target,
    opened: Opener,
    level: int,
    threads: int,
    codec: Siren,
    destination: str | os.PathLike[str],
    progress: Progress | None,
) -> Iterator[Plan]:
    """Plan of a fitted volume; when all that follows went well, what was kept for going on is deleted."""
    need_torch("the codec siren")
    name = os.fspath(destination)
    checkpoint = None if name == "-" else name + SUFFIX
    with opened() as samples:
        total = samples.layout.nbytes

    def report(share: float, words: str) -> None:
        if progress is not None:
            progress(round(share * total), total)
        if isinstance(progress, Told):
            progress.say(words)

    with ExitStack() as stack:
        log = stack.enter_context(Path(codec.log).open("a", encoding="utf-8")) if codec.log else None
        journal = Journal(report, log, entries=[] if codec.log_plot else None)
        try:
            plan, memory = fit_plan(target, opened, level, codec, threads, checkpoint, journal)
        except KeyboardInterrupt:
            if checkpoint is not None and Path(checkpoint).exists():
                raise KeyboardInterrupt(f"the same command goes on from {checkpoint}, which you may delete") from None
            raise
        if codec.log_plot:
            Path(codec.log_plot).write_bytes(log_png(journal.entries or []))
        if isinstance(progress, Told):
            progress.say("")
        yield plan
        memory.forget()
