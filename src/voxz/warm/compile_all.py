"""Compile every kernel before it is needed: for images of containers, clusters, and the first file of a day.

Kernels compile when they are first called with arguments of some types. `compile_all` therefore codes and decodes small volumes
in all the ways that there are (`voxz.warm.ways`). What is compiled then lies in the folders of `voxz.jit.cache`. Several
processes may share the work: they begin at both ends of the list, where kernels differ most, and where two need the same, one
waits.
"""

import functools

from voxz.pipeline.samples import Progress
from voxz.warm.processes import in_processes
from voxz.warm.ways import Job, ways


def compile_all(progress: Progress | None = None, processes: int = 1) -> None:
    """Compile what reading and writing use, telling `progress` how many of the jobs are done.

    Of two processes each takes up to 660 MiB of memory (measured); one is this process, and takes about 1,000.
    """
    report = progress or (lambda done, total: None)
    jobs = len(_jobs())
    if processes > 1:
        in_processes(_work, jobs, processes, report)
    else:
        for turn in range(jobs):
            report(turn, jobs)
            _work(turn)
    report(jobs, jobs)


@functools.cache
def _jobs() -> list[Job]:
    return list(ways())


def _work(turn: int) -> None:
    """Do a job: the first, the last, the second, the last but one, and so on."""
    half = turn // 2
    _jobs()[-1 - half if turn % 2 else half]()
