"""The way of `voxz.compress` through the codec siren: log, progress, and a fit that can be interrupted."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from voxz.codecs.siren.options import Siren
from voxz.pipeline.plan import Coded, Plan
from voxz.pipeline.samples import Progress, Told
from voxz.ratecontrol.goals import BitsGoal, PsnrGoal
from voxz.ratecontrol.planning import Fit
from voxz.ratecontrol.step_search import Trial
from voxz.train.need_torch import need_torch
from voxz.train.siren.checkpoint import Memory
from voxz.train.siren.fit_volume import fit_volume, task_of_volume
from voxz.train.siren.journal import Journal
from voxz.train.siren.log_plot import log_png

SUFFIX = ".fit"
"""Behind the name of the output: the file in which an unfinished fit is kept."""


@contextmanager
def fitting(codec: Siren, threads: int, destination: str | os.PathLike[str], progress: Progress | None) -> Iterator[Fit]:
    """Give the function that fits a volume; when all that follows went well, what was kept for going on is deleted."""
    torch = need_torch("the codec siren")
    name = os.fspath(destination)
    checkpoint = None if name == "-" else name + SUFFIX
    memories: list[Memory] = []

    def fit(trial: Trial, plan: Plan, goal: PsnrGoal | BitsGoal | None) -> tuple[Coded, ...]:
        total = sum(brick.nbytes for brick in trial.bricks)

        def report(share: float, words: str) -> None:
            if progress is not None:
                progress(round(share * total), total)
            if isinstance(progress, Told):
                progress.say(words)

        with ExitStack() as stack:
            log = stack.enter_context(Path(codec.log).open("a", encoding="utf-8")) if codec.log else None
            journal = Journal(report, log, entries=[] if codec.log_plot else None)
            before = torch.get_num_threads()
            stack.callback(torch.set_num_threads, before)
            torch.set_num_threads(threads)
            memory = Memory(checkpoint, task_of_volume(trial, plan, codec))
            try:
                bricks = fit_volume(trial, plan, goal, codec, memory, journal)
            except KeyboardInterrupt:
                if checkpoint is not None and Path(checkpoint).exists():
                    raise KeyboardInterrupt(f"the same command goes on from {checkpoint}, which you may delete") from None
                raise
        memories.append(memory)
        if codec.log_plot:
            Path(codec.log_plot).write_bytes(log_png(journal.entries or []))
        if isinstance(progress, Told):
            progress.say("")
        return bricks

    yield fit
    for memory in memories:
        memory.forget()
