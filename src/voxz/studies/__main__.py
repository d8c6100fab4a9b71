"""``python -m voxz.studies``: a study as tasks for xargs, job arrays, Snakemake and Nextflow (docs/studies.md)."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from voxz.api import DEFAULT_LEVEL, check_level
from voxz.errors import UsageError, VoxzError
from voxz.studies.manifest import FAILED, MANIFEST
from voxz.studies.plan import Choice, plan
from voxz.studies.tasks import collect, run_task, write_tasks
from voxz.studies.work import Wish
from voxz.threads import thread_count

_SOME_FAILED = 4


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit code is that of a batch."""
    parser = argparse.ArgumentParser(prog="python -m voxz.studies", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("plan", help="write down the tasks of a tree, and print the number of each, a line each")
    verb.add_argument("tree", type=Path)
    verb.add_argument("out", type=Path)
    verb.add_argument("--level", type=int, default=DEFAULT_LEVEL)
    verb.add_argument("--tasks", type=int, help="at most so many, of nearly as many bytes each; else one a file or archive")
    verb.add_argument("--include", action="append", default=[])
    verb.add_argument("--exclude", action="append", default=[])
    verb.add_argument("--names", action="store_true", help="print bytes and names, too")
    verb = verbs.add_parser("run", help="do tasks, by number")
    verb.add_argument("out", type=Path)
    verb.add_argument("numbers", type=int, nargs="+")
    verb.add_argument("--threads", type=int, default=1)
    verb = verbs.add_parser("collect", help="put what the tasks told into the manifest")
    verb.add_argument("out", type=Path)
    try:
        return _VERBS[(given := parser.parse_args(arguments)).verb](given)
    except VoxzError as error:
        print(f"voxz: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"voxz: {error.strerror}: {error.filename}", file=sys.stderr)
        return 1


def _plan(given: argparse.Namespace) -> int:
    check_level(given.level)
    if given.tasks is not None and given.tasks < 1:
        raise UsageError(f"--tasks must be 1 or more (got {given.tasks})")
    if not given.tree.is_dir() or given.tree.resolve() == given.out.resolve():
        raise UsageError(f"{given.tree} must be a folder, and {given.out} another one")
    choice = Choice(tuple(given.include), tuple(given.exclude))
    units = plan(given.tree, choice, thread_count(None), leave_out=[given.out.absolute()])
    for number, task in enumerate(write_tasks(units, given.tree, given.out, Wish(level=given.level), given.tasks)):
        names = f"\t{sum(unit.size for unit in task)}\t{' '.join(unit.destination for unit in task)}" if given.names else ""
        print(f"{number}{names}")
    return 0


def _run(given: argparse.Namespace) -> int:
    records = [record for number in given.numbers for record in run_task(given.out, number, given.threads)]
    failed = [record for record in records if record.outcome == FAILED]
    for record in failed:
        print(f"voxz: {record.source}: {record.error}", file=sys.stderr)
    return _SOME_FAILED if failed else 0


def _collect(given: argparse.Namespace) -> int:
    outcome = collect(given.out)
    failed = sum(record.files for record in outcome.failed)
    words = f", {failed} failed: see {given.out / MANIFEST}" if failed else ""
    print(f"{outcome.done} files, {outcome.read} => {outcome.written} bytes{words}", file=sys.stderr)
    return _SOME_FAILED if failed else 0


_VERBS = {"plan": _plan, "run": _run, "collect": _collect}

if __name__ == "__main__":
    sys.exit(main())
