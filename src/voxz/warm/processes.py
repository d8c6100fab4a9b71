"""Numbered jobs, shared out among processes: for what threads cannot do at once, such as compiling."""

import contextlib
import multiprocessing
import signal
from collections.abc import Callable, Iterator
from multiprocessing.connection import wait
from typing import Any

INTERVAL = 0.2
"""Seconds between two reports of progress."""


def in_processes(work: Callable[[int], None], jobs: int, processes: int, progress: Callable[[int, int], None]) -> None:
    """Call ``work(job)`` for each job once; `work` is a function of a module, and an error in it ends all with RuntimeError.

    Each process takes the first job that none has taken. An interruption ends them at once.
    """
    context = multiprocessing.get_context("spawn")
    taken, done = context.Value("i", 0), context.Value("i", 0)
    workers = [context.Process(target=_serve, args=(work, jobs, taken, done), daemon=True) for _ in range(processes)]
    try:
        with _deaf():
            for worker in workers:
                worker.start()
        running = list(workers)
        while running:
            wait([worker.sentinel for worker in running], INTERVAL)
            progress(done.value, jobs)
            running = [worker for worker in running if worker.is_alive()]
            if any(worker.exitcode for worker in workers):
                raise RuntimeError("a process ended before its work was done")
    finally:
        for worker in workers:
            if worker.pid:
                worker.terminate()


def _serve(work: Callable[[int], None], jobs: int, taken: Any, done: Any) -> None:
    while True:
        with taken.get_lock():
            job = taken.value
            taken.value += 1
        if job >= jobs:
            return
        work(job)
        with done.get_lock():
            done.value += 1


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """Processes that start meanwhile do not hear Ctrl-C, which the terminal sends to all: this one ends them."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
