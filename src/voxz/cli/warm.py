"""The command ``voxz warm``."""

from typing import Annotated

import typer

from voxz.cli.progress import shown

MOST = 4
"""Processes by default, which need not be more than memory allows."""


def warm(
    processes: Annotated[
        int | None, typer.Option(min=1, help="Processes that compile, of up to 700 MiB each; default: the cores, at most 4.")
    ] = None,
) -> None:
    """Compile all kernels now, so that no later start has to wait for it.

    Use it when a container image is built or before many jobs start. VOXZ_CACHE_DIR names another folder to keep them in.
    Machine code is for one type of processor; NUMBA_CPU_NAME=generic, set here and later, makes it run on any.
    """
    from voxz.jit import COMPILED  # noqa: PLC0415 - start-up time
    from voxz.jit.cache import folders  # noqa: PLC0415
    from voxz.threads import thread_count  # noqa: PLC0415
    from voxz.warm.compile_all import compile_all  # noqa: PLC0415

    if not COMPILED:
        typer.echo("VOXZ_JIT=0: kernels run as plain Python, there is nothing to compile")
        return
    with shown("warm", counts=True) as progress:
        compile_all(progress, processes or min(thread_count(None), MOST))
    typer.echo(f"kernels are compiled, in {folders()[0]}")
