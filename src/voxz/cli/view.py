"""The command ``voxz view``: images in a browser."""

import contextlib
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from voxz.errors import UsageError


def view(
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[IN [B]]",
            help="A .voxz file, with B (.voxz or NIfTI) their difference; or a folder, whose images are listed.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        str | None, typer.Option("-o", "--output", help="Write a page (HTML) that carries the files; - is standard output.")
    ] = None,
    force: Annotated[bool, typer.Option("-f", "--force", help="Replace an existing page.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the server; 0 for any that is free.")] = 0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only say the address.")] = False,
) -> None:
    """Show IN in a browser, slices linked by a crosshair; with B, original, decoded and difference.

    With -o, one page that carries the files, decodes them itself and loads nothing; without files, a page to drop some on.
    Otherwise a server of this machine alone, at an address that nobody can guess, shows them until Ctrl-C.
    """
    from voxz.io.output import output as written  # noqa: PLC0415 - start-up time
    from voxz.viewer.page import page_with  # noqa: PLC0415
    from voxz.viewer.server import Server  # noqa: PLC0415

    paths = list(inputs or [])
    folder = len(paths) == 1 and paths[0].is_dir()
    if output is not None:
        if folder:
            raise UsageError(f"{paths[0]} is a folder; a page carries files: leave out -o")
        page = page_with(list(paths))
        with written(output, force) as file:
            file.write(page.encode())
        return
    if not paths:
        raise UsageError("give a file or a folder to show, or -o with the name of a page to write")
    with contextlib.suppress(KeyboardInterrupt), Server(paths[0], () if folder else tuple(paths), port=port) as server:
        typer.echo(server.url)
        typer.echo("Only this machine reaches it. Ctrl-C ends it.", err=True)
        if not no_browser:
            webbrowser.open(server.url)
        server.serve_forever(0.2)
