"""The command ``voxz bench``."""

import contextlib
import importlib
import os
import platform
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voxz.bench.machine import processor
from voxz.cli.progress import shown
from voxz.errors import MissingDependencyError, UsageError, VoxzError
from voxz.threads import thread_count

if TYPE_CHECKING:
    from voxz.bench.bdrate import Window
    from voxz.bench.cells import Result
    from voxz.bench.run import RunOptions
    from voxz.bench.spec import Spec

_REFERENCE = "gzip"


def bench(
    data: Annotated[
        list[str] | None,
        typer.Argument(metavar="DATA...", help="Volumes, or folders of them: NIfTI, .npy, .voxz.", show_default=False),
    ] = None,
    codecs: Annotated[
        str, typer.Option(help="Specs such as voxz:level=5,jpegxl:effort=7,x265:qp=10/16/22, or presets; see --list.")
    ] = "lossless-default",
    out: Annotated[Path, typer.Option(help="Folder for results; what it has is not measured again.")] = Path("voxz-bench"),
    slices: Annotated[int | None, typer.Option(min=1, help="Measure only this many middle slices of each volume.")] = None,
    reference: Annotated[str | None, typer.Option(help="Codec to compare lossless sizes with; default gzip.")] = None,
    rates: Annotated[str | None, typer.Option(help="Bits/voxel of the anchor to compare lossy codecs in, as 0.1:1,1:6.")] = None,
    view: Annotated[float, typer.Option(help="Bits/voxel near which decoded images are shown.")] = 1.0,
    tasks: Annotated[bool, typer.Option("--tasks", help="Also errors of FA/MD, tSNR and HU of lossy codecs.")] = False,
    limit: Annotated[float, typer.Option(help="Seconds after which a codec is given up on a volume.")] = 1800.0,
    jobs: Annotated[int | None, typer.Option(min=1, help="Measurements at a time; default: the CPUs. 1 times best.")] = None,
    list_codecs: Annotated[bool, typer.Option("--list", help="List codecs with versions and options, and presets.")] = False,
) -> None:
    """Measure voxz and other codecs on your volumes: sizes, speeds, errors; tables, pictures and a page."""
    from voxz.bench.listing import listing  # noqa: PLC0415 - start-up time of the other commands
    from voxz.bench.report import Report  # noqa: PLC0415
    from voxz.bench.run import RunOptions, results_of  # noqa: PLC0415
    from voxz.bench.spec import parse  # noqa: PLC0415
    from voxz.bench.volumes import find  # noqa: PLC0415

    if list_codecs:
        typer.echo(listing())
        return
    if not data:
        raise UsageError("no volumes are named; name files or folders, see voxz bench --help")
    _need_extra()
    specs = parse(codecs)
    options = RunOptions(slices, limit, jobs or thread_count(None), tasks)
    compared = _reference(reference, [str(spec) for spec in specs])
    report = Report(
        out, "voxz bench", _notes(options, specs), reference=compared, rates=_windows(rates), bits=view, tasks=options.task_list
    )
    paths = find(data)
    out.mkdir(parents=True, exist_ok=True)
    with _progress() as tell:
        for volume, results in results_of(paths, specs, out / "cells", options, tell):
            report.add(volume, results, out / "cells")
    written = report.write()
    good = sum(result.ok for result in report.results)
    typer.echo(f"{good} results, {len(report.results) - good} missing, refused or failed: {written}")
    if not good:
        raise typer.Exit(1)


def _need_extra() -> None:
    """Raise at once, not after hours, if what the report needs is missing."""
    for package in ("matplotlib", "scipy"):
        try:
            importlib.import_module(package)
        except ImportError:
            raise MissingDependencyError(f"voxz bench needs {package}; pip install 'voxz[bench]'") from None


def _reference(wanted: str | None, names: list[str]) -> str:
    """Codec to compare sizes with."""
    if wanted is None:
        return _REFERENCE if _REFERENCE in names else names[0]
    if wanted not in names:
        raise UsageError(f"--reference must be one of the measured codecs {', '.join(names)} (got {wanted})")
    return wanted


def _windows(rates: str | None) -> "tuple[Window | None, ...]":
    """Pairs of rates of a text such as 0.1:1,1:6."""
    return (None,) if rates is None else tuple(map(_window, rates.split(",")))


def _window(rates: str) -> "Window":
    try:
        low, high = map(float, rates.split(":"))
    except ValueError:
        low = high = 0.0
    if not 0 < low < high:
        raise UsageError(f"--rates must be two rates in bits/voxel such as 1:6 (got {rates})")
    return low, high


def _notes(options: "RunOptions", specs: "list[Spec]") -> list[str]:
    """What a reader of the results must know."""
    cores = os.cpu_count() or 1
    return [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, by: {shlex.join(['voxz', *sys.argv[1:]])}",
        f"{processor()}, {cores} cores, {platform.system()}, Python {platform.python_version()}; "
        f"{options.jobs} measurements at a time.",
        f"Versions: {'; '.join(_versions(specs))}.",
        "Every figure is from a file that a fresh process decoded; every result is compared with the original samples.",
        "Sizes are of whole files. Speeds are MB (10**6 bytes of samples) per second of CPU time on one thread, the best of up "
        "to three runs; starting, compiling and reading files are not counted. Memory is the peak of the whole process.",
        "PSNR has the peak max - min of the volume; SSIM has windows of 7 x 7 x 7 voxels.",
        "A series is coded in volume order and, where the codec can, in time order; in lossless tables the smaller counts.",
        "Volumes were coded whole." if options.slices is None else f"At most {options.slices} middle slices were coded.",
    ]


def _versions(specs: "list[Spec]") -> list[str]:
    """Of each codec that is there."""
    found = {}
    for spec in specs:
        with contextlib.suppress(VoxzError):
            found[spec.name] = f"{spec.name}: {spec.rival().version()}"
    return list(found.values())


@contextmanager
def _progress() -> "Iterator[Callable[[Result, int, int], None]]":
    """A bar on a terminal; a line for what goes wrong everywhere."""
    with shown("measuring", counts=True) as progress:

        def tell(result: "Result", done: int, total: int) -> None:
            if progress:
                progress(done, total)
            if not result.ok:
                where = f"{result.volume}, {result.codec}" if result.codec else result.volume
                print(f"voxz: {where}: {result.status}: {result.message}", file=sys.stderr)

        yield tell
