"""A study on the workers of Dask distributed (https://distributed.dask.org), which must see the same folders as this process.

A unit is a task, on one thread; what travels is paths and options, never samples. Where a worker dies, its tasks go to others;
what it left unfinished has no name yet, and whoever writes the file next removes it.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from voxz.errors import MissingDependencyError, UsageError
from voxz.studies.manifest import FAILED, Record
from voxz.studies.run import Begin, Executor, Work

if TYPE_CHECKING:
    from dask.distributed import Client, Future

LOCAL = "local:"

_AHEAD = 4
"""Tasks for each thread of the cluster that are handed out ahead."""


@contextlib.contextmanager
def on_cluster(address: str) -> Iterator[Executor]:
    """Executor on the cluster of a scheduler (``tcp://host:8786``), or on so many processes of this machine (``local:4``).

    `MissingDependencyError` without dask and distributed, `UsageError` if there is no scheduler.
    """
    try:
        from dask.distributed import Client, LocalCluster, as_completed  # noqa: PLC0415 - an extra
    except ImportError:
        raise MissingDependencyError("--cluster needs dask and distributed: pip install 'voxz[dask]'") from None
    with contextlib.ExitStack() as stack:
        if address.startswith(LOCAL):
            count = address[len(LOCAL) :]
            if not count.isdigit() or not int(count):
                raise UsageError(f"--cluster local: needs a number of processes, such as local:4 (got {address})")
            place = stack.enter_context(LocalCluster(n_workers=int(count), threads_per_worker=1, dashboard_address=None))
        else:
            place = address
        try:
            client = stack.enter_context(Client(place, timeout="10s"))
        except (OSError, ValueError) as error:
            raise UsageError(f"there is no Dask scheduler at {address} ({error}); start one, or leave out --cluster") from None
        yield lambda tasks, begin, watch: _results(client, as_completed, tasks, begin)


def _results(client: "Client", as_completed: Any, tasks: Sequence[tuple[Record, Work]], begin: Begin) -> Iterator[Record]:
    """Results of all tasks; as many are handed out ahead as keep all workers busy."""
    waiting, records = iter(tasks), {}

    def hand_out() -> "Future | None":
        for record, work in waiting:
            begin(record)
            future = client.submit(work, 1, None, pure=False, retries=2)
            records[future.key] = record
            return future
        return None

    ahead = _AHEAD * max(1, sum(client.nthreads().values()))
    first = [future for _ in range(ahead) if (future := hand_out()) is not None]
    running = as_completed(first)
    for future in running:
        record = records.pop(future.key)
        fault = future.exception() if future.status == "error" else None
        yield future.result() if fault is None else replace(record, outcome=FAILED, error=f"its worker was lost: {fault}")
        if (following := hand_out()) is not None:
            running.add(following)
