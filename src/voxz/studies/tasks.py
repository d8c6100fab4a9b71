"""A study as tasks that other programs start: xargs, job arrays, Snakemake, Nextflow.

`write_tasks` settles what is to be done, and writes it down in the folder `TASKS` of the output; `run_task` does one task and
writes down what became of it, a file each, so that tasks may run anywhere at once; `collect` puts that into the manifest. A task
that is run again does no harm. As in a manifest, no path that leads out of the folders is taken.
"""

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from voxz.api import check_level
from voxz.errors import CorruptError, UsageError
from voxz.io.output import complete_file
from voxz.studies.manifest import FAILED, Manifest, Record, is_inside, record_of_line
from voxz.studies.plan import Unit
from voxz.studies.run import Outcome, pending
from voxz.studies.work import Wish, compress_unit, record_of

TASKS = ".voxz-tasks"
_PLAN = "plan.jsonl"


def write_tasks(units: Sequence[Unit], tree: Path, out: Path, wish: Wish, count: int | None = None) -> list[list[Unit]]:
    """Write down what is to be done: a task a unit, or at most `count` tasks of nearly as many bytes each.

    `wish` is without loss: level and `force` are written down, nothing else. What earlier tasks told is collected first.

    Raises
    ------
    UsageError
        Another voxz is at work on the output.
    """
    if (out / TASKS).exists():
        collect(out)
    out.mkdir(parents=True, exist_ok=True)
    manifest = Manifest(out)
    with manifest.alone():
        found = list(pending(units, tree, out, wish, manifest, Outcome()))
        tasks = _balanced(found, count)
        lines: list[Any] = [{"tree": os.path.abspath(tree), "level": wish.level}]  # noqa: PTH100 - links are kept
        lines += [[asdict(unit) | {"force": force} for unit, force in task] for task in tasks]
        (out / TASKS).mkdir(exist_ok=True)
        with complete_file(out / TASKS / _PLAN, force=True) as file:
            file.write("".join(json.dumps(line) + "\n" for line in lines).encode())
    return [[unit for unit, _ in task] for task in tasks]


def _balanced(units: list[tuple[Unit, bool]], count: int | None) -> list[list[tuple[Unit, bool]]]:
    """Units, the largest first, each given to the task with the fewest bytes."""
    tasks: list[list[tuple[Unit, bool]]] = [[] for _ in range(min(count or len(units), len(units)))]
    sizes = [0] * len(tasks)
    for unit, force in units:
        least = sizes.index(min(sizes)) if count else sum(map(bool, tasks))
        tasks[least].append((unit, force))
        sizes[least] += unit.size + (1 << 16)
    return tasks


def run_task(out: Path, number: int, threads: int) -> list[Record]:
    """Do a task, counted from 0, and write down what became of its units.

    `UsageError` if there is no such task.
    """
    head, tasks = _read_plan(out)
    if not 0 <= number < len(tasks):
        raise UsageError(f"{out} has tasks 0 to {len(tasks) - 1} (got {number}); make them with python -m voxz.studies plan")
    wish, done = Wish(level=head["level"]), []
    for unit, force in tasks[number]:
        done.append(compress_unit(unit, Path(head["tree"]), out, replace(wish, force=force), threads))
    with complete_file(out / TASKS / f"{number}.jsonl", force=True) as file:
        file.write("".join(json.dumps(asdict(record)) + "\n" for record in done).encode())
    return done


def collect(out: Path) -> Outcome:
    """Put what all tasks told into the manifest; those that have not been run are failures. Then the tasks are no more."""
    _, tasks = _read_plan(out)
    manifest, outcome = Manifest(out), Outcome()
    with manifest.alone():
        for number, task in enumerate(tasks):
            told = out / TASKS / f"{number}.jsonl"
            records = [record_of_line(line) for line in told.read_bytes().splitlines()] if told.exists() else []
            known = {record.destination: record for record in records if record is not None}
            for unit, _ in task:
                missing = replace(record_of(unit), outcome=FAILED, error=f"task {number} did not end")
                record = known.get(unit.destination, missing)
                manifest.append(record)
                outcome.count(record)
        shutil.rmtree(out / TASKS)
    return outcome


def _read_plan(out: Path) -> tuple[dict[str, Any], list[list[tuple[Unit, bool]]]]:
    path = out / TASKS / _PLAN
    if not path.exists():
        raise UsageError(f"{out} has no tasks; make them with python -m voxz.studies plan TREE {out}")
    try:
        head, *lines = map(json.loads, path.read_bytes().splitlines())
        tasks = [[(_unit(told), bool(told["force"])) for told in line] for line in lines]
        head = {"tree": str(head["tree"]), "level": int(head["level"])}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise CorruptError(f"{path} is damaged; make the tasks again with python -m voxz.studies plan") from None
    check_level(head["level"])
    return head, tasks


def _unit(told: dict[str, Any]) -> Unit:
    """A unit, if its paths stay within the folders."""
    unit = Unit(**{**{name: value for name, value in told.items() if name != "force"}, "sources": tuple(told["sources"])})
    if not all(map(is_inside, (*unit.sources, unit.destination))):
        raise CorruptError(f"a task names {unit.destination!r}, which leads out of the folder; it is damaged or made to do harm")
    return unit
