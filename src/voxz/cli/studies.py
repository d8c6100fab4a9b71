"""Whole trees at the command line: one line of progress for all of it, one summary at the end, failures by name."""

import dataclasses
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from voxz.cli.batch import BATCH_FAILED, QUIET, VERBOSE, InterruptedBatchError
from voxz.cli.text import printable, size_text
from voxz.errors import UsageError
from voxz.studies.bids import derivative_units, describe, refuse_loss
from voxz.studies.estimate import estimate
from voxz.studies.manifest import DONE, FAILED, MANIFEST, Manifest, Record
from voxz.studies.plan import Choice, Unit, plan
from voxz.studies.run import Executor, Outcome, compress_study, on_threads, restore_study, verify_study
from voxz.studies.work import Wish
from voxz.threads import thread_count

_LISTED = 20
"""Failures that are named; the manifest has all."""


@dataclasses.dataclass(frozen=True)
class Tale:
    """How much is told: see `voxz.cli.batch`; as JSON if wanted."""

    talk: int
    as_json: bool = False


def compress_tree(
    inputs: list[str],
    output: str | None,
    wish: Wish,
    choice: Choice,
    *,
    threads: int | None,
    cluster: str | None,
    pack_rest: bool,
    dry_run: bool,
    derivative: str | None,
    tale: Tale,
) -> None:
    """`voxz compress -r`."""
    tree, out = _folders(inputs, output)
    count = thread_count(threads)
    beside = out.resolve() == tree.resolve()
    known = list(Manifest(out))
    made = [tree / record.destination for record in known] if beside else [out.absolute()]
    units = plan(tree, choice, count, pack_rest=pack_rest, leave_out=set(made))
    if beside:
        units = [unit for unit in units if unit.kind in ("image", "archive")]
    data_set = None
    if derivative is None:
        refuse_loss(tree, units, wish.target)
    else:
        if beside or wish.remove or pack_rest:
            raise UsageError("a derivative is a data set of its own; give -o another folder, and leave out --rm and --pack-rest")
        data_set, units = derivative_units(tree, units, derivative, wish.target)
    if not units and not any(record.outcome == DONE for record in known):
        raise UsageError(f"there is nothing to compress in {tree}; give a folder that has files, or other patterns")
    if dry_run:
        _tell_estimate(units, tree, wish, count, tale)
        return
    if any(unit.format == "dicom" for unit in units) and tale.talk != QUIET:
        typer.echo("voxz: warning: DICOM files may tell who a person is; all of it is kept, nothing is removed", err=True)
    for unit in units:
        if unit.fault and tale.talk != QUIET:
            typer.echo(f"voxz: warning: {tree / unit.sources[0]}: {unit.fault}; kept as plain bytes", err=True)
    with _shown("compress", tale) as watch, _executor(cluster, count) as executor:
        outcome = compress_study(units, tree, out, wish, executor, watch, again=wish.force, split=cluster is not None)
    if data_set is not None and derivative is not None:
        describe(data_set, out, units, derivative, force=wish.force)
    _tell(outcome, "compressed", out / MANIFEST, tale)


def decompress_tree(
    inputs: list[str], output: str | None, force: bool, threads: int | None, cluster: str | None, tale: Tale
) -> None:
    """`voxz decompress -r`."""
    source, tree = _folders(inputs, output)
    with _shown("decompress", tale) as watch, _executor(cluster, thread_count(threads)) as executor:
        outcome = restore_study(source, tree, force, executor, watch)
    _tell(outcome, "restored", None, tale)


def verify_tree(inputs: list[str], threads: int | None, cluster: str | None, tale: Tale) -> None:
    """`voxz verify -r`."""
    source, _ = _folders(inputs, None)
    with _shown("verify", tale) as watch, _executor(cluster, thread_count(threads)) as executor:
        outcome = verify_study(source, executor, watch)
    _tell(outcome, "verified", None, tale)


def _folders(inputs: list[str], output: str | None) -> tuple[Path, Path]:
    if len(inputs) != 1 or not Path(inputs[0]).is_dir():
        raise UsageError("-r takes one folder; give the folder that all files lie in")
    if output is not None and Path(output).exists() and not Path(output).is_dir():
        raise UsageError(f"{output} is a file; -r needs a folder as output")
    return Path(inputs[0]), Path(inputs[0] if output is None else output)


@contextmanager
def _executor(cluster: str | None, threads: int) -> Iterator[Executor]:
    try:
        if cluster is None:
            yield on_threads(threads)
            return
        from voxz.studies.cluster import on_cluster  # noqa: PLC0415 - an extra

        with on_cluster(cluster) as executor:
            yield executor
    except KeyboardInterrupt:
        raise InterruptedBatchError("the same command goes on from here") from None


def _tell_estimate(units: list[Unit], tree: Path, wish: Wish, threads: int, tale: Tale) -> None:
    guess = estimate(units, tree, wish, threads)
    if tale.as_json:
        typer.echo(json.dumps(dataclasses.asdict(guess), indent=2))
        return
    typer.echo(
        f"{guess.compressed:,} files to compress, {guess.kept:,} to keep as they are, {size_text(guess.read)} => "
        f"about {size_text(guess.written)} ({_share(guess.written, guess.read)}), about {_span(guess.seconds)} on this machine "
        f"(from {guess.tried} samples)"
    )


def _tell(outcome: Outcome, verb: str, manifest: Path | None, tale: Tale) -> None:
    """One line about all, with sizes if there is a manifest, and the failures; exit with 4 if there are any."""
    if tale.as_json:
        told = {**dataclasses.asdict(outcome), "failed": [dataclasses.asdict(record) for record in outcome.failed]}
        typer.echo(json.dumps(told, indent=2))
    elif tale.talk != QUIET:
        parts = [f"{outcome.done:,} files"]
        if outcome.done and manifest:
            sizes = f"{size_text(outcome.read)} => {size_text(outcome.written)}"
            parts.append(f"{sizes} ({_share(outcome.written, outcome.read)}) in {_span(outcome.seconds)}")
        elif outcome.done:
            parts.append(f"{verb} in {_span(outcome.seconds)}")
        if outcome.before:
            parts.append(f"{outcome.before:,} done before")
        if outcome.failed:
            see = f": see {manifest}" if manifest else ""
            parts.append(f"{sum(record.files for record in outcome.failed):,} failed{see}")
        typer.echo(", ".join(parts), err=True)
    for record in outcome.failed[:_LISTED]:
        typer.echo(f"voxz: {printable(record.source)}: {printable(record.error)}", err=True)
    if len(outcome.failed) > _LISTED:
        typer.echo(f"voxz: ... and {len(outcome.failed) - _LISTED} more", err=True)
    if outcome.failed:
        raise typer.Exit(BATCH_FAILED)


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{seconds:.1f} s"


class _Quiet:
    """Nobody watches."""

    def start(self, files: int, size: int) -> None:
        """Say nothing."""

    def part(self, record: Record, done: int, total: int) -> None:
        """Say nothing."""

    def end(self, record: Record) -> None:
        """Say nothing."""


class _Lines(_Quiet):
    """A line for each unit."""

    def end(self, record: Record) -> None:
        """Say what became of it."""
        if record.outcome != FAILED:
            sizes = f"{record.size:,} => {record.written:,} bytes" if record.written else "ok"
            typer.echo(f"{printable(record.source)}: {sizes}", err=True)


class _Bar(_Quiet):
    """One line for the whole: bytes of the units that are done, and of the parts of those at work."""

    def __init__(self, title: str, bar: Any) -> None:
        self._title, self._bar, self._task = title, bar, bar.add_task(title)
        self._files = self._of = self._read = self._written = 0
        self._parts: dict[str, float] = {}
        self._began = time.monotonic()

    def start(self, files: int, size: int) -> None:
        """Begin with nothing done."""
        self._of = files
        self._bar.update(self._task, total=max(1, size))

    def part(self, record: Record, done: int, total: int) -> None:
        """Move on within a unit."""
        self._parts[record.destination] = record.size * done / max(1, total)
        self._show(record.source)

    def end(self, record: Record) -> None:
        """Count a unit."""
        self._parts.pop(record.destination, None)
        self._files += record.files
        self._read += record.size
        self._written += record.written
        self._show(record.source)

    def _show(self, name: str) -> None:
        done = self._read + sum(list(self._parts.values()))
        speed = done / max(1e-3, time.monotonic() - self._began)
        sizes = f" => {size_text(self._written)} ({_share(self._written, self._read)})" if self._written else ""
        text = f"{self._title} {self._files:,}/{self._of:,} files{sizes} {size_text(speed)}/s {printable(name)[-40:]}"
        self._bar.update(self._task, completed=done, description=text)


@contextmanager
def _shown(title: str, tale: Tale) -> Iterator[_Quiet]:
    if tale.talk == VERBOSE:
        yield _Lines()
        return
    if tale.talk == QUIET or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield _Quiet()
        return
    from rich.console import Console  # noqa: PLC0415 - start-up time

    from voxz.cli.bar import line  # noqa: PLC0415

    with line(Console(stderr=True), speed=False, width=8) as bar:
        yield _Bar(title, bar)
