"""One input after the other: progress, one line of success or failure each, and the exit code of the whole."""

import contextlib
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import typer

from voxz.cli.destinations import STREAM, Job
from voxz.cli.error_line import report
from voxz.cli.progress import Shown, shown
from voxz.errors import UsageError, VoxzWarning

BATCH_FAILED = 4

QUIET, NORMAL, VERBOSE = 0, 1, 2
"""How much is said: failures only; also warnings and, on a terminal, successes; successes everywhere."""


class InterruptedBatchError(Exception):
    """An interruption on its way past typer, which would forget its words."""


def run_batch(jobs: Sequence[Job], verb: str, work: Callable[[Job, Shown | None], str | None], talk: int = NORMAL) -> None:
    """Do all jobs and say what `work` says of each; report each failure; exit with its code, or 4 if it is one of several."""
    codes = []
    written: set[tuple[int, int]] = set()
    for job in jobs:
        try:
            _refuse_hopeless(job, written)
            with shown(f"{verb} {job.source}", wanted=talk != QUIET) as progress, warnings_at(talk):
                words = work(job, progress)
            written |= _identity(job.destination)
            if words and (talk == VERBOSE or (talk == NORMAL and sys.stderr.isatty())):
                typer.echo(f"{job.source}: {words}", err=True)
            codes.append(0)
        except KeyboardInterrupt as stop:
            raise InterruptedBatchError(*stop.args) from None
        except BrokenPipeError:
            raise  # whoever read standard output has gone: nobody is left to tell
        except Exception as error:
            codes.append(report(error, job.source))
    failed = [code for code in codes if code]
    if failed:
        raise typer.Exit(failed[0] if len(jobs) == 1 else BATCH_FAILED)


def talk_of(quiet: bool, verbose: bool) -> int:
    """How much the options ask for."""
    if quiet and verbose:
        raise UsageError("-q and -v exclude each other; leave one out")
    return QUIET if quiet else VERBOSE if verbose else NORMAL


def make_folders(jobs: Sequence[Job]) -> None:
    """Make the output folders that are not there, once all destinations are known."""
    for job in jobs:
        if job.in_folder:
            Path(job.destination).parent.mkdir(parents=True, exist_ok=True)


def _identity(path: str) -> set[tuple[int, int]]:
    """What a file is, whatever its name: names may differ by case only, or be links."""
    try:
        status = Path(path).stat()
    except OSError:
        return set()
    return {(status.st_dev, status.st_ino)}


def _refuse_hopeless(job: Job, written: set[tuple[int, int]]) -> None:
    if job.fault is not None:
        raise job.fault
    if job.destination != STREAM and Path(job.destination).is_file() and _identity(job.destination) & written:
        raise UsageError(f"{job.destination} was written for another input of this run; give another output with -o")


@contextlib.contextmanager
def warnings_at(talk: int) -> Iterator[None]:
    """Say each warning about a file, also one like the last, or none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if talk == QUIET else "always", VoxzWarning)
        yield
