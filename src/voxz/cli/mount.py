"""The command ``voxz mount``."""

import logging
import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from voxz.cli.text import printable


class _Lines(logging.Handler):
    """A line on standard error for each event, as errors of other commands have."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print it."""
        typer.echo(f"voxz: {printable(record.getMessage())}", err=True)


def mount(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of .voxz files.")],
    mountpoint: Annotated[Path, typer.Argument(metavar="MOUNTPOINT", help="Empty folder to show them at.")],
    cache: Annotated[int, typer.Option(min=1, help="MB of decoded bricks to keep, for all files together.")] = 512,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds after which a request is answered with an error.")] = 60.0,
    gz: Annotated[
        bool, typer.Option("--gz", help="Show what was scan.nii.gz by that name, as gzip without compression; else as scan.nii.")
    ] = False,
    threads: Annotated[int | None, typer.Option("-T", "--threads", help="Threads; default: the CPUs it may use.")] = None,
) -> None:
    """Show .voxz files as the files they were, read-only, to any program: scan.nii.voxz appears as scan.nii.

    Archives of several files appear as folders, a header and its samples side by side, other files as they are. Samples are
    decoded when they are read. It ends with Ctrl-C, or with fusermount3 -u MOUNTPOINT.
    """
    from voxz.adapters.mount import mount as show  # noqa: PLC0415
    from voxz.adapters.shown_tree import log  # noqa: PLC0415 - start-up time

    log.addHandler(_Lines())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # FUSE sets its own, which unmount
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)

    def shown() -> None:
        if sys.stderr.isatty():
            typer.echo(f"{folder} is shown at {mountpoint}, until Ctrl-C or fusermount3 -u {mountpoint}", err=True)

    show(folder, mountpoint, cache_bytes=cache << 20, threads=threads, timeout=timeout, gz=gz, shown=shown)
    os._exit(0)  # a request that hangs is not waited for
