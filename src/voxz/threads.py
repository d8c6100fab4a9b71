"""A thread pool that keeps order and bounds what is in flight. Kernels release the global lock, so threads are enough."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from voxz.errors import UsageError

if TYPE_CHECKING:
    from concurrent.futures import Future

Item = TypeVar("Item")
Result = TypeVar("Result")


def thread_count(threads: int | None) -> int:
    """`threads`, or as many as the CPUs this process may use."""
    if threads is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if threads < 1:
        raise UsageError(f"threads must be 1 or more (got {threads})")
    return threads


BRIEF = 1 << 18
"""Volumes of at most this many samples take the slowest codec about a second."""


def map_ordered(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    threads: int,
    samples: int | None = None,
    last: "Last[Item] | None" = None,
) -> Iterator[Result]:
    """Results of ``work(item)`` in the order of `items`, of which at most ``2 * threads + 1`` are taken ahead.

    One thread takes none ahead. Also that one is not the caller's, which thus can be interrupted while it waits. Only where all
    items together have so few `samples` that nobody needs to (`BRIEF`), the caller does the work: it ends sooner than threads
    start. The `last` items may begin in another order.
    """
    if samples is not None and samples <= BRIEF:
        yield from map(work, items)
        return
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - start-up time

    ahead = 2 * threads if threads > 1 else 0
    pending: deque[tuple[Item, Future[Result]]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for number, item in enumerate(items, 1):
            pending.append((item, pool.submit(work, item)))
            if last is not None and number == last.count and threads > 1:
                pending = last.heaviest_first(pending, lambda item: pool.submit(work, item))
            if len(pending) > ahead:
                yield pending.popleft()[1].result()
        while pending:
            yield pending.popleft()[1].result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # an interruption does not wait for bricks nobody wants any more


@dataclass(frozen=True)
class Last(Generic[Item]):
    """How the last of `count` items begin: heaviest first, by their `weight`.

    Before all are taken, no thread is without work, whatever the order; then an item that takes long and begins last would keep
    one thread while the others have nothing left.
    """

    count: int
    weight: Callable[[Item], float]

    def heaviest_first(
        self, pending: "deque[tuple[Item, Future[Result]]]", begin: "Callable[[Item], Future[Result]]"
    ) -> "deque[tuple[Item, Future[Result]]]":
        """The same items in the same places; those that have not begun `begin` anew, the heaviest first."""
        waiting = [(place, item) for place, (item, future) in enumerate(pending) if future.cancel()]
        found = list(pending)
        for place, item in sorted(waiting, key=lambda one: -self.weight(one[1])):
            found[place] = item, begin(item)
        return deque(found)
