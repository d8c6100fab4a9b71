"""A study on the workers of Dask distributed (https://distributed.dask.org), which must see the same folders as this process.

A unit is a task, on one thread; of a large image, parts are tasks of their own, which the image's own waits for. What travels is
paths and options, never samples. Where a worker dies, its tasks go to others; what it left unfinished has no name yet, and
whoever writes the file next removes it.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from voxz.errors import MissingDependencyError, UsageError, VoxzError
from voxz.io.original import NotAnImageError
from voxz.studies.manifest import FAILED, Record
from voxz.studies.run import Begin, Executor, Task, Work

if TYPE_CHECKING:
    from dask.distributed import Client, Future

LOCAL = "local"

_WORKERS = ("jobs", "processes")

_QUEUES = {
    "slurm": "SLURMCluster",
    "pbs": "PBSCluster",
    "sge": "SGECluster",
    "lsf": "LSFCluster",
    "oar": "OARCluster",
    "htcondor": "HTCondorCluster",
}
"""Classes of dask-jobqueue."""

_AHEAD = 4
"""Tasks for each thread of the cluster that are handed out ahead."""


@contextlib.contextmanager
def on_cluster(address: str) -> Iterator[Executor]:
    """Executor on a cluster of Dask.

    Parameters
    ----------
    address : of a scheduler (``tcp://host:8786``); ``local:4`` for so many processes of this machine; ``slurm:20`` for so many
        jobs of a queue, as the user's own ``jobqueue.yaml`` of dask-jobqueue describes them (also pbs, sge, lsf, oar, htcondor)

    Raises
    ------
    MissingDependencyError
        dask, distributed or, for a queue, dask-jobqueue is not installed.
    UsageError
        There is no scheduler, or the queue takes no jobs.
    """
    try:
        from dask.distributed import Client, LocalCluster, as_completed  # noqa: PLC0415 - an extra
    except ImportError:
        raise MissingDependencyError("--cluster needs dask and distributed: pip install 'voxz[dask]'") from None
    kind, _, count = address.partition(":")
    with contextlib.ExitStack() as stack:
        place: Any = address
        if kind in (LOCAL, *_QUEUES):
            if not count.isdigit() or not int(count):
                raise UsageError(
                    f"--cluster {kind}: needs a number of {_WORKERS[kind == LOCAL]}, such as {kind}:4 (got {address})"
                )
            if kind == LOCAL:
                place = stack.enter_context(LocalCluster(n_workers=int(count), threads_per_worker=1, dashboard_address=":0"))
            else:
                place = stack.enter_context(_jobs(kind, int(count)))
        try:
            client = stack.enter_context(Client(place, timeout="10s"))
        except (OSError, ValueError) as error:
            raise UsageError(f"there is no Dask scheduler at {address} ({error}); start one, or leave out --cluster") from None
        yield lambda tasks, begin, watch: _results(client, as_completed, tasks, begin)


def _jobs(kind: str, count: int) -> Any:
    """A cluster of jobs of a queue."""
    try:
        import dask_jobqueue  # noqa: PLC0415 - an extra
    except ImportError:
        raise MissingDependencyError(f"--cluster {kind} needs dask-jobqueue: pip install 'voxz[dask]' dask-jobqueue") from None
    try:
        cluster = getattr(dask_jobqueue, _QUEUES[kind])()
        cluster.scale(jobs=count)
    except (OSError, ValueError, RuntimeError) as error:
        raise UsageError(
            f"no job could be described for {kind} ({error}); say cores, memory and walltime in ~/.config/dask/jobqueue.yaml"
        ) from None
    return cluster


def _results(client: "Client", as_completed: Any, tasks: Sequence[Task], begin: Begin) -> Iterator[Record]:
    """Results of all tasks; as many are handed out ahead as keep all workers busy, also those that come later."""
    waiting, handed = iter(tasks), {}

    def submitted(task: Task, parts: Sequence["Future"]) -> "Future":
        future = client.submit(_done, task.work, list(parts), pure=False)
        handed[future.key] = task, bool(parts)
        return future

    def hand_out() -> Iterator["Future"]:
        ahead = _AHEAD * max(1, sum(client.nthreads().values()))
        while len(handed) < ahead and (task := next(waiting, None)) is not None:
            begin(task.record)
            yield submitted(task, [client.submit(_tried, part, pure=False) for part in task.parts])

    running = as_completed(list(hand_out()))
    for future in running:
        task, had_parts = handed.pop(future.key)
        fault = future.exception() if future.status == "error" else None
        if fault is not None and had_parts:
            running.add(submitted(task, []))  # a part that cannot be made is no fault of the whole
            continue
        yield future.result() if fault is None else replace(task.record, outcome=FAILED, error=f"{type(fault).__name__}: {fault}")
        for following in hand_out():
            running.add(following)


def _done(work: Work, parts: list[None]) -> Record:
    """The work of a unit, after that of its parts."""
    del parts
    return work(1, None)


def _tried(part: Callable[[], None]) -> None:
    """Make a part; without it, who joins makes it, and knows better what is wrong."""
    with contextlib.suppress(VoxzError, OSError, NotAnImageError):
        part()
